"""The pseudonym of a customer: a keyed hash of the e-mail address that only holders of the secret can work out."""

import hashlib
import hmac
from collections.abc import Callable
from contextlib import suppress
from functools import cache

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from pyspark.sql import Column
from pyspark.sql import functions as F

import address
from problems import BadInputError


class KeyNotFoundError(BadInputError):
    """There is no such secret, or no such stage of it."""


@cache
def key(secret_arn: str, stage: str = "AWSCURRENT") -> bytes:
    """Return the secret that Terraform made, from AWS Secrets Manager."""
    if not secret_arn:
        raise BadInputError("The argument --subject_key_secret is missing: apply the Terraform module again.")
    client = boto3.client("secretsmanager", region_name=secret_arn.split(":")[3])
    try:
        secret: str = client.get_secret_value(SecretId=secret_arn, VersionStage=stage)["SecretString"]
    except client.exceptions.ResourceNotFoundException as error:
        raise KeyNotFoundError(
            f"There is no key of the pseudonyms, {secret_arn}: apply the Terraform module."
        ) from error
    except (BotoCoreError, ClientError) as error:
        raise BadInputError(f"The key of the pseudonyms, {secret_arn}, cannot be read: {error}") from error
    return secret.encode()


def keys(secret_arn: str) -> list[bytes]:
    """Return the secret and, where it has replaced another one, that one: what was hashed with it is still there."""
    found = [key(secret_arn)]
    with suppress(KeyNotFoundError):
        found.append(key(secret_arn, "AWSPREVIOUS"))
    return found


def pseudonym(secret: bytes) -> Callable[[str | Column], Column]:
    """Return a function of a column of e-mail addresses: the pseudonym of each, null for null.

    A Python function and not Spark's sha2: a literal would show the secret in every query plan, and plans get logged.
    """

    @F.udf("string")
    def of_address(email: str | None) -> str | None:
        return None if email is None else keyed_hash(secret, address.canonical(email))

    return of_address


def keyed_hash(secret: bytes, text: str) -> str:
    """Return the hexadecimal HMAC-SHA256 of a text."""
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
