"""Ctrl-C in the middle of a run: what was stopped, what readers have, what is still up."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import embedded_aws
from lakehouse.lease import KEY
from tests.support.project import ICEBERG_TABLES, JOBS, Project, copy_of_project

pytestmark = pytest.mark.slow


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Project]:
    project = copy_of_project(tmp_path / "project")
    yield project
    project.lakehouse("down")


def interrupted(project: Project, job: str) -> str:
    """Start a run, interrupt it when a job runs, and return what it printed."""
    command = project.start("run")
    printed = ""
    assert command.stdout
    for line in command.stdout:
        printed += line
        if f"{job} RUNNING" in line:
            command.send_signal(signal.SIGINT)
    assert command.wait() == 130, printed
    assert "Traceback" not in printed
    return printed


def test_ctrl_c_says_what_was_stopped_and_what_is_still_up(fresh: Project) -> None:
    project = fresh
    project.succeed("apply")
    box = embedded_aws.status(project.root)
    assert box

    printed = interrupted(project, JOBS[1])
    assert f"Interrupted: {JOBS[1]} was stopped." in printed
    assert "all tables are as an earlier run left them" in printed
    assert f"The embedded AWS is still up at {box.endpoint}. To stop it: make down" in printed
    assert project.iceberg_rows() == dict.fromkeys(ICEBERG_TABLES, 0)
    assert not (project.root / "build/local/runs/latest/run.json").exists()
    body = project.client("s3").get_object(Bucket=project.environment()["STEDI_BUCKET"], Key=KEY)["Body"].read()
    assert json.loads(body)["seconds"] == 0  # the lease is free


def test_ctrl_c_leaves_nothing_running_that_the_command_started(fresh: Project) -> None:
    printed = interrupted(fresh, JOBS[0])
    assert f"Interrupted: {JOBS[0]} was stopped." in printed
    assert "Nothing is left running." in printed
    assert fresh.processes() == []
