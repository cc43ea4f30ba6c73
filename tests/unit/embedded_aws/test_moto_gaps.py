from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from moto.athena.responses import AthenaResponse
from moto.core.responses import BaseResponse
from moto.ec2.models import security_groups
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.glue.models import FakeConnection
from moto.glue.responses import GlueResponse
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket, FakeDeleteMarker

from embedded_aws import moto_gaps
from embedded_aws.iam_enforcement import Need
from embedded_aws.moto_gaps import (
    FILLED,
    answer_failures_once,
    answer_one_at_a_time,
    permission,
    updated_configuration,
)
from tests.support.served import Aws

OPERATIONS = [(response, operation) for response, operations in FILLED.items() for operation in operations]

# Looked up before any test runs: one that serves S3 in this very process fills the gaps.
MOTO_DISPOSES = hasattr(FakeDeleteMarker, "dispose")
MOTO_PERMISSION = FakeBucket.get_permission

TLS_ONLY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": ["arn:aws:s3:::lake", "arn:aws:s3:::lake/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


@pytest.mark.parametrize(("response", "operation"), OPERATIONS)
def test_moto_still_lacks(response: type[BaseResponse], operation: str) -> None:
    assert not hasattr(response, operation), f"moto has {operation} now: delete ours from moto_gaps.py"


def test_moto_still_calls_an_untagged_workgroup_unknown() -> None:
    source = AthenaResponse.list_tags_for_resource.__code__.co_consts
    assert " Does Not Exist" in source, "moto answers untagged resources now? Delete AthenaGaps.list_tags_for_resource"


def test_moto_still_lacks_what_the_job_runtime_adds() -> None:
    assert not hasattr(GlueResponse, "batch_stop_job_run"), "moto stops job runs now: see whether ours is still needed"


def test_moto_still_leaves_out_the_type_of_a_connection() -> None:
    source = FakeConnection.as_dict.__code__.co_consts
    assert "ConnectionType" not in str(source), "moto answers it now: delete GlueGaps.get_connection(s)"


def test_moto_still_forgets_the_description_of_a_rule_without_a_cidr_block() -> None:
    peer = {"GroupId": "sg-1", "Description": "Jobs"}
    rule = SecurityGroupRule(None, "tcp", "sg-1", "443", "443", None, peer)
    assert rule.description is None, "moto keeps it now: delete _keep_rule_descriptions"


def test_moto_still_cannot_dispose_of_a_delete_marker() -> None:
    assert not MOTO_DISPOSES, "moto can now: delete _let_delete_markers_go"


def test_moto_still_ignores_the_conditions_of_bucket_policies() -> None:
    bucket = SimpleNamespace(policy=json.dumps({"Statement": [TLS_ONLY]}).encode())
    answer = MOTO_PERMISSION(bucket, "s3:GetObject", "arn:aws:s3:::lake/a")
    assert answer == PermissionResult.DENIED, "moto heeds them now? Delete _heed_conditions_of_bucket_policies"


@pytest.mark.parametrize(
    ("statement", "secure", "expected"),
    [
        (TLS_ONLY, "false", PermissionResult.DENIED),
        (TLS_ONLY, "true", PermissionResult.NEUTRAL),
        (TLS_ONLY | {"Principal": {"AWS": "*"}}, "false", PermissionResult.DENIED),
        (TLS_ONLY | {"Principal": {"Service": "logging.s3.amazonaws.com"}}, "false", PermissionResult.NEUTRAL),
        (TLS_ONLY | {"Action": "s3:PutObject"}, "false", PermissionResult.NEUTRAL),
        (TLS_ONLY | {"Resource": "arn:aws:s3:::lake/landing/*"}, "false", PermissionResult.NEUTRAL),
        (TLS_ONLY | {"Effect": "Allow", "Condition": {}}, "true", PermissionResult.PERMITTED),
    ],
)
def test_a_bucket_policy_applies_where_its_condition_holds(
    statement: dict[str, object], secure: str, expected: PermissionResult
) -> None:
    policy = json.dumps({"Statement": [statement]}).encode()
    need = Need("s3:GetObject", "arn:aws:s3:::lake/warehouse/a", {"aws:SecureTransport": secure})
    assert permission(policy, need) == expected


def test_a_bucket_without_a_policy_leaves_it_to_iam() -> None:
    assert permission(None, Need("s3:GetObject", "arn:aws:s3:::lake/a")) == PermissionResult.NEUTRAL


