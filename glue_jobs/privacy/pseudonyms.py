"""Pseudonyms of customers: a keyed hash (HMAC) of the e-mail address, computable only with the secret key.

In customers_curated each identifying column has pseudonyms of its own. Otherwise the serial number in the same row
would reveal the customer behind a pseudonym of the training table.
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

# As in address.py.
cloudpickle.register_pickle_by_value(sys.modules[__name__])  # type: ignore[no-untyped-call]

CURATED: Final = ("customername", "email", "phone")
"""Columns of customers_curated that may hold pseudonyms."""


class KeyNotFoundError(BadInputError):
    """The secret, or the requested stage of it, does not exist."""


@cache
def key(secret_arn: str, stage: str = "AWSCURRENT") -> bytes:
    """Read the HMAC key that Terraform created, from AWS Secrets Manager."""
    if not secret_arn:
        raise BadInputError("The argument --subject_key_secret is missing: apply the Terraform module again.")
    client = boto3.client("secretsmanager", region_name=secret_arn.split(":")[3])
    try:
        secret: str = client.get_secret_value(SecretId=secret_arn, VersionStage=stage)["SecretString"]
    except client.exceptions.ResourceNotFoundException as error:
        raise KeyNotFoundError(f"The HMAC key {secret_arn} does not exist: apply the Terraform module.") from error
    except (BotoCoreError, ClientError) as error:
        raise BadInputError(f"The HMAC key {secret_arn} cannot be read: {error}") from error
    return secret.encode()


def keys(secret_arn: str) -> list[bytes]:
    """Return the current key and, after a rotation, the previous one: older rows still hold its pseudonyms."""
    found = [key(secret_arn)]
    with suppress(KeyNotFoundError):
        found.append(key(secret_arn, "AWSPREVIOUS"))
    return found


def pseudonymizer(secret: bytes, column: str = "") -> Callable[[str | Column], Column]:
    """Return a column function that replaces each value by its pseudonym; null stays null.

    The values are e-mail addresses, or those of the column of customers_curated that `column` names.

    A Python UDF rather than Spark's sha2: a literal would show the key in every query plan, and plans are logged.
    """

    @F.udf("string")
    def of_value(value: str | None) -> str | None:
        return None if value is None else of(secret, value, column)

    return of_value


def of(secret: bytes, text: str, column: str = "") -> str:
    """Return the pseudonym of an e-mail address, or of a value of the given column of customers_curated."""
    return keyed_hash(secret, " ".join(filter(None, (column, canonical(text)))))


def resolve(curated: DataFrame, people: DataFrame, secrets: Sequence[bytes]) -> DataFrame:
    """Replace the e-mail pseudonyms of curated customers by the addresses behind them, null where unknown.

    `people` is one column with the candidate addresses; a pseudonym may be under any of the secrets.
    """
    addresses = with_address(people, *people.columns).select("address").distinct()
    keys = F.array(*(pseudonymizer(secret, "email")("address") for secret in secrets))
    known = addresses.select("address", F.explode(keys).alias("known"))
    customers = curated.join(known, on=F.col("email") == F.col("known"), how="left")
    return customers.withColumn("email", F.col("address")).drop("address", "known")


def keyed_hash(secret: bytes, text: str) -> str:
    """Return the hexadecimal HMAC-SHA256 of a text."""
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
