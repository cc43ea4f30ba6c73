"""Starts the Glue workflow and follows a run of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, HTTPClientError

from lakehouse.errors import OperationUnderWayError, WorkflowError
from lakehouse.lease import ENDED, PROPERTY
from lakehouse.tables import PROFILES, PUBLISHED_BY
from lakehouse.terraform import Outputs

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient

NOT_STARTED = "NOT_STARTED"
SUCCEEDED = "SUCCEEDED"

MOST_FAILURES = 5  # answers in a row that may fail before following a run is given up
LONGEST_PAUSE = 30.0
TRANSIENT = {
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "OperationTimeoutException",
    "InternalServiceException",
    "ServiceUnavailable",
}


@dataclass(frozen=True)
class JobRun:
    """What became of one job in a workflow run."""

    name: str
    """Short name: that of its script."""
    state: str = NOT_STARTED
    id: str | None = None
    seconds: float | None = None
    message: str | None = None
    log_group: str | None = None


@dataclass(frozen=True)
class WorkflowRun:
    """A workflow run at one moment."""

    id: str
    status: str
    seconds: float | None
    jobs: tuple[JobRun, ...]

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen in this run."""
        return self.status in ENDED

    @property
    def succeeded(self) -> bool:
        """Whether every job of the workflow succeeded."""
        return self.status == "COMPLETED" and all(job.state == SUCCEEDED for job in self.jobs)


class Workflow:
    """The workflow of a deployed environment."""

    def __init__(self, glue: GlueClient, outputs: Outputs, *, pause: float) -> None:
        self.glue = glue
        self.name = outputs.workflow
        self.pause = pause
        known = [name for name in PUBLISHED_BY if name in outputs.jobs]
        self.jobs = {name: outputs.jobs[name] for name in known + sorted(set(outputs.jobs) - set(known))}

    def deployed_policies(self) -> tuple[str, bool]:
        """Return the profile that the jobs run with, and whether single policies override it."""
        arguments = [self.glue.get_job(JobName=job)["Job"].get("DefaultArguments", {}) for job in self.jobs.values()]
        profiles = {own.get("--profile", PROFILES[0]) for own in arguments}
        if len(profiles) != 1:
            raise WorkflowError(
                f"The jobs of {self.name} are deployed with different profiles ({', '.join(sorted(profiles))}). "
                "Apply the environment anew: make apply."
            )
        return profiles.pop(), any("--policies" in own for own in arguments)

    def start(self, operation: str) -> str:
        """Start a run, whose jobs take on the lease of this operation, and return its id."""
        try:
            return self.glue.start_workflow_run(Name=self.name, RunProperties={PROPERTY: operation})["RunId"]
        except self.glue.exceptions.ConcurrentRunsExceededException as error:
            raise WorkflowError(
                f"A run of {self.name} is under way that this command did not start. Wait for its end, then run again."
            ) from error

    def stop(self, run_id: str) -> None:
        """Stop a run."""
        self.glue.stop_workflow_run(Name=self.name, RunId=run_id)

    def stop_and_wait(self, run_id: str) -> WorkflowRun:
        """Stop a run and return it as it ended; one that has ended meanwhile is returned as it is."""
        if not self.read(run_id).ended:
            with suppress(self.glue.exceptions.IllegalWorkflowStateException):
                self.stop(run_id)
        return self.follow(run_id, lambda _: None)

    def read(self, run_id: str) -> WorkflowRun:
        """Return a run as it is now."""
        run = self.glue.get_workflow_run(Name=self.name, RunId=run_id, IncludeGraph=True)["Run"]
        attempts = {
            node.get("Name"): node.get("JobDetails", {}).get("JobRuns", [])
            for node in run.get("Graph", {}).get("Nodes", [])
            if node.get("Type") == "JOB"
        }
        return WorkflowRun(
            id=run_id,
            status=run.get("Status", "RUNNING"),
            seconds=_seconds(run.get("StartedOn"), run.get("CompletedOn")),
            jobs=tuple(_job_run(name, attempts.get(job, [])) for name, job in self.jobs.items()),
        )

    def follow(self, run_id: str, on_change: Callable[[WorkflowRun], None]) -> WorkflowRun:
        """Read a run again and again until it has ended, and tell each change; return it as it ended."""
        latest: WorkflowRun | None = None
        failures = 0
        while True:
            try:
                run = self.read(run_id)
            except (BotoCoreError, ClientError) as error:
                failures += 1
                if failures > MOST_FAILURES or not _is_transient(error):
                    raise WorkflowError(
                        f"The workflow run {run_id} of {self.name} can no longer be followed: {error} "
                        "The run itself may still be going on."
                    ) from error
                time.sleep(min(LONGEST_PAUSE, self.pause * 2**failures))
                continue
            failures = 0
            if run != latest:
                on_change(run)
                latest = run
            if run.ended:
                return run
            time.sleep(self.pause)


def refuse_second_run(glue: GlueClient, name: str) -> None:
    """Raise an OperationUnderWayError about a run of a workflow that is under way, also before its first job is."""
    for run in glue.get_workflow_runs(Name=name).get("Runs", []):
        if run.get("Status") not in ENDED:
            run_id = run.get("WorkflowRunId")
            raise OperationUnderWayError(
                f"The workflow run {run_id} of {name} is under way. Nothing was touched. Wait for its end, or stop it: "
                f"aws glue stop-workflow-run --name {name} --run-id {run_id}"
            )


def _job_run(name: str, attempts: list[Any]) -> JobRun:
    """Return what became of a job: its last attempt counts."""
    if not attempts:
        return JobRun(name)
    last: Mapping[str, Any] = max(attempts, key=lambda attempt: attempt.get("Attempt", 0))
    return JobRun(
        name,
        state=last.get("JobRunState", "STARTING"),
        id=last.get("Id"),
        seconds=_seconds(last.get("StartedOn"), last.get("CompletedOn")),
        message=last.get("ErrorMessage"),
        log_group=last.get("LogGroupName"),
    )


def _seconds(started: datetime | None, completed: datetime | None) -> float | None:
    return round((completed - started).total_seconds(), 1) if started and completed else None


def _is_transient(error: Exception) -> bool:
    """Whether asking again may help: throttled, an internal error, or nothing heard."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return error.response.get("Error", {}).get("Code") in TRANSIENT or status >= 500
    return isinstance(error, (HTTPClientError, EndpointConnectionError))
