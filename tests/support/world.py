"""A lakehouse whose runs follow one another: landing files come and go, time passes, and each run is checked."""

from __future__ import annotations

import shutil
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import lineage
from iceberg import Table
from tests.support import oracle
from tests.support.jobs import AT, JOBS, Lakehouse, customer, measured, moved

TABLES = list(JOBS.values())
ENTITIES = ("customer", "accelerometer", "step_trainer")


@dataclass
class World:
    """A lakehouse with a clock of its own, and its runs."""

    lakehouse: Lakehouse
    later: int = 0
    """Milliseconds by which the clock of the jobs is ahead of the clock on the wall."""
    runs: list[str] = field(default_factory=list)

    @property
    def now(self) -> int:
        """The time of the next job, epoch milliseconds."""
        return time.time_ns() // 1_000_000 + self.later

    def run(self, *arguments: str) -> set[str]:
        """Run the pipeline and return the tables that it computed."""
        run_id = f"wr_{uuid.uuid4().hex}"
        for job in JOBS:
            self.lakehouse.run(job, "--WORKFLOW_RUN_ID", run_id, *arguments)
        self.runs.append(run_id)
        reports = {name: self.report(name) for name in TABLES}
        assert {report["workflow-run-id"] for report in reports.values()} == {run_id}, "all tables are those of the run"
        assert self.lakehouse.is_consistent()
        return {name for name, report in reports.items() if lineage.UNCHANGED_SINCE not in report}

    def report(self, table: str) -> dict[str, str]:
        """Return what the published snapshot of a table reports."""
        snapshot = Table(self.lakehouse.spark, self.lakehouse.name(table)).snapshot()
        assert snapshot
        return dict(snapshot.report)

    def accounts(self) -> dict[tuple[str, ...], int]:
        """Return the rows that the last run recorded, by job, source, outcome and reason."""
        rows = self.lakehouse.table("pipeline_runs").where(f"workflow_run_id = '{self.runs[-1]}'").collect()
        return {
            (row["job"], row["source_table"], row["outcome"], row["reason"]): row["rows"]
            for row in rows
            if row["outcome"] != "expired"  # these count snapshots
        }

    def check(self, profile: str) -> None:
        """Compare the tables with those that plain Python makes of the landing data, and check the accounts."""
        expected = oracle.tables(self.lakehouse.folder, profile, now=self.now)
        for table, rows in expected.items():
            found = self.lakehouse.table(table).select(*oracle.COLUMNS[table]).collect()
            assert Counter(map(tuple, found)) == Counter({tuple(row): copies for row, copies in rows.items()}), table
        balance: Counter[tuple[str, str]] = Counter()
        written = {}
        for (job, source, outcome, _), rows in self.accounts().items():
            if outcome == "output":
                written[JOBS[job]] = rows
            else:
                balance[job, source] += rows if outcome == "read" else -rows
        assert written == {table: rows.total() for table, rows in expected.items()}
        assert set(balance.values()) == {0}, "every row is accounted for"
        assert {source for _, source in balance} >= {f"{entity}_landing" for entity in ENTITIES}


@dataclass(frozen=True)
class SavedWorld:
    """A world with a copy of all its files, of which Iceberg and the bucket consist: it can be restored in place."""

    lakehouse: Lakehouse
    runs: tuple[str, ...]
    copies: Mapping[Path, Path]
    """The copy of each folder."""

    @classmethod
    def of(cls, world: World, folder: Path) -> SavedWorld:
        """Copy the files of a world into a folder."""
        copies = {original: folder / original.name for original in world.lakehouse.folders()}
        for original, copy in copies.items():
            shutil.copytree(original, copy)
        return cls(world.lakehouse, tuple(world.runs), copies)

    def restored(self) -> World:
        """Replace all files by those that were saved."""
        for original, copy in self.copies.items():
            shutil.rmtree(original)
            shutil.copytree(copy, original)
        return World(self.lakehouse, runs=[*self.runs])


def land_two(lakehouse: Lakehouse) -> None:
    """Land anna and ben, with readings of the same moments."""
    lakehouse.land("customer", [customer("anna", "S1")], "anna.json")
    lakehouse.land("customer", [customer("ben", "S2")], "ben.json")
    lakehouse.land("accelerometer", [moved("anna", AT), moved("anna", AT + 1), moved("ben", AT + 2)])
    lakehouse.land("step_trainer", [measured("S1", AT), measured("S2", AT + 2), measured("S3", AT)])
