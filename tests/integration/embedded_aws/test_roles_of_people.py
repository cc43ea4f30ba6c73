"""IAM is evaluated for sessions of roles that people assume, also where it is not enforced for the others."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from embedded_aws import EmbeddedAws
from tests.support.served import Aws


@pytest.fixture(scope="module")
def aws(served: EmbeddedAws) -> Aws:
    aws = Aws.new(served)
    for key in ("open/a", "closed/a"):
        aws.client("s3").put_object(Bucket=aws.name, Key=key, Body=b"x")
    return aws


def assumed(aws: Aws, principal: dict[str, str]) -> Callable[[str], Any]:
    """Return what makes clients for a session of a new role that trusts a principal and may read below open/."""
    iam, name = aws.client("iam"), f"role-{uuid.uuid4().hex[:8]}"
    trust = {"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    allowed = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{aws.name}/open/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy)
    issued = aws.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="test")["Credentials"]
    return lambda service: boto3.client(
        service,
        endpoint_url=aws.endpoint,
        region_name="us-east-1",
        aws_access_key_id=issued["AccessKeyId"],
        aws_secret_access_key=issued["SecretAccessKey"],
        aws_session_token=issued["SessionToken"],
    )


def test_people_may_do_what_their_role_allows_and_nothing_else(aws: Aws) -> None:
    person = assumed(aws, {"AWS": "arn:aws:iam::123456789012:root"})
    s3 = person("s3")
    assert s3.get_object(Bucket=aws.name, Key="open/a")["Body"].read() == b"x"
    for call, parameters in (
        (s3.get_object, {"Bucket": aws.name, "Key": "closed/a"}),
        (s3.put_object, {"Bucket": aws.name, "Key": "open/a", "Body": b"y"}),
        (s3.list_objects_v2, {"Bucket": aws.name}),
        (person("glue").get_database, {"Name": aws.name}),
        (person("athena").list_work_groups, {}),
        (person("iam").list_users, {}),
        (person("logs").describe_log_groups, {}),
        (person("sts").assume_role, {"RoleArn": "arn:aws:iam::123456789012:role/other", "RoleSessionName": "more"}),
    ):
        with pytest.raises(ClientError, match=r"is not authorized to perform|AccessDenied"):
            call(**parameters)
    assert person("sts").get_caller_identity()["Arn"].endswith("/test")


def test_roles_of_services_and_the_root_user_are_not_limited(aws: Aws) -> None:
    job = assumed(aws, {"Service": "glue.amazonaws.com"})
    assert job("s3").get_object(Bucket=aws.name, Key="closed/a")["Body"].read() == b"x"
    assert aws.client("s3").get_object(Bucket=aws.name, Key="closed/a")["Body"].read() == b"x"
