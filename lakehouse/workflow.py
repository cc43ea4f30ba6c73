"""Start the Glue workflow and follow its runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, HTTPClientError

from lakehouse import cost
from lakehouse.errors import OperationInProgressError, WorkflowError
from lakehouse.lease import ENDED, PROPERTY
from lakehouse.run_facts import RunFacts
from lakehouse.tables import PROFILES, TABLE_OF_JOB
from lakehouse.terraform import Outputs

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient

NOT_STARTED = "NOT_STARTED"
SUCCEEDED = "SUCCEEDED"

MOST_FAILURES = 5  # consecutive failed requests after which following a run is given up
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
    """The last attempt of one job in a workflow run."""

    name: str
    """Short name: that of its script."""
    state: str = NOT_STARTED
    id: str | None = None
    seconds: float | None = None
    message: str | None = None
    log_group: str | None = None
    dpu_seconds: int | None = None
    """What Glue bills for all attempts."""


@dataclass(frozen=True)
class WorkflowRun:
    """The state of a workflow run."""

    id: str
    status: str
    seconds: float | None
    jobs: tuple[JobRun, ...]

    @property
    def ended(self) -> bool:
        """Whether the state is final."""
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
        known = [name for name in TABLE_OF_JOB if name in outputs.jobs]
        self.jobs = {name: outputs.jobs[name] for name in known + sorted(set(outputs.jobs) - set(known))}

    def deployed_policies(self) -> tuple[str, bool]:
        """Return the profile of the deployed jobs, and whether single policies override it."""
        arguments = [self.glue.get_job(JobName=job)["Job"].get("DefaultArguments", {}) for job in self.jobs.values()]
        profiles = {own.get("--profile", PROFILES[0]) for own in arguments}
        if len(profiles) != 1:
            raise WorkflowError(
                f"The jobs of {self.name} are deployed with different profiles ({', '.join(sorted(profiles))}). "
                "Apply the environment again: make apply"
            )
        return profiles.pop(), any("--policies" in own for own in arguments)

    def start(self, operation: str, facts: RunFacts) -> str:
        """Start a run and return its id; its jobs join the lease of the operation."""
        properties = {PROPERTY: operation, **facts.properties()}
        try:
            return self.glue.start_workflow_run(Name=self.name, RunProperties=properties)["RunId"]
        except self.glue.exceptions.ConcurrentRunsExceededException as error:
            raise WorkflowError(
                f"Another run of {self.name} is in progress. Nothing was run. "
                "Wait for it to end, then run the command again."
            ) from error

    def stop(self, run_id: str) -> None:
        """Stop a run."""
        self.glue.stop_workflow_run(Name=self.name, RunId=run_id)

    def stop_and_wait(self, run_id: str) -> WorkflowRun:
        """Stop a run, unless it has ended, and return its final state."""
        if not self.read(run_id).ended:
            with suppress(self.glue.exceptions.IllegalWorkflowStateException):
                self.stop(run_id)
        return self.follow(run_id, lambda _: None)

    def read(self, run_id: str) -> WorkflowRun:
        """Return the current state of a run."""
        run = self.glue.get_workflow_run(Name=self.name, RunId=run_id, IncludeGraph=True)["Run"]
        attempts = _attempts(run)
        return WorkflowRun(
            id=run_id,
            status=run.get("Status", "RUNNING"),
            seconds=_seconds(run.get("StartedOn"), run.get("CompletedOn")),
            jobs=tuple(_job_run(name, attempts.get(job, [])) for name, job in self.jobs.items()),
        )

    @staticmethod
    def job_runs(run: Mapping[str, Any]) -> dict[str, JobRun]:
        """Return the last attempt of each job of a run with its graph, by the name of the Glue job."""
        return {name: _job_run(name, attempts) for name, attempts in _attempts(run).items()}

    def follow(
        self, run_id: str, on_change: Callable[[WorkflowRun], None], on_poll: Callable[[], None] = lambda: None
    ) -> WorkflowRun:
        """Poll a run until it has ended; call back on each change and after each poll, and return the final state."""
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
                        "The run may still be in progress. To see: "
                        f"aws glue get-workflow-run --name {self.name} --run-id {run_id}"
                    ) from error
                time.sleep(min(LONGEST_PAUSE, self.pause * 2**failures))
                continue
            failures = 0
            if run != latest:
                on_change(run)
                latest = run
            if run.ended:
                return run
            on_poll()
            time.sleep(self.pause)


def refuse_second_run(glue: GlueClient, name: str) -> None:
    """Raise an OperationInProgressError if a run of a workflow is in progress, even if it has no job or lease yet."""
    for run in glue.get_workflow_runs(Name=name).get("Runs", []):
        if run.get("Status") not in ENDED:
            run_id = run.get("WorkflowRunId")
            raise OperationInProgressError(
                f"The workflow run {run_id} of {name} is in progress. Nothing was touched. "
                "Wait for it to end, or stop it: "
                f"aws glue stop-workflow-run --name {name} --run-id {run_id}"
            )


def of_single_job(name: str, attempt: Any) -> WorkflowRun:
    """Return a job run outside a workflow as a run of one job, with its id; `attempt` is a JobRun of Glue's API."""
    job = _job_run(name, [attempt])
    return WorkflowRun(str(job.id), "RUNNING" if job.seconds is None else "COMPLETED", job.seconds, (job,))


def _attempts(run: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the attempts of each job of a run with its graph."""
    return {
        node.get("Name"): node.get("JobDetails", {}).get("JobRuns", [])
        for node in run.get("Graph", {}).get("Nodes", [])
        if node.get("Type") == "JOB"
    }


def _job_run(name: str, attempts: list[Any]) -> JobRun:
    """Return the last attempt of a job."""
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
        dpu_seconds=cost.dpu_seconds(attempts),
    )


def _seconds(started: datetime | None, completed: datetime | None) -> float | None:
    return round((completed - started).total_seconds(), 1) if started and completed else None


def _is_transient(error: Exception) -> bool:
    """Whether a retry may help: throttling, an internal error, or no answer."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return error.response.get("Error", {}).get("Code") in TRANSIENT or status >= 500
    return isinstance(error, (HTTPClientError, EndpointConnectionError))
