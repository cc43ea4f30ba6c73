# ruff: noqa: N803 (names of Glue's and CloudWatch's arguments)
"""`make logs`: which run, which job, and every line of both streams once, also while the job runs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from embedded_aws import EmbeddedAws
from lakehouse import aws
from lakehouse.commands import job_logs
from lakehouse.console import Display
from lakehouse.environments import AwsEnvironment, Environment, LocalEnvironment, local, open_environment
from lakehouse.errors import CommandInterruptedError, LakehouseError
from lakehouse.project import Project
from lakehouse.tables import TABLE_OF_JOB
from lakehouse.terraform import Outputs
from tests.support.operator_fakes import STARTED, FakeGlue, moment, printed

FIRST, SECOND, *_ = TABLE_OF_JOB
OLD, NEW = f"wr_{'a1' * 32}", f"wr_{'b2' * 32}"


class Logs:
    """CloudWatch Logs; each stream is a list of pages, of which a token gives the next."""

    class exceptions:  # noqa: N801 as boto3 names it
        class ResourceNotFoundException(Exception):  # noqa: N818
            pass

    def __init__(self) -> None:
        self.streams: dict[tuple[str, str], list[tuple[int, str]]] = {}

    def get_log_events(self, logGroupName: str, logStreamName: str, startFromHead: bool, nextToken: str = "0") -> Any:
        assert startFromHead
        try:
            lines = self.streams[logGroupName, logStreamName]
        except KeyError:
            raise self.exceptions.ResourceNotFoundException from None
        page = lines[int(nextToken) : int(nextToken) + 2]
        events = [{"timestamp": at, "message": text} for at, text in page]
        return {"events": events, "nextForwardToken": str(int(nextToken) + len(page))}


class Glue(FakeGlue):
    """Glue with two runs of the workflow, and one job run outside it."""

    def get_workflow_runs(self, Name: str, NextToken: str = "") -> Any:
        if not NextToken:
            return {"Runs": [{"WorkflowRunId": OLD, "StartedOn": STARTED}], "NextToken": "more"}
        return {"Runs": [{"WorkflowRunId": NEW, "StartedOn": STARTED.replace(hour=5)}]}

    def get_workflow_run(self, Name: str, RunId: str, IncludeGraph: bool = False) -> Any:
        run = super().get_workflow_run(Name, RunId)
        for node in run["Run"]["Graph"]["Nodes"]:
            for attempt in node.get("JobDetails", {}).get("JobRuns", []):
                attempt["Id"] = attempt["Id"].split("_of_")[0] + f"_of_{RunId[3:5]}"
        return run

    def get_job_runs(self, JobName: str, MaxResults: int) -> Any:
        assert MaxResults
        alone = {"Id": "jr_alone", "JobRunState": "SUCCEEDED", "StartedOn": STARTED, "CompletedOn": STARTED}
        return {"JobRuns": [alone | {"LogGroupName": "/g"}] if JobName == self.outputs.forget_job else []}


@pytest.fixture
def glue(outputs: Outputs) -> Glue:
    return Glue(outputs, [moment(outputs, "COMPLETED", "SUCCEEDED", "FAILED")])


@pytest.fixture
def logs() -> Logs:
    logs = Logs()
    for run in ("a1", "b2"):
        for number in range(2):
            group, name = "/aws-glue/jobs/stedi-local", f"jr_{number}_of_{run}"
            logs.streams[f"{group}/output", name] = [(1, f"{name} one"), (3, f"{name} three"), (4, f"{name} four")]
            logs.streams[f"{group}/error", name] = [(2, f"{name} two\n")]
    logs.streams["/g/output", "jr_alone"] = [(1, "erased 1 person")]
    return logs


@pytest.fixture
def dev(root: Path, display: Display, glue: Glue, logs: Logs, monkeypatch: pytest.MonkeyPatch) -> Environment:
    class Session:
        def client(self, service: str, **_: Any) -> Any:
            return {"glue": glue, "logs": logs}[service]

    monkeypatch.setattr(aws, "session", lambda _: Session())
    for kind in (AwsEnvironment, LocalEnvironment):
        monkeypatch.setattr(kind, "terraform", lambda *_: SimpleNamespace(outputs=lambda: glue.outputs))
    monkeypatch.setattr(AwsEnvironment, "poll_seconds", 0)
    return open_environment(Project.at(root, "dev"), display)


def show(environment: Environment, job: str = "", run: str = "", *, follow: bool = False) -> list[str]:
    before = len(printed(environment.display))
    job_logs.logs(environment, job, run, follow=follow)
    return printed(environment.display)[before:].splitlines()


def test_the_last_run_by_default_with_both_streams_in_the_order_of_time(dev: Environment) -> None:
    assert show(dev) == [
        f"==> {FIRST}, jr_0_of_b2, SUCCEEDED <==",
        *(f"jr_0_of_b2 {number}" for number in ("one", "two", "three", "four")),
        f"==> {SECOND}, jr_1_of_b2, FAILED <==",
        *(f"jr_1_of_b2 {number}" for number in ("one", "two", "three", "four")),
    ]


@pytest.mark.parametrize(
    ("job", "run", "heads"),
    [
        (SECOND, "", ["jr_1_of_b2"]),
        ("", "wr_a1a1a1a1", ["jr_0_of_a1", "jr_1_of_a1"]),
        (FIRST, OLD, ["jr_0_of_a1"]),
        ("", "jr_1_of_a1", ["jr_1_of_a1"]),
        ("forget", "", ["jr_alone"]),
        ("", "jr_alone", ["jr_alone"]),
    ],
)
def test_a_job_and_a_run_are_chosen(dev: Environment, job: str, run: str, heads: list[str]) -> None:
    shown = [line.split(", ")[1] for line in show(dev, job, run) if line.startswith("==>")]
    assert shown == heads


@pytest.mark.parametrize(
    ("job", "run", "says"),
    [
        (
            "customer_landing",
            "",
            rf"JOB='customer_landing' is not a job. Did you mean {FIRST}\? Run: make logs ENV=dev",
        ),
        ("xyz", "", f"JOB='xyz' is not a job. The jobs are: {FIRST}, .*Run: make logs ENV=dev JOB={FIRST}"),
        ("", "wr_c", "RUN='wr_c' is no run of dev that has a log. There are: wr_b2b2b2b2, wr_a1a1a1a1, jr_alone. Run:"),
        ("machine_learning_curated", "wr_a1", f"has not started in run wr_a1a1a1a1. .*: {FIRST}, {SECOND}. Run: make"),
        ("machine_learning_curated", "", "no log of machine_learning_curated in dev yet. Run: make run-pipeline ENV=d"),
    ],
)
def test_a_mistyped_job_or_run_is_told_with_the_next_command(dev: Environment, job: str, run: str, says: str) -> None:
    with pytest.raises(LakehouseError, match=says):
        show(dev, job, run)
    assert printed(dev.display) == ""


def test_following_prints_what_is_new_until_the_run_has_ended(
    dev: Environment, glue: Glue, logs: Logs, outputs: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = "/aws-glue/jobs/stedi-local"
    logs.streams = {}  # the job has not written anything yet
    glue.moments = [
        moment(outputs, "RUNNING", "RUNNING"),
        moment(outputs, "RUNNING", "RUNNING"),
        moment(outputs, "RUNNING", "SUCCEEDED", "RUNNING"),
        moment(outputs, "COMPLETED", "SUCCEEDED", "FAILED"),
    ]
    steps = iter(
        [
            {(f"{group}/output", "jr_0_of_b2"): [(1, "one"), (2, "two")]},
            {(f"{group}/output", "jr_0_of_b2"): [(1, "one"), (2, "two"), (3, "three")]},
            {(f"{group}/error", "jr_1_of_b2"): [(4, "no consent")]},
        ]
    )
    monkeypatch.setattr("time.sleep", lambda _: logs.streams.update(next(steps)))
    assert show(dev, follow=True) == [
        f"==> {FIRST}, jr_0_of_b2, RUNNING <==",
        *("one", "two", "three"),
        f"==> {SECOND}, jr_1_of_b2, RUNNING <==",
        "no consent",
    ]


def test_ctrl_c_leaves_the_jobs_running(dev: Environment, glue: Glue, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    glue.moments = [moment(glue.outputs, "RUNNING", "RUNNING")]
    monkeypatch.setattr("time.sleep", interrupt)
    with pytest.raises(CommandInterruptedError, match="The jobs go on"):
        show(dev, follow=True)
    assert glue.calls == []


@pytest.mark.parametrize("follow", [False, True])
def test_after_a_failed_run_its_logs_are_read_though_the_embedded_aws_is_gone(
    project: Project, display: Display, monkeypatch: pytest.MonkeyPatch, follow: bool
) -> None:
    monkeypatch.setattr(local.embedded_aws, "status", lambda _: None)
    environment = open_environment(project, display)
    with pytest.raises(LakehouseError, match=r"no log of a run in local yet\. Run: make run-pipeline$"):
        show(environment)
    for at, (run, job, workflow) in enumerate(
        [("jr_1", FIRST, OLD), ("jr_2", FIRST, NEW), ("jr_3", SECOND, NEW), ("jr_4", "forget", "")]
    ):
        folder = project.build / "jobs" / run
        folder.mkdir(parents=True)
        (folder / "job.json").write_text(json.dumps({"job": job, "workflow_run_id": workflow}))
        os.utime(folder / "job.json", (at, at))
        (folder / "output.log").write_text(f"of {run}\n")
    (project.build / "jobs" / "jr_4" / "output.log").unlink()  # erased
    assert show(environment, follow=follow) == [
        f"==> {FIRST}, jr_2, ENDED <==",
        "of jr_2",
        f"==> {SECOND}, jr_3, ENDED <==",
        "of jr_3",
    ]
    assert show(environment, run="wr_a1a1a1a1")[1:] == ["of jr_1"]


def test_a_running_embedded_aws_is_asked_as_aws_is(
    dev: Environment, project: Project, display: Display, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local.embedded_aws, "status", lambda _: EmbeddedAws(endpoint="http://127.0.0.1:1", pid=1))
    assert show(open_environment(project, display), FIRST)[0] == f"==> {FIRST}, jr_0_of_b2, SUCCEEDED <=="
