"""The refusal of an owner who was erased: it outlives the owner's records, since others have the Step Trainer too.

What is kept is an empty object, named by the keyed hash of the serial number. The key is one of its own and is never
replaced: nobody would find the Step Trainer to a refusal under a key before.
"""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from pyspark.sql import DataFrame

import subject
from problems import BadInputError

if TYPE_CHECKING:
    from forget_objects import Bucket
    from forget_person import Record

PREFIX: Final = "forget/refusals/"


def agrees(records: "Iterable[Record]", *, now: int) -> bool:
    """Tell whether the latest of a customer's landing records agrees at `now`, epoch milliseconds.

    One that does not agree and does not say of when it is, or cannot be compared, is taken for the latest.
    """
    ages = [_age({key.lower(): value for key, value in record}, now) for record in records]
    return bool(ages) and not max(ages)[-1]


def keep(bucket: "Bucket", pseudonyms: Iterable[str]) -> None:
    """Keep the refusal of an owner of Step Trainers, given by their pseudonyms."""
    for pseudonym in pseudonyms:
        bucket.write(f"{PREFIX}{pseudonym}", b"")


def kept(bucket: str) -> set[str]:
    """Return the pseudonyms of the Step Trainers of which an owner refused who is erased."""
    pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=PREFIX)
    try:
        return {item["Key"].removeprefix(PREFIX) for page in pages for item in page.get("Contents", [])}
    except (BotoCoreError, ClientError) as error:
        raise BadInputError(
            f"The refusals at s3://{bucket}/{PREFIX} cannot be listed: {error}. Nothing was published; run again."
        ) from error


def owners(devices: DataFrame, refused: Collection[str], secret: bytes) -> DataFrame:
    """Return an owner without an address, who never agreed, for each device (`serialnumber`) that is refused."""
    pseudonym = subject.pseudonym(secret)
    return devices.distinct().where(pseudonym("serialnumber").isin(*refused)).select("serialnumber")


def _age(record: dict[str, Any], now: int) -> tuple[bool, int, int, bool]:
    """Return what is the greater, the later a record is; last, whether it objects."""
    since, updated, registered = (
        _number(record.get(key)) for key in ("sharewithresearchasofdate", "lastupdatedate", "registrationdate")
    )
    objects = not 0 < since <= now
    return objects and not updated, updated, registered, objects


def _number(value: object) -> int:
    """Return a date of a record; 0 for what is none."""
    try:
        return int(float(str(value)))
    except (ValueError, OverflowError):
        return 0
