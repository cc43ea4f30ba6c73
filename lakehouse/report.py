"""The report of a run: tables for the terminal, and run.json in the run's folder for tools."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from lakehouse import cost
from lakehouse.errors import DataError
from lakehouse.reconciliation import Reconciliation
from lakehouse.run_ids import short
from lakehouse.tables import ACCOUNTED_FOR, TABLE_OF_JOB, ZONES, Publication, of_run, rows
from lakehouse.workflow import NOT_STARTED, SUCCEEDED, JobRun, WorkflowRun

FAILED = "FAILED"
BARE_NAME = re.compile(r"(?<![\w/.])[a-z_]+(?:\.audit)?\.(?:py|sql|json)\b")
MESSAGE_LINES = 15
STYLES = {SUCCEEDED: "green", "RUNNING": "cyan", "STARTING": "cyan", NOT_STARTED: "dim"}


@dataclass(frozen=True)
class Report:
    """The outcome of one workflow run, with the rows of this run only."""

    run_id: str | None
    status: str
    profile: str | None
    seconds: float | None
    tables: Mapping[str, int]
    jobs: tuple[JobRun, ...]
    published: Mapping[str, Publication]
    reconciliations: Sequence[Reconciliation] = ()

    @classmethod
    def of(
        cls,
        run: WorkflowRun,
        profile: str,
        published: Mapping[str, Publication],
        reconciliations: Sequence[Reconciliation] = (),
    ) -> Report:
        """Combine the state of the run in Glue, the publications of the tables, and the reconciliations of the jobs."""
        own = of_run(published, run.id)
        status = SUCCEEDED if run.succeeded else FAILED
        return cls(run.id, status, profile, run.seconds, rows(own), run.jobs, own, reconciliations)

    def missing(self) -> list[str]:
        """Return a line for each table that this run did not publish, and for each input that it did not reconcile."""
        lines = [f"{table} was not published" for table in TABLE_OF_JOB.values() if table not in self.published]
        for job, table in TABLE_OF_JOB.items():
            if table not in self.published:
                continue
            for source in ACCOUNTED_FOR[job]:
                read = self.published[table].rows_read.get(source)
                found = next((own for own in self.reconciliations if (own.job, own.table) == (job, source)), None)
                if found is None:
                    lines.append(f"{job} recorded no reconciliation of {source}")
                elif not found.accounted_for == found.read == read:
                    lines.append(f"{job} read {read} rows of {source} but accounted for {found.accounted_for}")
        return lines

    def empty(self) -> list[str]:
        """Return a line with the reasons for each table that this run published empty although its job read rows."""
        return [
            f"{table} is empty: {'; '.join(found.describe() for found in own)}"
            for job, table in TABLE_OF_JOB.items()
            if table in self.published and not self.published[table].rows
            if (own := [found for found in self.reconciliations if found.job == job and found.read])
        ]

    @property
    def dpu_seconds(self) -> int | None:
        """What Glue bills for all jobs, retries included; None if it does not tell."""
        return cost.total(job.dpu_seconds for job in self.jobs)

    def publication(self, job: str) -> Publication | None:
        """Return the publication of a job in this run."""
        return self.published.get(TABLE_OF_JOB.get(job, ""))

    def as_json(self) -> dict[str, Any]:
        """Return the content of run.json."""
        return {
            "run_id": self.run_id,
            "status": self.status,
            "profile": self.profile,
            "seconds": self.seconds,
            "dpu_seconds": self.dpu_seconds,
            "tables": dict(self.tables),
            "warnings": self.empty(),
            "jobs": [
                {
                    "name": job.name,
                    "state": job.state,
                    "seconds": job.seconds,
                    "dpu_seconds": job.dpu_seconds,
                    "rows_in": publication.rows_in if publication else None,
                    "rows_parsed": dict(publication.rows_parsed) if publication else {},
                    "rows_out": publication.rows if publication else None,
                    "unchanged_since": (publication.unchanged_since or None) if publication else None,
                    "accounts": [
                        found.as_json()
                        for found in self.reconciliations
                        if TABLE_OF_JOB.get(found.job) in _tables_of(job.name)
                    ],
                }
                for job in self.jobs
                for publication in [self.publication(job.name)]
            ],
        }

    def write(self, path: Path) -> None:
        """Write run.json."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.as_json(), indent=2) + "\n", encoding="utf-8")


