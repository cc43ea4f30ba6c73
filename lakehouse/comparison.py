"""Compare two runs: rows in and out by reason, customers by pseudonym, training rows that pair two people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from pyiceberg.table import Table

from lakehouse import lineage
from lakehouse.history import TRAINING, Run
from lakehouse.tables import TABLE_OF_JOB, catalog_of


@dataclass(frozen=True)
class Count:
    """Rows of a table with one outcome and reason in both runs; None if a run has no such table on record."""

    table: str
    outcome: str
    reason: str
    rows: tuple[int | None, int | None]

    @property
    def difference(self) -> int | None:
        """Rows of the second run beyond those of the first."""
        first, second = self.rows
        return None if first is None or second is None else second - first


@dataclass(frozen=True)
class Change:
    """A customer who is kept in one run only."""

    pseudonym: str
    kept_in: int
    """0: the first run; 1: the second."""
    reason: str
    """Why the other run does not keep them; empty if it has no record of them."""


@dataclass(frozen=True)
class Pairs:
    """Training rows that pair the step of one customer with the movement of another."""

    rows: int | None
    why_unknown: str = ""


def counts(runs: tuple[Run, Run]) -> list[Count]:
    """Return rows read, published, dropped and quarantined by source table, then rows written by table."""
    found = [{(table, outcome, reason): rows for table, outcome, reason, rows in _counts_of(run)} for run in runs]
    order = dict.fromkeys([*found[0], *found[1]])
    known = [{table for table, *_ in each} for each in found]
    rank = {"read": 0, "published": 1, "dropped": 2, "quarantined": 3, "written": 4}
    tables = list(dict.fromkeys(table for table, *_ in order if table not in TABLE_OF_JOB.values()))
    tables += TABLE_OF_JOB.values()

    def rows(side: int, key: tuple[str, str, str]) -> int | None:
        return found[side].get(key, 0 if key[0] in known[side] else None)

    keys = sorted(order, key=lambda key: (key[1] == "written", tables.index(key[0]), rank[key[1]], key[2]))
    return [Count(*key, (rows(0, key), rows(1, key))) for key in keys]


def _counts_of(run: Run) -> Iterator[tuple[str, str, str, int]]:
    for found in run.reconciliations:
        yield found.table, "read", "", found.read
        yield found.table, "published", "", found.published
        for outcome, reasons in (("dropped", found.dropped), ("quarantined", found.quarantined)):
            for reason, rows in reasons.items():
                yield found.table, outcome, reason, rows
    for table, rows in run.rows.items():
        yield table, "written", "", rows


def decisions(session: boto3.Session, audit_database: str, runs: Iterable[Run]) -> list[dict[str, Any]]:
    """Return the consent decisions of some runs."""
    columns = ("job_run_id", "subjectkey", "decision", "reason")
    table = catalog_of(session).load_table((audit_database, "consent_decisions"))
    where = " or ".join(f"job_run_id = '{run.decided_by}'" for run in runs)
    found: list[dict[str, Any]] = table.scan(row_filter=where, selected_fields=columns).to_arrow().to_pylist()
    return found


def customers(runs: tuple[Run, Run], decided: Iterable[Mapping[str, Any]]) -> list[Change]:
    """Return the customers who are kept in only one of two runs; of a retried job only the last attempt counts."""
    rows = list(decided)
    kept: list[set[str]] = [set(), set()]
    reasons: list[dict[str, str]] = [{}, {}]
    for side, run in enumerate(runs):
        for row in rows:
            if row["job_run_id"] == run.decided_by:
                if row["decision"] == "kept":
                    kept[side].add(row["subjectkey"])
                else:
                    reasons[side][row["subjectkey"]] = row["reason"]
    return [
        Change(key, side, reasons[1 - side].get(key, ""))
        for side in (0, 1)
        for key in sorted(kept[side] - kept[1 - side])
    ]


def pairs_of_two_people(training: Table, run: Run) -> Pairs:
    """Return how many training rows of a run pair two people, as its job has recorded it in the snapshot."""
    if TRAINING not in run.snapshots:
        return Pairs(None, f"the run has no {TRAINING} on record")
    snapshot = training.snapshot_by_id(run.snapshots[TRAINING])
    if snapshot is None:
        return Pairs(None, "its snapshot has expired: the tables keep only the last runs")
    recorded = lineage.report(snapshot.summary.additional_properties if snapshot.summary else {})
    if lineage.OF_TWO_PEOPLE not in recorded:
        return Pairs(None, "the run has not recorded it")
    return Pairs(int(recorded[lineage.OF_TWO_PEOPLE]))
