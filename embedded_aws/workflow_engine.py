"""The workflow engine: fires the triggers of a workflow as declared, and reports the state of a run.

As on AWS, a run with a failed job ends as COMPLETED: triggers that wait for its success never fire, and the statistics
count the failed action. Every trigger fires at most once in a run. Not supported: crawlers, schedules, and conditional
triggers outside a workflow.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from moto.glue.exceptions import (
    ConcurrentRunsExceededException,
    EntityNotFoundException,
    GlueClientError,
    InvalidInputException,
)
from moto.glue.models import FakeTrigger, FakeWorkflow
from moto.glue.utils import Action, Logical, Predicate

from embedded_aws.job_run import JobRun

# The count in WorkflowRunStatistics for each state of a job run.
_STATISTICS: Final = {
    "STARTING": "RunningActions",
    "RUNNING": "RunningActions",
    "STOPPING": "RunningActions",
    "WAITING": "WaitingActions",
    "SUCCEEDED": "SucceededActions",
    "FAILED": "FailedActions",
    "TIMEOUT": "TimeoutActions",
    "STOPPED": "StoppedActions",
    "ERROR": "ErroredActions",
}

StartAction = Callable[[Action, FakeTrigger, "WorkflowRun"], JobRun]
"""Starts the job of an action; returns a run in state ERROR if that is not possible."""


@dataclass
class WorkflowRun:
    """One run of a workflow. It keeps the triggers of its start; later changes apply to later runs."""

    workflow_name: str
    triggers: list[FakeTrigger]
    properties: dict[str, str]
    previous_run_id: str | None
    run_id: str = field(default_factory=lambda: f"wr_{secrets.token_hex(32)}")
    event_batch: Mapping[str, int] | None = None
    """The StartingEventBatchCondition structure of a run that events started."""
    status: str = "RUNNING"
    started_on: datetime = field(default_factory=lambda: datetime.now(UTC))
    completed_on: datetime | None = None
    fired: set[str] = field(default_factory=set)
    job_runs: list[JobRun] = field(default_factory=list)
    """All attempts, in order of their start."""

    def latest(self) -> dict[str, JobRun]:
        """Return the latest attempt of each started job."""
        return {run.spec.name: run for run in self.job_runs}

    def statistics(self) -> dict[str, int]:
        """Return the WorkflowRunStatistics structure: all declared actions, and the started ones by state."""
        counts = dict.fromkeys(_STATISTICS.values(), 0)
        for run in self.latest().values():
            counts[_STATISTICS[run.state]] += 1
        return {"TotalActions": sum(len(trigger.actions) for trigger in self.triggers), **counts}

    def as_dict(self, include_graph: bool = False) -> dict[str, Any]:
        """Return the WorkflowRun structure."""
        shown = {
            "Name": self.workflow_name,
            "WorkflowRunId": self.run_id,
            "PreviousRunId": self.previous_run_id,
            "WorkflowRunProperties": self.properties,
            "StartedOn": self.started_on,
            "CompletedOn": self.completed_on,
            "Status": self.status,
            "Statistics": self.statistics(),
            "StartingEventBatchCondition": self.event_batch,
            "Graph": graph(self.triggers, self.job_runs) if include_graph else None,
        }
        return {key: value for key, value in shown.items() if value is not None}


class WorkflowEngine:
    """Starts, advances and stops workflow runs."""

    def __init__(self, start_action: StartAction, stop_job_run: Callable[[JobRun], None]) -> None:
        self._start_action = start_action
        self._stop_job_run = stop_job_run
        self._lock = threading.RLock()

    def start(
        self,
        workflow: FakeWorkflow,
        triggers: Iterable[FakeTrigger],
        properties: Mapping[str, str] | None,
        event_batch: Mapping[str, int] | None = None,
    ) -> str:
        """Start a run of a workflow with these triggers and return its id; `event_batch` is what started it, if any."""
        triggers = list(triggers)
        starters = [trigger for trigger in triggers if trigger.trigger_type != "CONDITIONAL"]
        if not starters:
            raise InvalidInputException("StartWorkflowRun", f"Workflow {workflow.name} has no start trigger.")
        if any(action.crawler_name for trigger in triggers for action in trigger.actions):
            raise InvalidInputException(
                "StartWorkflowRun", f"Workflow {workflow.name} has a crawler, which is not supported here."
            )
        with self._lock:
            active = [run for run in workflow.runs.values() if run.status in ("RUNNING", "STOPPING")]
            if workflow.max_concurrent_runs and len(active) >= workflow.max_concurrent_runs:
                raise ConcurrentRunsExceededException(f"Concurrent runs exceeded for workflow: {workflow.name}.")
            run = WorkflowRun(
                workflow_name=workflow.name,
                triggers=triggers,
                properties=dict(workflow.default_run_properties or {}) | dict(properties or {}),
                previous_run_id=next(reversed(workflow.runs), None),
                event_batch=event_batch,
            )
            workflow.runs[run.run_id] = run  # type: ignore[assignment] # stands in for moto's FakeWorkflowRun
            for trigger in starters:
                self._fire(run, trigger)
            self._advance(run)
            return run.run_id

    def stop(self, run: WorkflowRun) -> None:
        """Stop the running jobs of a run; no more triggers fire."""
        with self._lock:
            if run.status != "RUNNING":
                raise GlueClientError(
                    "IllegalWorkflowStateException", f"Workflow run {run.run_id} is in state {run.status}."
                )
            run.status = "STOPPING"
            for job_run in run.job_runs:
                if not job_run.finished:
                    self._stop_job_run(job_run)
            self._advance(run)

    def started(self, run: WorkflowRun, job_run: JobRun) -> None:
        """Add a retry of one of the run's jobs."""
        with self._lock:
            run.job_runs.append(job_run)

    def advance(self, run: WorkflowRun) -> None:
        """Fire the triggers that are due after a job has finished, or end the run."""
        with self._lock:
            self._advance(run)

    def _advance(self, run: WorkflowRun) -> None:
        while run.status == "RUNNING" and (trigger := next(due(run.triggers, _final_states(run), run.fired), None)):
            self._fire(run, trigger)
        if not run.completed_on and all(job_run.finished for job_run in run.job_runs):
            run.status = "STOPPED" if run.status == "STOPPING" else "COMPLETED"
            run.completed_on = datetime.now(UTC)

    def _fire(self, run: WorkflowRun, trigger: FakeTrigger) -> None:
        run.fired.add(trigger.name)
        for action in trigger.actions:
            run.job_runs.append(self._start_action(action, trigger, run))


