"""`make forget`: looks first, says what it found of whom, asks, and only then erases."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lakehouse import cli, pipeline
from lakehouse.console import Display
from lakehouse.errors import LakehouseError
from lakehouse.pipeline import Operator
from lakehouse.project import Project
from lakehouse.terraform import Outputs
from tests.support.operator_fakes import printed

EMAIL = "o'brien$x@example.org"
ERASED = {
    "found": True,
    "resumed": False,
    "landing": {"customer_landing": {"rows": 2}, "accelerometer_landing": {"rows": 1200}},
    "quarantine": {"rows": 1},
    "query_results": {"objects_deleted": 4},
    "log_streams": 2,
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
        self.emails = [EMAIL]
        self.accepted: list[list[str]] = []
        self.events: list[str] = []

    def request(self, emails: list[str], accept: Sequence[str] = (), new: str | None = None) -> tuple[str, bool]:
        assert emails == self.emails
        self.accepted.append(list(accept))
        self.events.append(f"request {new or ''}".strip())
        return self.unfinished or new or "r1", self.unfinished is not None

    def run(self, request: str, *, dry_run: bool, on_change: Callable[[Any], None]) -> dict[str, Any]:
        self.events.append(f"{'look' if dry_run else 'erase'} {request}")
        return {"request": request, "dry_run": dry_run, "erased": self.erased, "verification": None}

    def export(self, request: str, on_change: Callable[[Any], None]) -> str:
        self.events.append(f"export {request}")
        return '{"subject": []}'

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
    monkeypatch.setattr(Operator, "_embedded_aws", lambda *_, **__: nullcontext())
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
    assert said.startswith(f"Request r1: {EMAIL} in {environment}\nFound 1,206 records:\n")
    assert "    1,200 lines of accelerometer_landing\n        1 lines of quarantine\n        3 rows of customer" in said
    assert said.index("Found 1,206 records") < said.index("Erased 1,206 records:")
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
    assert "Nothing was found." in printed(display)


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


def test_several_people_are_a_number_in_every_line(
    operator: Operator, world: World, display: Display, tmp_path: Path
) -> None:
    file, answer = tmp_path / "people", Answer(True)
    file.write_text("Ann@x.org\n\nbob@x.org \nANN@x.org\n", encoding="utf-8-sig")
    world.emails = ["ann@x.org", "bob@x.org"]
    operator.forget("", answer, dry_run=False, file=file, accept=["exports/a.pdf"])
    environment = operator.project.environment
    assert answer.questions == [f"Erase 2 people from {environment} for good?"]
    assert printed(display).startswith(f"Request r1: 2 people in {environment}\n")
    assert world.accepted == [["exports/a.pdf"]] * 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("ann@x.org", b"bob@x.org"), "Give either EMAIL, an address, or EMAILS"),
        (("", None), "Give either EMAIL, an address, or EMAILS"),
        (("", b"ann@x.org\n\nann\n"), "no e-mail address in line 3. Nothing was changed"),
        (("", b"\n"), "holds no e-mail address"),
        (("", b"\xff\xfea\0"), "is not UTF-8 text"),
    ],
)
def test_people_that_are_not_said_clearly_are_refused_before_anything(
    operator: Operator, world: World, tmp_path: Path, given: tuple[str, bytes | None], message: str
) -> None:
    (email, content), file = given, tmp_path / "people"
    file.write_bytes(content or b"")
    with pytest.raises(LakehouseError) as refused:
        operator.forget(email, Answer(True), dry_run=False, file=None if content is None else file)
    assert message in str(refused.value)
    assert world.events == []


def test_an_export_is_a_file_of_its_owner(operator: Operator, world: World, display: Display) -> None:
    operator.export(EMAIL)
    path = operator.project.build / "export-r1.json"
    assert world.events == ["request", "export r1"]
    assert path.read_text() == '{"subject": []}'
    assert path.stat().st_mode & 0o777 == 0o600
    assert str(path) in printed(display)


NUMBER = "file-0123456789ab"


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {NUMBER: "customer/landing/a b.json"}
    monkeypatch.setattr(Operator, "_names", lambda *given: {k: v for k, v in known.items() if k in given[-1]})


@pytest.mark.usefixtures("world", "names")
def test_the_name_behind_a_number(operator: Operator, display: Display) -> None:
    operator.name(NUMBER)
    assert printed(display) == "customer/landing/a b.json\n"
    with pytest.raises(LakehouseError, match="has the number 'file-9'"):
        operator.name("file-9")


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize("is_terminal", [True, False])
def test_an_error_names_its_files_on_a_terminal_only(
    operator: Operator, world: World, monkeypatch: pytest.MonkeyPatch, is_terminal: bool
) -> None:
    def fails(*_: Any, **__: Any) -> dict[str, Any]:
        raise LakehouseError(f"1 objects ({NUMBER}) cannot be looked into.")

    monkeypatch.setattr(world, "run", fails)
    monkeypatch.setattr(operator.display.console, "_force_terminal", is_terminal)
    with pytest.raises(LakehouseError) as failed:
        operator.forget(EMAIL, Answer(True), dry_run=False)
    told = f"\n  {NUMBER} is customer/landing/a b.json" if is_terminal else ""
    assert str(failed.value) == f"1 objects ({NUMBER}) cannot be looked into.{told}"
