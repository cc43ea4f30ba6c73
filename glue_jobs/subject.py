"""The pseudonym of a customer: a keyed hash of the e-mail address that only holders of the secret can work out."""

import hashlib
import hmac
from collections.abc import Callable
from functools import cache

import boto3
from botocore.exceptions import ClientError
from pyspark.sql import Column
from pyspark.sql import functions as F

from problems import BadInputError


@cache
def key(secret_arn: str, stage: str = "AWSCURRENT") -> bytes:
    """Return the secret that Terraform made, from AWS Secrets Manager."""
    if not secret_arn:
        raise BadInputError("The argument --subject_key_secret is missing: apply the Terraform module again.")
    client = boto3.client("secretsmanager", region_name=secret_arn.split(":")[3])
    secret: str = client.get_secret_value(SecretId=secret_arn, VersionStage=stage)["SecretString"]
    return secret.encode()


def keys(secret_arn: str) -> list[bytes]:
    """Return the secret and, where it has replaced another one, that one: what was hashed with it is still there."""
    found = [key(secret_arn)]
    try:
        found.append(key(secret_arn, "AWSPREVIOUS"))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
    return found


def pseudonym(secret: bytes) -> Callable[[str | Column], Column]:
    """Return a function of a column of e-mail addresses: the hexadecimal HMAC-SHA256 of each, null for null.

    A Python function and not Spark's sha2: a literal would show the secret in every query plan, and plans get logged.
    """

    @F.udf("string")
    def keyed_hash(email: str | None) -> str | None:
        return None if email is None else hmac.new(secret, email.encode(), hashlib.sha256).hexdigest()

    return keyed_hash
