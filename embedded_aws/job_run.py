"""A run of a Glue job: what it was started with, where it stands, and how the API shows it."""

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
    """What of a job definition a run needs."""

    name: str
    role: str
    script_location: str
    glue_version: str = "5.1"
    execution_class: str = "STANDARD"
    max_retries: int = 0
    security_configuration: str | None = None


@dataclass
class JobRun:
    """One attempt of one run; the runtime moves its state on."""

    spec: JobSpec
    arguments: dict[str, str]
    """Merged: defaults of the job, overridden by those of the run, by those that can't be overridden."""
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
    """Worker type and numbers, as the API shows them."""

    state: str = "STARTING"
    error: str | None = None
    started_on: datetime = field(default_factory=lambda: datetime.now(UTC))
    modified_on: datetime = field(default_factory=lambda: datetime.now(UTC))
    completed_on: datetime | None = None
    execution_seconds: float = 0.0
    stop_requested: threading.Event = field(default_factory=threading.Event)

    @property
    def job_run_id(self) -> str:
        """The id, by the name under which moto pages through runs."""
        return self.id

    @property
    def job_name(self) -> str:
        """Name of the job that this is a run of."""
        return self.spec.name

    @property
    def finished(self) -> bool:
        """Whether the run has ended, however it ended."""
        return self.state in FINAL_STATES

    @property
    def log_group(self) -> str:
        """Prefix of the run's two log groups; under a security configuration, Glue adds its name and the role's."""
        prefix = self.arguments.get("--custom-logGroup-prefix", "/aws-glue/jobs")
        if not self.spec.security_configuration:
            return prefix
        return f"{prefix}/{self.spec.security_configuration}-role/{self.spec.role.rpartition(':role/')[2]}"

    def move_to(self, state: str, error: str | None = None) -> None:
        """Change the state, and with a final one note the end."""
        now = datetime.now(UTC)
        self.error, self.modified_on = error, now
        if state in FINAL_STATES:
            self.completed_on = now
        self.state = state

    def next_attempt(self) -> JobRun:
        """Return the run that Glue starts by itself after a failed one."""
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
        """Return the script's command line as Glue puts it together: `--key value` for every argument."""
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