def expected_rows(folder: Path, profile: str) -> dict[str, int] | None:
    """Return the row counts that expected.json of the landing data gives for a profile; None if it gives none."""
    path = folder / "expected.json"
    if not path.is_file():
        return None
    try:
        expected = json.loads(path.read_text(encoding="utf-8")).get(profile)
        return None if expected is None else {str(table): int(count) for table, count in expected.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise DataError(
            f"{path} is not of the form {{profile: {{table: rows}}}}: {error}. Nothing was run. "
            "Correct or remove it and run the command again."
        ) from error


def differences(expected: Mapping[str, int], actual: Mapping[str, int]) -> list[str]:
    """Return a line for each table with a row count other than the expected one."""
    return [
        f"{table}: {actual.get(table, 'no')} rows instead of {count}"
        for table, count in expected.items()
        if actual.get(table) != count
    ]


def explain_failure(
    run: WorkflowRun, published: Mapping[str, Publication], log_of: Callable[[JobRun], str], option: str = ""
) -> str:
    """Return which jobs did not succeed, why, where their logs are, and which tables were published.

    `option` selects the environment in the commands.
    """
    parts = [f"Not every job of the workflow run {short(run.id)} succeeded."]
    failed: JobRun | None = None
    for job in run.jobs:
        if job.state not in (SUCCEEDED, NOT_STARTED):
            failed = job
            message = (job.message or "The job left no message.").strip().splitlines()
            if (more := len(message) - MESSAGE_LINES) > 0:  # the first line says what is wrong
                message[MESSAGE_LINES:] = [f"... and {more:,} more lines"]
            lines = "\n".join(f"  {line}" for line in message)
            parts.append(f"{job.name} {job.state}:\n{lines}\n  Log: {log_of(job)}")
    if waiting := [job.name for job in run.jobs if job.state == NOT_STARTED]:
        parts.append(f"Not started: {', '.join(waiting)}.")
    parts.append(explain_published(run.id, published))
    if failed:
        parts.append(f"The whole log: make logs{option} JOB={failed.name} RUN={short(run.id)}")
    return "\n".join(parts)


def in_repository(root: Path, message: str) -> str:
    """Return the message of a job with the paths of its files in the repository: on Glue all are in one folder."""
    files = [*root.glob("glue_jobs/**/*.py"), *root.glob("glue_jobs/*.json"), *root.glob("ddl/*.sql")]
    paths = {file.name: file.relative_to(root).as_posix() for file in files}
    return BARE_NAME.sub(lambda found: paths.get(found[0], found[0]), message)


def next_steps(option: str) -> str:
    """Return what one can do after a run; `option` selects the environment."""
    show, query = f"make show{option} TABLE=machine_learning_curated", f"make query{option}"
    return f"Look at the tables: {show}, or ask in SQL: {query}"


def explain_interruption(run: WorkflowRun, published: Mapping[str, Publication]) -> str:
    """Return which jobs an interruption stopped, and which tables were published."""
    stopped = [job.name for job in run.jobs if job.state not in (SUCCEEDED, NOT_STARTED)]
    what = f"{', '.join(stopped)} {'was' if len(stopped) == 1 else 'were'} stopped" if stopped else "no job was running"
    return f"Interrupted: {what}. {explain_published(run.id, published)}"


def explain_published(run_id: str, published: Mapping[str, Publication]) -> str:
    """Return which tables a failed run published: none, unless it was killed while it published them."""
    new = of_run(published, run_id)
    if not new:
        return "This run published nothing: all tables are as an earlier run left them."
    old = [table for table in TABLE_OF_JOB.values() if table not in new]
    if not old:
        return "This run published all its tables."
    return f"This run published {', '.join(new)}. An earlier run published {', '.join(old)}. Run the pipeline again."


def _state(job: JobRun) -> str:
    return f"[{STYLES.get(job.state, 'red')}]{job.state}[/]"


def _tables_of(job: str) -> list[str]:
    """Return the tables that a job writes, in their order: all of them if it runs all steps."""
    return [TABLE_OF_JOB[job]] if job in TABLE_OF_JOB else list(TABLE_OF_JOB.values())


def _seconds(job: JobRun) -> str:
    return "" if job.seconds is None else f"{job.seconds:.1f}"


def reconciliation_table(reconciliations: Sequence[Reconciliation], *, wide: bool = True) -> Table:
    """Return the reconciliation of each table that the jobs read; the reasons were printed when each job ended."""
    columns = ("Rows of", "Read", "Published", "Dropped", "Quarantined", *(["Published in"] if wide else []))
    table = Table(*columns, title="Every row accounted for")
    for found in reconciliations:
        figures = (found.read, found.published, sum(found.dropped.values()), sum(found.quarantined.values()))
        target = [found.target] if wide else []
        table.add_row(found.table, *(f"{figure:,}" for figure in figures), *target)
    for column in table.columns[1:5]:
        column.justify = "right"
        column.no_wrap = True
    return table


def rows_table(counts: Mapping[str, int], report: Report | None = None) -> Table:
    """Return the row counts of all tables, zone by zone; with a report also state and duration of their jobs."""
    table = Table("Zone", "Table", "Rows", *(["Job", "Seconds"] if report else []))
    jobs = {written: job for job in report.jobs for written in _tables_of(job.name)} if report else {}
    for zone, names in ZONES.items():
        for position, name in enumerate(names):
            cells = [zone if position == 0 else "", name, f"{counts[name]:,}" if name in counts else "-"]
            if job := jobs.get(name):
                cells += [_state(job), _seconds(job) if name == _tables_of(job.name)[-1] else ""]
            table.add_row(*cells, end_section=position == len(names) - 1)
    for column in table.columns:
        column.no_wrap = True
        column.justify = "right" if column.header in ("Rows", "Seconds") else "left"
    return table
