"""A run of a Glue job: its arguments, its state, and its form in the API."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

FINAL_STATES: Final = frozenset({"SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED", "ERROR"})
DEFAULT_TIMEOUT_MINUTES: Final = 2880


@dataclass(frozen=True)
class JobSpec:
    """The part of a job definition that a run needs."""

    name: str
    role: str
    script_location: str
    glue_version: str = "5.1"
    execution_class: str = "STANDARD"
    max_retries: int = 0
    security_configuration: str | None = None


@dataclass
class JobRun:
    """One attempt of a run; the runtime updates its state."""

    spec: JobSpec
    arguments: dict[str, str]
    """Merged, later ones win: defaults of the job, those of the run, the job's non-overridable ones."""
    timeout: int = DEFAULT_TIMEOUT_MINUTES
    id: str = field(default_factory=lambda: f"jr_{secrets.token_hex(32)}")
    attempt: int = 0
    previous_run_id: str | None = None
    trigger_name: str | None = None
    workflow: tuple[str, str] | None = None
    """Workflow name and workflow run id."""
    predecessors: list[tuple[str, str]] = field(default_factory=list)
    """Job name and run id of each run that the trigger waited for."""
    capacity: dict[str, Any] = field(default_factory=dict)
    """Worker type and number of workers, in the form of the API."""

    state: str = "STARTING"
    error: str | None = None
    started_on: datetime = field(default_factory=lambda: datetime.now(UTC))
    modified_on: datetime = field(default_factory=lambda: datetime.now(UTC))
    completed_on: datetime | None = None
    execution_seconds: float = 0.0
    stop_requested: threading.Event = field(default_factory=threading.Event)

    @property
    def job_run_id(self) -> str:
        """The id, under the name that moto's pagination uses."""
        return self.id

    @property
    def job_name(self) -> str:
        """Name of the job."""
        return self.spec.name

    @property
    def finished(self) -> bool:
        """Whether the run has ended, in whatever state."""
        return self.state in FINAL_STATES

    @property
    def log_group(self) -> str:
        """Prefix of the run's two log groups; with a security configuration Glue appends its name and the role's."""
        prefix = self.arguments.get("--custom-logGroup-prefix", "/aws-glue/jobs")
        if not self.spec.security_configuration:
            return prefix
        return f"{prefix}/{self.spec.security_configuration}-role/{self.spec.role.rpartition(':role/')[2]}"

    def move_to(self, state: str, error: str | None = None) -> None:
        """Change the state; a final one sets the time of completion."""
        now = datetime.now(UTC)
        self.error, self.modified_on = error, now
        if state in FINAL_STATES:
            self.completed_on = now
        self.state = state

    def next_attempt(self) -> JobRun:
        """Return the retry that Glue starts after a failed run."""
        origin = self.id.split("_attempt_")[0]
        return JobRun(
            spec=self.spec,
            arguments=self.arguments,
            timeout=self.timeout,
            id=f"{origin}_attempt_{self.attempt + 1}",
            attempt=self.attempt + 1,
            previous_run_id=self.id,
            trigger_name=self.trigger_name,
            workflow=self.workflow,
            predecessors=self.predecessors,
            capacity=self.capacity,
        )

    def argv(self) -> list[str]:
        """Return the script's command line as Glue composes it: `--key value` for every argument."""
        own = {"--JOB_NAME": self.spec.name, "--JOB_RUN_ID": self.id}
        if self.workflow:
            own |= {"--WORKFLOW_NAME": self.workflow[0], "--WORKFLOW_RUN_ID": self.workflow[1]}
        return [part for pair in (self.arguments | own).items() for part in pair]

    def as_dict(self) -> dict[str, Any]:
        """Return the JobRun structure of the Glue API."""
        shown = {
            "Id": self.id,
            "Attempt": self.attempt,
            "PreviousRunId": self.previous_run_id,
            "TriggerName": self.trigger_name,
            "JobName": self.spec.name,
            "StartedOn": self.started_on,
            "LastModifiedOn": self.modified_on,
            "CompletedOn": self.completed_on,
            "JobRunState": self.state,
            "Arguments": self.arguments,
            "ErrorMessage": self.error,
            "PredecessorRuns": [{"JobName": name, "RunId": run_id} for name, run_id in self.predecessors],
            "ExecutionTime": round(self.execution_seconds),
            "Timeout": self.timeout,
            "LogGroupName": self.log_group,
            "GlueVersion": self.spec.glue_version,
            "ExecutionClass": self.spec.execution_class,
            **self.capacity,
        }
        return {key: value for key, value in shown.items() if value is not None}
