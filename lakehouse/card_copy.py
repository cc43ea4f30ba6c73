"""The dataset card that the jobs write to the bucket: its copy in build/, and what the report of a run shows of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from lakehouse import aws, dataset_card, private_files, tables
from lakehouse.dataset_card import FACTS, FILE, OUT_OF_DATE, PREFIX, Facts
from lakehouse.environments import Environment
from lakehouse.errors import LakehouseError
from lakehouse.s3_root import split
from lakehouse.terraform import Outputs

REASON: Final = "The reason is in the log of the job that ended last"


def refresh(environment: Environment, outputs: Outputs, *, steps: int | None = None) -> None:
    """Copy the card to build/; warn if it is not of the tables as they are: what was done stands even then.

    `steps` is the number of known steps, if the command has published a label after the run.
    """
    try:
        session = aws.session(outputs.region)
        current = {name: found.snapshot_id for name, found in tables.publications(session, outputs.database).items()}
        facts = _read(session, outputs, FACTS)
        if facts is None or json.loads(facts).get("snapshots") != current:
            environment.display.warn(f"{OUT_OF_DATE}. {REASON}.")
            return
        if steps is not None:
            _write(session, outputs, replace(Facts.from_json(facts), steps=steps))
        private_files.write(environment.project.build / FILE, _read(session, outputs, FILE) or "")
    except (BotoCoreError, ClientError, LakehouseError, OSError) as error:
        environment.display.warn(f"The dataset card could not be copied from {PREFIX}{FILE}: {error}")


def of_run(session: boto3.Session, outputs: Outputs, run_id: str) -> str | None:
    """Return the text of the card in the bucket; None if there is none or it is of another run."""
    facts = _read(session, outputs, FACTS)
    return _read(session, outputs, FILE) if facts and json.loads(facts).get("run") == run_id else None


def _read(session: boto3.Session, outputs: Outputs, name: str) -> str | None:
    bucket, root = split(outputs.bucket)
    try:
        answer = _s3(session).get_object(Bucket=bucket, Key=f"{root}{PREFIX}{name}")
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("NoSuchKey", "404"):
            raise
        return None
    text: str = answer["Body"].read().decode()
    return text


def _write(session: boto3.Session, outputs: Outputs, facts: Facts) -> None:
    bucket, root = split(outputs.bucket)
    for name, text, media_type in dataset_card.objects(facts):
        _s3(session).put_object(Bucket=bucket, Key=f"{root}{PREFIX}{name}", Body=text.encode(), ContentType=media_type)


def _s3(session: boto3.Session) -> Any:
    return session.client("s3", config=aws.CONFIG)