def due(triggers: Iterable[FakeTrigger], states: Mapping[str, str], fired: Iterable[str]) -> Iterator[FakeTrigger]:
    """Yield the activated conditional triggers that have not fired yet and have a satisfied predicate.

    `states` has the final states of finished jobs by job name.
    """
    for trigger in triggers:
        waits = trigger.trigger_type == "CONDITIONAL" and trigger.state == "ACTIVATED" and trigger.name not in fired
        if waits and trigger.predicate and satisfied(trigger.predicate, states):
            yield trigger


def satisfied(predicate: Predicate, states: Mapping[str, str]) -> bool:
    """Tell whether all conditions hold, or at least one if the predicate is ANY."""
    holds = (
        condition.state is not None and states.get(condition.job_name or "") == condition.state.value
        for condition in predicate.conditions
    )
    return any(holds) if predicate.logical == Logical.ANY else all(holds)


def predecessors(trigger: FakeTrigger, run: WorkflowRun) -> list[tuple[str, str]]:
    """Return job name and run id of each run that a trigger waited for."""
    latest = run.latest()
    names = [condition.job_name for condition in trigger.predicate.conditions] if trigger.predicate else []
    return [(name, latest[name].id) for name in names if name in latest]


def graph(triggers: Iterable[FakeTrigger], job_runs: Iterable[JobRun]) -> dict[str, Any]:
    """Return the WorkflowGraph structure: triggers and jobs as nodes, dependencies as edges."""
    runs: dict[str, list[dict[str, Any]]] = {}
    for run in job_runs:
        runs.setdefault(run.spec.name, []).append(run.as_dict())
    nodes: dict[str, dict[str, Any]] = {}
    edges = []
    for trigger in triggers:
        trigger_id = f"trigger/{trigger.name}"
        nodes[trigger_id] = {
            "Type": "TRIGGER",
            "Name": trigger.name,
            "UniqueId": trigger_id,
            "TriggerDetails": {"Trigger": trigger.as_dict()},
        }
        conditions = [condition.job_name for condition in trigger.predicate.conditions] if trigger.predicate else []
        edges += [{"SourceId": f"job/{name}", "DestinationId": trigger_id} for name in conditions]
        actions = [str(action.job_name) for action in trigger.actions]
        edges += [{"SourceId": trigger_id, "DestinationId": f"job/{name}"} for name in actions]
        for name in [*filter(None, conditions), *actions]:
            nodes[f"job/{name}"] = {
                "Type": "JOB",
                "Name": name,
                "UniqueId": f"job/{name}",
                "JobDetails": {"JobRuns": runs.get(name, [])},
            }
    return {"Nodes": list(nodes.values()), "Edges": edges}


def find_run(workflow: FakeWorkflow | None, run_id: str) -> WorkflowRun:
    """Return a run of a workflow, or raise Glue's error."""
    run = workflow.runs.get(run_id) if workflow else None
    if not isinstance(run, WorkflowRun):
        raise EntityNotFoundException(f"Workflow run {run_id} not found.")
    return run


def _final_states(run: WorkflowRun) -> dict[str, str]:
    return {name: job_run.state for name, job_run in run.latest().items() if job_run.finished}
