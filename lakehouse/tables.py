"""The tables of the lakehouse and their last publications.

A job publishes a table in one Iceberg commit, and records in the snapshot's summary what it read and in which run. So
counting reads only a few kilobytes of metadata, and the counts always match the data.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.exceptions import NoSuchIcebergTableError, NoSuchTableError
from pyiceberg.table.snapshots import Snapshot

from lakehouse import lineage
from lakehouse.aws import CONFIG
from lakehouse.errors import LakehouseError


def declared(name: str) -> dict[str, Any]:
    """Return the content of policies.json or pipeline.json, which Terraform and the jobs read too."""
    try:
        content: dict[str, Any] = json.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:  # at import, before a command could report it
        sys.exit(
            f"error: glue_jobs/{name}, line {error.lineno}: {error.msg}. Nothing was done. "
            "Correct it and run the command again."
        )
    return content


_TABLES = declared("pipeline.json")["tables"]
ZONES: Mapping[str, tuple[str, ...]] = {
    zone: tuple(name for name, table in _TABLES.items() if table["zone"] == zone)
    for zone in ("landing", "trusted", "curated")
}
TABLE_OF_JOB: Mapping[str, str] = {table["job"]: name for name, table in _TABLES.items() if "job" in table}
"""Table that each job writes, in the order of the jobs."""

ALL_STEPS = "all_steps"
"""Job that runs the steps of all, with orchestration = "single_job"."""

ACCOUNTED_FOR: Mapping[str, tuple[str, ...]] = {
    table["job"]: tuple(table["accounts_for"]) for table in _TABLES.values() if "job" in table
}
"""Tables of which each job accounts for every row."""

PROFILES = tuple(declared("policies.json")["profiles"])
"""Named sets of policies; the first is the default."""

TABLES = tuple(table for tables in ZONES.values() for table in tables)


@dataclass(frozen=True)
class Publication:
    """The last publication of a table, from the summary of its snapshot."""

    rows: int
    workflow_run_id: str
    snapshot_id: int = 0
    rows_in: int | None = None
    """Rows of the job's main input."""
    rows_read: Mapping[str, int] = field(default_factory=dict)
    """Rows of each table that the job counted while reading it."""
    rows_parsed: Mapping[str, int] = field(default_factory=dict)
    """Rows of each landing table that the job parsed; it read the others as earlier runs have parsed them."""
    unchanged_since: str = ""
    """Id of the run that computed the rows, if nothing had changed since and this run took them over."""
    report: Mapping[str, str] = field(default_factory=dict)
    """What the run says of itself (see `lineage`)."""

    @classmethod
    def of(cls, snapshot: Snapshot) -> Publication:
        """Return the publication that a snapshot's summary records."""
        properties = snapshot.summary.additional_properties if snapshot.summary else {}
        report = lineage.report(properties)
        return cls(
            rows=int(properties.get("total-records", 0)),
            workflow_run_id=report.get("workflow-run-id", ""),
            snapshot_id=snapshot.snapshot_id,
            rows_in=int(report["rows-in"]) if "rows-in" in report else None,
            rows_read=_numbers(report, "rows-read."),
            rows_parsed=_numbers(report, "rows-parsed."),
            unchanged_since=report.get(lineage.UNCHANGED_SINCE, ""),
            report=report,
        )


def catalog_of(session: boto3.Session) -> GlueCatalog:
    """Return pyiceberg's Glue catalog for an AWS session."""
    return GlueCatalog("lakehouse", session.client("glue", config=CONFIG), **_file_access(session))


def publications(session: boto3.Session, database: str) -> dict[str, Publication]:
    """Return the last publication of each table that has one."""
    catalog = catalog_of(session)
    found = {}
    for table in TABLE_OF_JOB.values():
        try:
            snapshot = catalog.load_table((database, table)).current_snapshot()
        except (NoSuchTableError, NoSuchIcebergTableError) as error:
            raise LakehouseError(f"There is no Iceberg table {database}.{table}. Create it: make apply") from error
        if snapshot:
            found[table] = Publication.of(snapshot)
    return found


def runs_kept(session: boto3.Session, database: str) -> set[str]:
    """Return the ids of the workflow runs of which the tables still have a snapshot: the others have expired."""
    *_, last = TABLE_OF_JOB.values()
    table = catalog_of(session).load_table((database, last))
    return {Publication.of(snapshot).workflow_run_id for snapshot in table.snapshots()}


def of_run(published: Mapping[str, Publication], run_id: str) -> dict[str, Publication]:
    """Return the publications of one workflow run: after a failed job, a table still has that of an earlier run."""
    return {table: publication for table, publication in published.items() if publication.workflow_run_id == run_id}


def rows(published: Mapping[str, Publication]) -> dict[str, int]:
    """Return the row count of each table, in the order of the zones; for landing tables, the rows that jobs read."""
    read = _merged(publication.rows_read for publication in published.values())
    known = read | {table: publication.rows for table, publication in published.items()}
    return {table: known[table] for table in TABLES if table in known}


def outdated(published: Mapping[str, Publication]) -> list[str]:
    """Return a line for each table that was made from other rows of its source than the published ones.

    There is none after a complete run, since its last job publishes all tables together.
    """
    shown = {table: (publication.snapshot_id, publication.report) for table, publication in published.items()}
    return [
        f"{table} was made from another snapshot of {source} than the published one"
        for table, source in lineage.outdated(shown)
    ]


def _numbers(properties: Mapping[str, str], prefix: str) -> dict[str, int]:
    return {key.removeprefix(prefix): int(value) for key, value in properties.items() if key.startswith(prefix)}


def _merged(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    return {table: count for mapping in counts for table, count in mapping.items()}


def _file_access(session: boto3.Session) -> dict[str, str]:
    """Return pyiceberg's settings for S3: the region, credentials and endpoint that boto3 uses."""
    credentials = session.get_credentials()
    if credentials is None:
        raise LakehouseError("There are no AWS credentials. Set AWS_PROFILE, or type: aws sso login")
    frozen = credentials.get_frozen_credentials()
    settings = {
        "s3.region": session.region_name,
        "s3.access-key-id": frozen.access_key,
        "s3.secret-access-key": frozen.secret_key,
        "s3.session-token": frozen.token,
        "s3.endpoint": os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"),
    }
    return {key: value for key, value in settings.items() if value}