@pytest.mark.parametrize(
    "peers",
    [
        ({"CidrIp": "10.0.0.0/8", "Description": "Jobs"}, None, None),
        (None, {"GroupId": "sg-2", "Description": "Jobs"}, None),
        (None, None, {"PrefixListId": "pl-1", "Description": "Jobs"}),
    ],
)
def test_a_rule_keeps_its_description(
    peers: tuple[dict[str, str] | None, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security_groups, "SecurityGroupRule", SecurityGroupRule)  # so that it is taken back afterwards
    moto_gaps.fill_models("ec2")
    rule = security_groups.SecurityGroupRule(None, "tcp", "sg-1", "443", "443", *peers)
    assert rule.description == "Jobs"


def test_workgroup_updates_set_replace_and_remove() -> None:
    configuration = {
        "EnforceWorkGroupConfiguration": True,
        "BytesScannedCutoffPerQuery": 10_000_000,
        "ResultConfiguration": {"OutputLocation": "s3://a/", "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"}},
    }
    updates = {
        "EnforceWorkGroupConfiguration": False,
        "RemoveBytesScannedCutoffPerQuery": True,
        "RemoveOutputLocation": False,
        "ResultConfigurationUpdates": {"OutputLocation": "s3://b/", "RemoveEncryptionConfiguration": True},
    }
    assert updated_configuration(configuration, updates) == {
        "EnforceWorkGroupConfiguration": False,
        "ResultConfiguration": {"OutputLocation": "s3://b/"},
    }
    assert configuration["EnforceWorkGroupConfiguration"] is True


def test_requests_of_one_service_come_one_after_the_other() -> None:
    app, busy = Flask("test"), threading.Lock()

    @app.get("/")
    def view() -> str:
        assert busy.acquire(blocking=False), "two requests at once"
        time.sleep(0.02)
        busy.release()
        return "done"

    app.testing = True
    answer_one_at_a_time(app)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: app.test_client().get("/"), range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4


@pytest.mark.parametrize(
    ("headers", "method", "body"),
    [
        ({"Content-Type": "application/x-amz-json-1.1"}, "POST", '{"__type": "NotImplementedException", "message": "'),
        ({"Content-Type": "application/x-www-form-urlencoded"}, "POST", "<ErrorResponse><Error><Code>NotImplemented"),
        ({}, "GET", "<Error><Code>NotImplemented"),
    ],
)
def test_a_failure_is_answered_in_the_protocol_of_the_request(headers: dict[str, str], method: str, body: str) -> None:
    app = Flask("test")
    app.add_url_rule("/", view_func=lambda: {}["missing"], methods=["GET", "POST"])
    answer = answer_failures_once(app).test_client().open("/", method=method, headers=headers)
    assert answer.status_code == 501
    assert answer.text.startswith(body)
    assert "KeyError" in answer.text


def test_moto_still_ignores_the_version_that_an_update_of_a_table_is_for() -> None:
    read = GlueResponse.update_table.__code__.co_consts
    assert "VersionId" not in read, "moto reads it now: see whether GlueGaps.update_table is still needed"


class TestUpdateTable:
    @pytest.fixture
    def table(self, aws: Aws) -> dict[str, Any]:
        aws.client("glue").create_table(DatabaseName=aws.name, TableInput={"Name": "t"})
        return {"DatabaseName": aws.name, "TableInput": {"Name": "t", "Description": "new"}}

    def test_of_another_version_is_refused(self, aws: Aws, table: dict[str, Any]) -> None:
        glue = aws.client("glue")
        glue.update_table(**table, VersionId="1")
        with pytest.raises(glue.exceptions.ConcurrentModificationException):
            glue.update_table(**table, VersionId="1")
        glue.update_table(**table)
        assert glue.get_table(DatabaseName=aws.name, Name="t")["Table"]["VersionId"] == "3"

    def test_archives_the_old_version_unless_told_not_to(self, aws: Aws, table: dict[str, Any]) -> None:
        glue = aws.client("glue")
        glue.update_table(**table)
        glue.update_table(**table, SkipArchive=True)
        versions = glue.get_table_versions(DatabaseName=aws.name, TableName="t")["TableVersions"]
        assert sorted(each["VersionId"] for each in versions) == ["1", "3"]
