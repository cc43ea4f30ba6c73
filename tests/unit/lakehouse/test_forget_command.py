"""`make forget`: looks first, says what it found of whom, asks, and only then erases."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from operator_fakes import printed

from lakehouse import cli, pipeline
from lakehouse.console import Display
from lakehouse.errors import LakehouseError
from lakehouse.pipeline import Operator
from lakehouse.project import Project
from lakehouse.terraform import Outputs

EMAIL = "o'brien$x@example.org"
ERASED = {
    "found": True,
    "resumed": False,
    "landing": {"customer_landing": {"rows": 2}, "accelerometer_landing": {"rows": 1200}},
    "quarantine": {"rows": 1},
    "query_results": {"objects_deleted": 4},
    "tables": {"customer_trusted": {"rows": 3}},
    "kept_because_shared": {},
}
NOTHING = {"found": False, "resumed": False, "kept_because_shared": {}}


class World:
    """The job that forgets: what it finds of the person, and what was done with it."""

    def __init__(self) -> None:
        self.erased: dict[str, Any] = ERASED
        self.unfinished: str | None = None
        """Id of a request that is there already."""
        self.events: list[str] = []

    def request(self, email: str, new: str | None = None) -> tuple[str, bool]:
        assert email == EMAIL
        self.events.append(f"request {new or ''}".strip())
        return self.unfinished or new or "r1", self.unfinished is not None

    def run(self, request: str, *, dry_run: bool, on_change: Callable[[Any], None]) -> dict[str, Any]:
        self.events.append(f"{'look' if dry_run else 'erase'} {request}")
        return {"request": request, "dry_run": dry_run, "erased": self.erased, "verification": None}

    def check(self) -> None:
        self.events.append("check the lease")


@pytest.fixture
def world(outputs: Outputs, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()

    @contextmanager
    def alone(_: Operator, purpose: str) -> Iterator[Any]:
        yield SimpleNamespace(id="operation", check=world.check)

    monkeypatch.setattr(Operator, "_alone", alone)
    monkeypatch.setattr(Operator, "_claim", lambda *_: None)
    monkeypatch.setattr(Operator, "_terraform", lambda *_: SimpleNamespace(outputs=lambda: outputs))
    monkeypatch.setattr(pipeline.aws, "session", lambda _: SimpleNamespace(client=lambda *_, **__: None))
    monkeypatch.setattr(pipeline, "Forgetting", lambda *_: world)
    return world


@pytest.fixture(params=["local", "dev"])
def operator(request: pytest.FixtureRequest, project: Project, display: Display) -> Operator:
    return Operator(Project.at(project.root, request.param), display)


class Answer:
    """Somebody who is asked."""

    def __init__(self, answer: bool) -> None:
        self.answer = answer
        self.questions: list[str] = []

    def __call__(self, question: str) -> bool:
        self.questions.append(question)
        return self.answer


def test_the_person_and_the_records_are_said_before_the_question_in_every_environment(
    operator: Operator, world: World, display: Display
) -> None:
    answer = Answer(True)
    operator.forget(f" {EMAIL.upper()}\n", answer, dry_run=False)
    assert world.events == ["request", "look r1", "check the lease", "request r1", "erase r1"]
    environment = operator.project.environment
    assert answer.questions == [f"Erase {EMAIL} from {environment} for good?"]
    said = printed(display)
    assert said.startswith(f"Request r1: {EMAIL} in {environment}\nFound 1,206 records of this person:\n")
    assert "    1,200 lines of accelerometer_landing\n        1 lines of quarantine\n        3 rows of customer" in said
    assert said.index("Found 1,206 records") < said.index("Erased 1,206 records of this person:")
    assert json.loads((operator.project.build / "forget-r1.json").read_text())["dry_run"] is False


def test_a_no_changes_nothing(operator: Operator, world: World) -> None:
    with pytest.raises(LakehouseError, match="Nothing was changed"):
        operator.forget(EMAIL, Answer(False), dry_run=False)
    assert world.events == ["request", "look r1"]


def test_without_a_terminal_and_without_yes_nothing_is_changed(
    operator: Operator, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: False))
    with pytest.raises(LakehouseError, match=r"no terminal to answer on, so nothing was changed\. .* with YES=1\."):
        operator.forget(EMAIL, cli._confirmation(False), dry_run=False)
    assert world.events == ["request", "look r1"]
    operator.forget(EMAIL, cli._confirmation(True), dry_run=False)
    assert world.events[-1] == "erase r1"


def test_a_dry_run_asks_nothing(operator: Operator, world: World) -> None:
    answer = Answer(True)
    operator.forget(EMAIL, answer, dry_run=True)
    assert (world.events, answer.questions) == (["request", "look r1"], [])


def test_a_person_that_is_not_there_needs_no_question_and_no_erasure(
    operator: Operator, world: World, display: Display
) -> None:
    world.erased = NOTHING
    answer = Answer(True)
    operator.forget(EMAIL, answer, dry_run=False)
    assert (world.events, answer.questions) == (["request", "look r1"], [])
    assert "Nothing of this person was found." in printed(display)


def test_an_erasure_that_was_begun_is_finished_also_if_nothing_is_left_to_be_found(
    operator: Operator, world: World, display: Display
) -> None:
    world.unfinished, world.erased = "r0", NOTHING | {"resumed": True}
    answer = Answer(True)
    operator.forget(EMAIL, answer, dry_run=False)
    assert world.events == ["request", "look r0", "check the lease", "request r0", "erase r0"]
    assert answer.questions == []
    assert f"Request r0, taken up again: {EMAIL}" in printed(display)


def test_what_is_no_address_is_refused_before_anything(operator: Operator, world: World) -> None:
    with pytest.raises(LakehouseError, match=r"^EMAIL is not an e-mail address; nothing was changed\."):
        operator.forget("o'brien", Answer(True), dry_run=False)
    assert world.events == []
