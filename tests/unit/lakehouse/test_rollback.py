# ruff: noqa: N803 (Glue's argument names)
"""The operator's side of a rollback: the question, the runs of the job, what is said at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from lakehouse import aws, card_copy, tables
from lakehouse.commands import rollback as command
from lakehouse.console import Display
from lakehouse.environments import AwsEnvironment, Environment
from lakehouse.errors import LakehouseError
from lakehouse.history import History, Run
from lakehouse.project import Project
from lakehouse.tables import TABLE_OF_JOB, Publication
from lakehouse.terraform import Outputs
from tests.support.operator_fakes import KnownOutputs, printed

REFUSAL = "SystemExit: rollback: The run wr_1 was before the erasure request of 2026-01-01. Nothing was changed."


class RollbackGlue:
    """Glue with the rollback job; each of its runs ends as the next of the given messages says, None being success."""

    class exceptions:  # noqa: N801 as boto3 names it
        class ConcurrentRunsExceededException(Exception):  # noqa: N818
            pass

    def __init__(self, *messages: str | None) -> None:
        self.messages = list(messages)
        self.started: list[dict[str, str]] = []

    def start_job_run(self, JobName: str, Arguments: dict[str, str]) -> Any:
        assert JobName == "stedi-local-rollback"
        self.started.append(Arguments)
        return {"JobRunId": f"jr_{len(self.started)}"}

    def get_job_run(self, JobName: str, RunId: str) -> Any:
        message = self.messages[len(self.started) - 1]
        state = {"JobRunState": "FAILED", "ErrorMessage": message} if message else {"JobRunState": "SUCCEEDED"}
        return {"JobRun": {**state, "CompletedOn": datetime(2026, 1, 1, tzinfo=UTC)}}


class HeldLease:
    """The lease of the command."""

    id, owner = "op", "ada@laptop"

    def check(self) -> None:
        """Have it."""


class KnownHistory:
    """The history with one run."""

    def find(self, given: str) -> str:
        return given

    def run(self, run_id: str) -> Run:
        return Run(run_id, datetime(2026, 1, 1, tzinfo=UTC), profile="strict", rows={"machine_learning_curated": 1234})


@pytest.fixture
def dev(root: Any, display: Display, outputs: Outputs, monkeypatch: pytest.MonkeyPatch) -> Environment:
    @contextmanager
    def exclusive(*_: Any, **__: Any) -> Iterator[HeldLease]:
        yield HeldLease()

    monkeypatch.setattr(AwsEnvironment, "terraform", lambda *_: KnownOutputs(outputs))
    monkeypatch.setattr(AwsEnvironment, "poll_seconds", 0)
    monkeypatch.setattr(Project, "commit", lambda _: "12ab")
    monkeypatch.setattr(command, "exclusive", exclusive)
    monkeypatch.setattr(card_copy, "refresh", lambda environment, _: environment.display.say("card"))
    monkeypatch.setattr(command, "take_lease", lambda *_: None)
    monkeypatch.setattr(History, "of", lambda *_: KnownHistory())
    return AwsEnvironment(Project.at(root, "dev"), display)


def world(monkeypatch: pytest.MonkeyPatch, glue: RollbackGlue, before: str = "wr_2", after: str = "wr_1") -> None:
    def publications(*_: Any) -> dict[str, Publication]:
        shown = after if glue.started else before
        return {table: Publication(7, shown) for table in TABLE_OF_JOB.values()}

    session = type("Session", (), {"client": lambda *_, **__: glue})()
    monkeypatch.setattr(aws, "session", lambda _: session)
    monkeypatch.setattr(tables, "publications", publications)


def test_the_job_runs_under_the_lease_of_the_command(
    dev: Environment, display: Display, monkeypatch: pytest.MonkeyPatch
) -> None:
    glue = RollbackGlue(None)
    world(monkeypatch, glue)
    command.rollback(dev, "wr_1", lambda _: True)
    assert glue.started == [{"--run": "wr_1", "--lease": "op", "--started_by": "ada@laptop", "--commit": "12ab"}]
    said = printed(display)
    assert "to the run wr_1 of 2026-01-01 00:00 UTC, profile strict, 1,234 training rows" in said
    assert "card" in said
    assert "To go forward again: make rollback ENV=dev RUN=wr_2" in said


def test_a_job_that_was_killed_is_run_again_to_complete_it(dev: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    glue = RollbackGlue("The script was killed by signal 9.", None)
    world(monkeypatch, glue)
    command.rollback(dev, "wr_1", lambda _: True)
    assert len(glue.started) == 2
    glue = RollbackGlue(*["killed"] * command.ATTEMPTS)
    world(monkeypatch, glue)
    with pytest.raises(LakehouseError, match="The rollback job ended as FAILED: killed"):
        command.rollback(dev, "wr_1", lambda _: True)
    assert len(glue.started) == command.ATTEMPTS


def test_a_refusal_is_final_and_told_as_it_is(dev: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    glue = RollbackGlue(REFUSAL)
    world(monkeypatch, glue)
    with pytest.raises(LakehouseError, match=r"before the erasure request of 2026-01-01\. Nothing was changed"):
        command.rollback(dev, "wr_1", lambda _: True)
    assert len(glue.started) == 1


def test_nothing_runs_without_a_run_or_without_a_yes(dev: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    glue = RollbackGlue(None)
    world(monkeypatch, glue)
    with pytest.raises(LakehouseError, match=r"RUN is missing.* Nothing was changed\. Choose one: make runs ENV=dev"):
        command.rollback(dev, "", lambda _: True)
    with pytest.raises(LakehouseError, match="Nothing was changed"):
        command.rollback(dev, "wr_1", lambda _: False)
    assert glue.started == []


def test_tables_of_another_run_are_no_success(dev: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    world(monkeypatch, RollbackGlue(None), after="wr_3")
    with pytest.raises(
        LakehouseError, match=r"customer_trusted.* are not those of the run wr_1\. Run the same command"
    ):
        command.rollback(dev, "wr_1", lambda _: True)
