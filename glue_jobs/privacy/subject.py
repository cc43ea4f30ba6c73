"""The pseudonym of a customer: a keyed hash of the e-mail address that only holders of the secret can work out.

A curated customer has others, one for each column that identifies people: the serial number beside them must not tell
whom a pseudonym of the training table stands for.
"""

import hashlib
import hmac
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from pyspark import cloudpickle
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from address import with_address
from canonical import canonical
from problems import BadInputError

# As in `address`.
cloudpickle.register_pickle_by_value(sys.modules[__name__])  # type: ignore[no-untyped-call]

CURATED: Final = ("customername", "email", "phone")
"""Columns of customers_curated in which pseudonyms may stand."""


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


def pseudonym(secret: bytes, curated: str = "") -> Callable[[str | Column], Column]:
    """Return a function of a column: the pseudonym of each value, null for null.

    Values are e-mail addresses or, where it is named, those of a column of customers_curated.

    A Python function and not Spark's sha2: a literal would show the secret in every query plan, and plans get logged.
    """

    @F.udf("string")
    def of_value(value: str | None) -> str | None:
        return None if value is None else of_text(secret, value, curated)

    return of_value


def of_text(secret: bytes, text: str, curated: str = "") -> str:
    """Return the pseudonym of an e-mail address or, where it is named, of a value in a column of customers_curated."""
    return keyed_hash(secret, " ".join(filter(None, (curated, canonical(text)))))


def identified(curated: DataFrame, people: DataFrame, secrets: Sequence[bytes]) -> DataFrame:
    """Return curated customers with their address in the place of its pseudonym, as far as it is one of some people.

    `people` is a column of addresses; the pseudonyms are under any of the secrets.
    """
    addresses = with_address(people, *people.columns).select("address").distinct()
    keys = F.array(*(pseudonym(secret, "email")("address") for secret in secrets))
    known = addresses.select("address", F.explode(keys).alias("known"))
    customers = curated.join(known, on=F.col("email") == F.col("known"), how="left")
    return customers.withColumn("email", F.col("address")).drop("address", "known")


def keyed_hash(secret: bytes, text: str) -> str:
    """Return the hexadecimal HMAC-SHA256 of a text."""
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
