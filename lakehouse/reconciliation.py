"""The reconciliation of a run: how many rows its jobs read, published, dropped and quarantined.

The jobs record this in the table pipeline_runs of the audit database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from pyiceberg.exceptions import NoSuchIcebergTableError, NoSuchTableError
from pyiceberg.expressions import AlwaysTrue

from lakehouse.aws import CONFIG
from lakehouse.errors import LakehouseError
from lakehouse.tables import TABLE_OF_JOB, catalog_of

RESTORED = "restored"
"""Outcome of a table that a rollback put back; the reason is the id of the run that made it."""
EXPIRED = "expired"
"""Outcome of snapshots that an erasure, a withdrawal or other pseudonyms removed; the reason says which."""

ERASURE = "erasure request"
"""Reason of an erasure for `EXPIRED`."""


@dataclass(frozen=True)
class Reconciliation:
    """The rows that one job read from one table: read = published + dropped + quarantined."""

    job: str
    """Short name: that of its script."""
    table: str
    read: int
    published: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Rows by drop reason."""
    quarantined: Mapping[str, int] = field(default_factory=dict)
    """Rows by reason."""
    written: int | None = field(default=None, compare=False)
    """Rows of the table that the job wrote: as many as were published, unless a row pairs rows of several inputs. None
    if it wrote none, since it refused its input."""
    unchanged: bool = field(default=False, compare=False)
    """Whether the job took these rows over from an earlier run, since nothing had changed."""

    @property
    def target(self) -> str:
        """Name of the table that the job writes."""
        return TABLE_OF_JOB.get(self.job, self.job)

    @property
    def accounted_for(self) -> int:
        """Rows that were published, dropped or quarantined."""
        return self.published + sum(self.dropped.values()) + sum(self.quarantined.values())

    def describe(self) -> str:
        """Return the numbers and reasons in one line."""
        reasons = [
            f"{rows:,} {outcome}: {reason}"
            for outcome, by_reason in (("dropped", self.dropped), ("quarantined", self.quarantined))
            for reason, rows in sorted(by_reason.items(), key=lambda item: -item[1])
        ]
        return ", ".join([f"{self.read:,} rows of {self.table} read", f"{self.published:,} published", *reasons])

    def lines(self) -> list[str]:
        """Return the rows read and lost in one line, then a line for each reason, largest first."""
        dropped, quarantined = sum(self.dropped.values()), sum(self.quarantined.values())
        return [
            f"{self.table}: {self.read:,} read, {dropped:,} dropped, {quarantined:,} quarantined",
            *(
                f"  {rows:,} {outcome}: {reason}"
                for outcome, by_reason in (("dropped", self.dropped), ("quarantined", self.quarantined))
                for reason, rows in sorted(by_reason.items(), key=lambda item: -item[1])
            ),
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the entry in run.json."""
        return {
            "table": self.table,
            "read": self.read,
            "published": self.published,
            "dropped": dict(self.dropped),
            "quarantined": dict(self.quarantined),
        }


class Progress:
    """The reconciliation of a workflow run while it is in progress."""

    def __init__(self, session: boto3.Session, audit_database: str, run_id: str) -> None:
        self._session = session
        self._glue = session.client("glue", config=CONFIG)
        self._database = audit_database
        self._run_id = run_id
        self._version: str | None = None
        self._known: list[Reconciliation] = []

    def read(self) -> list[Reconciliation]:
        """Return what the jobs have recorded so far; read the table only if it has changed."""
        table = self._glue.get_table(DatabaseName=self._database, Name="pipeline_runs")["Table"]
        version = table.get("Parameters", {}).get("metadata_location")
        if version != self._version:
            self._known = of_run(self._session, self._database, self._run_id)
            self._version = version
        return self._known


def of_run(session: boto3.Session, audit_database: str, run_id: str) -> list[Reconciliation]:
    """Return the reconciliations of a workflow run, in the order of its jobs."""
    return reconcile(recorded(session, audit_database, f"workflow_run_id = '{run_id}'"))


def recorded(session: boto3.Session, audit_database: str, where: str = "") -> list[dict[str, Any]]:
    """Return the rows of pipeline_runs, by default all."""
    try:
        runs = catalog_of(session).load_table((audit_database, "pipeline_runs"))
    except (NoSuchTableError, NoSuchIcebergTableError) as error:
        raise LakehouseError(
            f"There is no Iceberg table {audit_database}.pipeline_runs. Create it: make apply"
        ) from error
    try:
        found: list[dict[str, Any]] = runs.scan(row_filter=where or AlwaysTrue()).to_arrow().to_pylist()
    except OSError as error:  # of pyarrow's S3 client
        raise LakehouseError(
            f"{audit_database}.pipeline_runs cannot be read: {error}. Run the command again."
        ) from error
    return found


def reconcile(recorded: Iterable[Mapping[str, Any]]) -> list[Reconciliation]:
    """Add up rows of pipeline_runs; if a job was retried, only its last attempt counts."""
    rows = [row for row in recorded if row["outcome"] not in (RESTORED, EXPIRED)]
    last = {row["target_table"]: row["job_run_id"] for row in sorted(rows, key=lambda row: int(row["recorded_at"]))}
    found = []
    for job, target in TABLE_OF_JOB.items():
        own = [row for row in rows if row["target_table"] == target and row["job_run_id"] == last[target]]
        written = next((row["rows"] for row in own if row["outcome"] == "output"), None)
        unchanged = any(computed_by(row) != last[target] for row in own)
        for source in dict.fromkeys(row["source_table"] for row in own if row["outcome"] == "read"):
            counts = [row for row in own if row["source_table"] == source]
            found.append(
                Reconciliation(
                    job=job,
                    table=source,
                    read=sum(_by_reason(counts, "read").values()),
                    published=sum(_by_reason(counts, "published").values()),
                    dropped=_by_reason(counts, "dropped"),
                    quarantined=_by_reason(counts, "quarantined"),
                    written=written,
                    unchanged=unchanged,
                )
            )
    return found


def computed_by(row: Mapping[str, Any]) -> str:
    """Return the id of the job run that computed the rows that a row of pipeline_runs counts."""
    return str(row.get("computed_by") or row["job_run_id"])  # earlier editions of the table lack the column


def _by_reason(counts: Iterable[Mapping[str, Any]], outcome: str) -> dict[str, int]:
    return {row["reason"]: row["rows"] for row in counts if row["outcome"] == outcome}
