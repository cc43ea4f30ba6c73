"""Refusals of erased owners: they outlive the owner's records, since other customers may share the Step Trainer.

A refusal is an empty object named by the keyed hash of the serial number. Its key is separate and never rotated: a
refusal hashed with an earlier key could not be matched to its Step Trainer.
"""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from pyspark.sql import DataFrame

import pseudonyms
from problems import BadInputError
from s3_root import split

if TYPE_CHECKING:
    from bucket_objects import Bucket
    from person import Record

PREFIX: Final = "forget/refusals/"


def agrees(records: "Iterable[Record]", *, now: int) -> bool:
    """Tell whether the latest of a customer's landing records consents at `now`, epoch milliseconds.

    A record without consent and without a comparable date counts as the latest.
    """
    recencies = [_recency({key.lower(): value for key, value in record}, now) for record in records]
    return bool(recencies) and not max(recencies)[-1]


def save(bucket: "Bucket", serial_pseudonyms: Iterable[str]) -> None:
    """Save the refusal of an owner for each Step Trainer, given by the pseudonym of its serial number."""
    for pseudonym in serial_pseudonyms:
        bucket.write(f"{PREFIX}{pseudonym}", b"")


def load(bucket: str) -> set[str]:
    """Return the serial number pseudonyms of all Step Trainers that an erased owner refused to share."""
    name, prefix = split(bucket)
    below = f"{prefix}{PREFIX}"
    pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=name, Prefix=below)
    try:
        return {item["Key"].removeprefix(below) for page in pages for item in page.get("Contents", [])}
    except (BotoCoreError, ClientError) as error:
        raise BadInputError(
            f"The refusals at s3://{bucket}/{PREFIX} cannot be listed: {error}. Nothing was published; run again."
        ) from error


def refused_owners(devices: DataFrame, refused: Collection[str], secret: bytes) -> DataFrame:
    """Return an owner record without address or consent for each device (`serialnumber`) with a refusal."""
    pseudonym = pseudonyms.pseudonymizer(secret)
    return devices.distinct().where(pseudonym("serialnumber").isin(*refused)).select("serialnumber")


def _recency(record: dict[str, Any], now: int) -> tuple[bool, int, int, bool]:
    """Return a sort key that is greater for later records; its last element says whether consent is missing."""
    since, updated, registered = (
        _number(record.get(key)) for key in ("sharewithresearchasofdate", "lastupdatedate", "registrationdate")
    )
    refuses = not 0 < since <= now
    return refuses and not updated, updated, registered, refuses


def _number(value: object) -> int:
    """Return a date of a record, 0 if it is not a number."""
    try:
        return int(float(str(value)))
    except (ValueError, OverflowError):
        return 0
