"""The runs of an environment: what the jobs recorded of them in pipeline_runs, and what Glue still knows of them.

Glue forgets a run after some weeks; pipeline_runs keeps who started it, on which data and from which commit, its rows
and its drop reasons. Of a run that Glue has forgotten, run.json of this machine has the state, duration and cost.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import boto3

from lakehouse import aws, cost, reconciliation, run_folder
from lakehouse.errors import LakehouseError
from lakehouse.lease import ENDED
from lakehouse.project import Project
from lakehouse.reconciliation import ERASURE, EXPIRED, RESTORED, Reconciliation
from lakehouse.run_facts import RunFacts
from lakehouse.run_ids import matching, short
from lakehouse.tables import ALL_STEPS, TABLE_OF_JOB
from lakehouse.terraform import Outputs
from lakehouse.workflow import SUCCEEDED, JobRun, Workflow

TRAINING = list(TABLE_OF_JOB.values())[-1]
"""The table of which the list of runs shows the rows."""
CUSTOMERS = next(iter(TABLE_OF_JOB.values()))
"""The table of which the job decides about the customers."""


@dataclass(frozen=True)
class Attempt:
    """One run of the workflow in Glue: a run, or another attempt of one that failed."""

    id: str
    state: str
    started: datetime | None
    seconds: float | None
    dpu_seconds: int | None
    jobs: Mapping[str, JobRun]
    """By script name."""
    facts: RunFacts


@dataclass(frozen=True)
class Run:
    """A run of the pipeline, or a rollback; None and empty texts are what is not known."""

    id: str
    started: datetime | None = None
    started_by: str = ""
    profile: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Name of the folder, and files, bytes and digest by landing table."""
    commit: str = ""
    rows: Mapping[str, int] = field(default_factory=dict)
    """Rows written, by table."""
    snapshots: Mapping[str, int] = field(default_factory=dict)
    """Snapshot committed, by table."""
    decided_by: str = ""
    """Id of the job run that decided about the customers: one of an earlier run if nothing had changed."""
    reconciliations: Sequence[Reconciliation] = ()
    seconds: float | None = None
    dpu_seconds: int | None = None
    state: str = ""

    @property
    def dropped(self) -> Counter[str]:
        """Rows dropped by reason."""
        found: Counter[str] = Counter()
        for each in self.reconciliations:
            found.update(each.dropped)
        return found

    @property
    def quarantined(self) -> Counter[str]:
        """Rows quarantined by reason."""
        found: Counter[str] = Counter()
        for each in self.reconciliations:
            found.update(each.quarantined)
        return found


