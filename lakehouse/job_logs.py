"""The logs of job runs: in CloudWatch Logs, or what an embedded AWS left when it ended."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3

from lakehouse.aws import CONFIG
from lakehouse.terraform import Outputs
from lakehouse.workflow import JobRun, Workflow, WorkflowRun, of_single_job

STREAMS = ("output", "error")
FORGET = "forget"
RUNS_ALONE = 20  # most recent runs of each job outside a workflow that are looked at


class Tail(ABC):
    """The log of one job run, read to its end and on."""

    @abstractmethod
    def read(self) -> list[str]:
        """Return the lines that are new since the last call."""


class JobLogs(ABC):
    """The runs that have logs."""

    @abstractmethod
    def runs(self) -> Iterator[WorkflowRun]:
        """Yield workflow runs, the newest first, then job runs outside a workflow, each as a run of one job."""

    @abstractmethod
    def again(self, run: WorkflowRun) -> WorkflowRun:
        """Return the present state of a run."""

    @abstractmethod
    def tail(self, job: JobRun) -> Tail:
        """Return the log of a job run from its beginning."""


class CloudWatchLogs(JobLogs):
    """Logs of a deployed environment."""

    def __init__(self, session: boto3.Session, outputs: Outputs) -> None:
        self._glue = session.client("glue", config=CONFIG)
        self._logs: Any = session.client("logs", config=CONFIG)
        self._workflow = Workflow(self._glue, outputs, pause=0)
        self._jobs = {**outputs.jobs, FORGET: outputs.forget_job}

    def runs(self) -> Iterator[WorkflowRun]:
        """Ask Glue."""
        in_workflows: set[str | None] = set()
        for each in sorted(self._listed(), key=lambda run: run["StartedOn"], reverse=True):
            run = self._workflow.read(each["WorkflowRunId"])
            in_workflows.update(job.id for job in run.jobs)
            yield run
        for name, job in self._jobs.items():
            for attempt in self._glue.get_job_runs(JobName=job, MaxResults=RUNS_ALONE)["JobRuns"]:
                if attempt["Id"] not in in_workflows:
                    yield of_single_job(name, attempt)

    def _listed(self) -> Iterator[Any]:
        """Yield all runs of the workflow, in no order that Glue would promise."""
        token: dict[str, Any] = {}
        while True:
            page = self._glue.get_workflow_runs(Name=self._workflow.name, **token)
            yield from page.get("Runs", [])
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def again(self, run: WorkflowRun) -> WorkflowRun:
        """Ask Glue."""
        (job, *_) = run.jobs
        if run.id != job.id:
            return self._workflow.read(run.id)
        return of_single_job(job.name, self._glue.get_job_run(JobName=self._jobs[job.name], RunId=run.id)["JobRun"])

    def tail(self, job: JobRun) -> Tail:
        """Read the output and the error stream, as Glue names them."""
        return _CloudWatchTail(self._logs, job.log_group or "/aws-glue/jobs", str(job.id))


class _CloudWatchTail(Tail):
    def __init__(self, logs: Any, group: str, run_id: str) -> None:
        self._logs = logs
        self._group = group
        self._run_id = run_id
        self._tokens: dict[str, str] = {}

    def read(self) -> list[str]:
        """Return the new lines of both streams in the order of their times."""
        events = [event for stream in STREAMS for event in self._read(stream)]
        return [str(event["message"]).rstrip("\n") for event in sorted(events, key=lambda event: event["timestamp"])]

    def _read(self, stream: str) -> Iterator[Any]:
        """Yield the events up to the end, at which CloudWatch Logs returns the token that it was given."""
        while True:
            token = self._tokens.get(stream)
            try:
                page = self._logs.get_log_events(
                    logGroupName=f"{self._group}/{stream}",
                    logStreamName=self._run_id,
                    startFromHead=True,
                    **({"nextToken": token} if token else {}),
                )
            except self._logs.exceptions.ResourceNotFoundException:  # nothing was written yet
                return
            yield from page["events"]
            self._tokens[stream] = page["nextForwardToken"]
            if page["nextForwardToken"] == token:
                return


class KeptLogs(JobLogs):
    """What the jobs of an embedded AWS wrote that has been stopped; it stays until the next start."""

    def __init__(self, jobs_folder: Path) -> None:
        self._folder = jobs_folder

    def runs(self) -> Iterator[WorkflowRun]:
        """Look into the work folders of the runs."""
        runs: dict[str, list[JobRun]] = {}
        for file in sorted(self._folder.glob("*/job.json"), key=lambda file: file.stat().st_mtime_ns):
            about = json.loads(file.read_text(encoding="utf-8"))
            run_id = file.parent.name
            if (file.parent / "output.log").is_file():
                runs.setdefault(about["workflow_run_id"] or run_id, []).append(JobRun(about["job"], "ENDED", run_id))
        for run_id, jobs in reversed(runs.items()):
            yield WorkflowRun(run_id, "STOPPED", None, tuple(jobs))

    def again(self, run: WorkflowRun) -> WorkflowRun:
        """Return the run: nothing changes any more."""
        return run

    def tail(self, job: JobRun) -> Tail:
        """Read the file of the run."""
        return _FileTail(self._folder / str(job.id) / "output.log")


class _FileTail(Tail):
    def __init__(self, path: Path) -> None:
        self._path: Path | None = path

    def read(self) -> list[str]:
        """Return all lines at first, then none."""
        path, self._path = self._path, None
        return path.read_text(encoding="utf-8", errors="replace").splitlines() if path else []
