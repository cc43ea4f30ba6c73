# ruff: noqa: N803 (Glue's argument names)
"""Fakes of what the commands talk to."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lakehouse.console import Display
from lakehouse.lease import LeaseError, Operation
from lakehouse.tables import TABLE_OF_JOB
from lakehouse.terraform import Outputs


def printed(display: Display) -> str:
    file = display.console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


@dataclass(frozen=True)
class KnownOutputs:
    """Terraform of a stack that is applied."""

    known: Outputs

    def outputs(self) -> Outputs:
        return self.known


class FakeGlue:
    """Glue with one workflow; each request for the state of its run returns the next of the given moments."""

    class exceptions:  # noqa: N801 as boto3 names it
        class ConcurrentRunsExceededException(Exception):  # noqa: N818
            pass

        class EntityNotFoundException(Exception):  # noqa: N818
            pass

        class IllegalWorkflowStateException(Exception):  # noqa: N818
            pass

    def __init__(self, outputs: Outputs, moments: list[Any]) -> None:
        self.outputs = outputs
        self.moments = moments
        self.arguments: dict[str, dict[str, str]] = {}
        self.runs: list[dict[str, str]] = []
        self.properties: list[dict[str, str]] = []
        """Run properties of each workflow run that was started."""
        self.calls: list[str] = []
        self.versions = 0

    def get_job(self, JobName: str) -> Any:
        return {"Job": {"Name": JobName, "DefaultArguments": self.arguments.get(JobName, {})}}

    def get_table(self, DatabaseName: str, Name: str) -> Any:
        """Return a table that changes with each request, as the jobs append to it."""
        self.versions += 1
        return {"Table": {"Parameters": {"metadata_location": f"s3://{DatabaseName}/{Name}/{self.versions}"}}}

    def get_workflow_runs(self, Name: str) -> Any:
        return {"Runs": self.runs}

    def start_workflow_run(self, Name: str, RunProperties: dict[str, str]) -> Any:
        self.calls.append("start")
        self.properties.append(RunProperties)
        return {"RunId": "wr_1"}

    def stop_workflow_run(self, Name: str, RunId: str) -> None:
        self.calls.append(f"stop {RunId}")

    def get_workflow_run(self, Name: str, RunId: str, IncludeGraph: bool = False) -> Any:
        moment = self.moments.pop(0) if len(self.moments) > 1 else self.moments[0]
        if isinstance(moment, BaseException):
            raise moment
        return {"Run": moment}


STARTED = datetime(2026, 1, 1, tzinfo=UTC)


def moment(outputs: Outputs, status: str, *states: str, message: str = "") -> dict[str, Any]:
    """Return a workflow run as Glue does, with the states of the first jobs; the others have not started."""
    nodes = []
    for position, name in enumerate(TABLE_OF_JOB):
        state = states[position] if position < len(states) else None
        run = {
            "Id": f"jr_{position}",
            "Attempt": 0,
            "JobRunState": state,
            "StartedOn": STARTED,
            "LogGroupName": "/aws-glue/jobs/stedi-local",
            "WorkerType": "G.1X",
            "NumberOfWorkers": 2,
            "ExecutionTime": 2,
            **({"CompletedOn": STARTED + timedelta(seconds=2.5)} if state not in ("RUNNING", "STARTING") else {}),
            **({"ErrorMessage": message} if state == "FAILED" else {}),
        }
        nodes.append({"Type": "JOB", "Name": outputs.jobs[name], "JobDetails": {"JobRuns": [run]} if state else {}})
    nodes.append({"Type": "TRIGGER", "Name": "start"})
    ended = {"CompletedOn": STARTED + timedelta(seconds=20)} if status != "RUNNING" else {}
    return {"Status": status, "StartedOn": STARTED, **ended, "Graph": {"Nodes": nodes}}


class FakeLease:
    """The lease of the lakehouse; taking it fails with `held_by`, if that is set."""

    held_by: LeaseError | None = None
    events: list[str]

    def __init__(self, _s3: Any, _glue: Any, _bucket: str, operation: Operation) -> None:
        self.operation = operation

    def take(self, *, commands_are_gone: bool) -> None:
        if self.held_by:
            raise self.held_by
        self.events.append(f"lease taken for {self.operation.purpose}")

    def check(self) -> None:
        pass

    def hand_on(self, **run: str) -> None:
        self.events.append(f"lease handed on to {run['run_id']}")

    def release(self) -> None:
        self.events.append("lease released")