class History:
    """The runs of a deployed environment."""

    def __init__(self, project: Project, outputs: Outputs, glue: Any, recorded: Iterable[Mapping[str, Any]]) -> None:
        """Group the rows of pipeline_runs, which are `recorded`, and the runs of Glue."""
        self._project = project
        self._workflow = Workflow(glue, outputs, pause=0)
        self._glue = glue
        self.recorded: dict[str, list[Mapping[str, Any]]] = {}
        """Rows of pipeline_runs by run; a job outside a workflow is a run of its own."""
        for row in recorded:
            self.recorded.setdefault(row["workflow_run_id"] or row["job_run_id"], []).append(row)
        self._listed: dict[str, list[Mapping[str, Any]]] = {}
        for run in self._all_of_glue():
            original = RunFacts.of(run.get("WorkflowRunProperties", {})).resumes or run["WorkflowRunId"]
            self._listed.setdefault(original, []).append(run)

    @classmethod
    def of(cls, project: Project, session: boto3.Session, outputs: Outputs) -> History:
        """Read the runs of an environment."""
        glue = session.client("glue", config=aws.CONFIG)
        return cls(project, outputs, glue, reconciliation.recorded(session, outputs.audit_database))

    def ids(self) -> list[str]:
        """Return the id of each run, latest first."""
        return sorted({*self._listed, *self.recorded}, key=self._began, reverse=True)

    def find(self, given: str) -> str:
        """Return the id of the run that an operator names: its id, the beginning of it, or `latest`."""
        ids = self.ids()
        wanted = given.strip()
        if wanted == run_folder.LATEST and ids:
            return ids[0]
        found = matching(ids, wanted) if wanted else []
        if len(found) != 1:
            problem = "fits several runs" if found else "is no run"
            raise LakehouseError(
                f"RUN={given!r} {problem} of {self._project.environment}. Nothing was changed. "
                f"Choose one: make runs{self._option}"
            )
        return found[0]

    def latest_of_workflow(self) -> str:
        """Return the id of the latest run of the workflow."""
        found = [id_ for id_ in self.ids() if id_ in self._listed]
        if not found:
            raise LakehouseError(
                f"There are no runs of {self._project.environment} yet. Run: make run-pipeline{self._option}"
            )
        return found[0]

    def attempts(self, run_id: str) -> list[Attempt]:
        """Return the attempts of a run that Glue still knows, earliest first."""
        runs = sorted(self._listed.get(run_id, []), key=lambda run: run["StartedOn"])
        return [self._attempt(run) for run in runs]

    def run(self, run_id: str) -> Run:
        """Return what is known of a run."""
        attempts = self.attempts(run_id)
        rows = [row for row in self.recorded.get(run_id, []) if row["outcome"] != EXPIRED]
        last = {row["target_table"]: row for row in sorted(rows, key=lambda row: int(row["recorded_at"]))}
        written = {
            table: next(
                (
                    row
                    for row in rows
                    if row["outcome"] in ("output", RESTORED)
                    and row["target_table"] == table
                    and row["job_run_id"] == of_last["job_run_id"]
                ),
                None,
            )
            for table, of_last in last.items()
        }
        facts = attempts[-1].facts if attempts else RunFacts()
        kept = run_folder.read(self._project, run_id) if not attempts else {}
        return Run(
            id=run_id,
            started=self._began(run_id),
            started_by=facts.started_by or _latest(rows, "started_by"),
            profile=facts.compares or _latest(rows, "profile"),
            data=json.loads(_latest(rows, "landing_data") or "{}"),
            commit=facts.commit or _latest(rows, "code_commit"),
            rows={table: row["rows"] for table, row in written.items() if row},
            snapshots={table: row["snapshot_id"] for table, row in written.items() if row and row["snapshot_id"]},
            decided_by=reconciliation.computed_by(last[CUSTOMERS]) if CUSTOMERS in last else "",
            reconciliations=reconciliation.reconcile(rows),
            seconds=_sum(attempt.seconds for attempt in attempts) if attempts else kept.get("seconds"),
            dpu_seconds=cost.total(attempt.dpu_seconds for attempt in attempts) or kept.get("dpu_seconds"),
            state=self._state(self.recorded.get(run_id, []), attempts, str(kept.get("status", ""))),
        )

    def _state(self, rows: Sequence[Mapping[str, Any]], attempts: Sequence[Attempt], kept: str) -> str:
        if restored := next((row["reason"] for row in rows if row["outcome"] == RESTORED), None):
            return f"ROLLBACK to {short(restored)}"
        if not attempts and rows and all(row["reason"] == ERASURE for row in rows):
            return "ERASURE"
        if not attempts:
            return kept or ("" if rows and rows[0]["workflow_run_id"] else "SINGLE JOB")
        if attempts[-1].facts.compares and attempts[-1].state == SUCCEEDED:
            return "COMPARED"
        return attempts[-1].state

    def _attempt(self, listed: Mapping[str, Any]) -> Attempt:
        run = self._glue.get_workflow_run(Name=self._workflow.name, RunId=listed["WorkflowRunId"], IncludeGraph=True)[
            "Run"
        ]
        jobs = {script: job for name, job in self._workflow.job_runs(run).items() if (script := script_of(name))}
        started, completed = run.get("StartedOn"), run.get("CompletedOn")
        status = run.get("Status", "")
        ended_well = status == "COMPLETED" and bool(jobs) and all(job.state == SUCCEEDED for job in jobs.values())
        return Attempt(
            id=listed["WorkflowRunId"],
            state=(SUCCEEDED if ended_well else "FAILED") if status == "COMPLETED" else status,
            started=started,
            seconds=(completed - started).total_seconds() if started and completed and status in ENDED else None,
            dpu_seconds=cost.total(job.dpu_seconds for job in jobs.values()),
            jobs=jobs,
            facts=RunFacts.of(listed.get("WorkflowRunProperties", {})),
        )

    def _all_of_glue(self) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        page: dict[str, Any] = {}
        while True:
            answer = self._glue.get_workflow_runs(Name=self._workflow.name, **page)
            found += answer.get("Runs", [])
            if not answer.get("NextToken"):
                return found
            page = {"NextToken": answer["NextToken"]}

    def _began(self, run_id: str) -> datetime:
        times: list[datetime] = [run["StartedOn"] for run in self._listed.get(run_id, [])]
        times += [_time(row["recorded_at"]) for row in self.recorded.get(run_id, [])]
        return min(times)

    @property
    def _option(self) -> str:
        return "" if self._project.is_local else f" ENV={self._project.environment}"


def script_of(glue_job: str) -> str | None:
    """Return the script name of a Glue job of the workflow; None if it is another job."""
    scripts = [*TABLE_OF_JOB, ALL_STEPS]
    return next((name for name in scripts if glue_job.endswith(f"-{name.replace('_', '-')}")), None)


def _latest(rows: Sequence[Mapping[str, Any]], column: str) -> str:
    """Return the last value of a column that is not empty; earlier editions of the table lack some columns."""
    filled = [row for row in rows if row.get(column)]
    return str(max(filled, key=lambda row: int(row["recorded_at"]))[column]) if filled else ""


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _sum(seconds: Iterable[float | None]) -> float | None:
    known = [each for each in seconds if each is not None]
    return round(sum(known), 1) if known else None
