"""`make forget`: searches first, says what it found, asks, and only then erases."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lakehouse import aws, card_copy, cli
from lakehouse.commands import data, file_names, privacy
from lakehouse.console import Display
from lakehouse.environments import Environment, open_environment
from lakehouse.errors import LakehouseError
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
    """The erasure job: what it finds, and what it was told to do."""

    def __init__(self) -> None:
        self.erased: dict[str, Any] = ERASED
        self.unfinished: str | None = None
        """Id of an unfinished request."""
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
    def exclusive(*_: object) -> Iterator[Any]:
        yield SimpleNamespace(id="operation", check=world.check)

    monkeypatch.setattr(privacy, "exclusive", exclusive)
    monkeypatch.setattr(privacy, "take_lease", lambda *_: None)
    monkeypatch.setattr(privacy, "ErasureJob", lambda *_: world)
    monkeypatch.setattr(card_copy, "refresh", lambda environment, _: environment.display.say("card"))
    monkeypatch.setattr(aws, "session", lambda _: SimpleNamespace(client=lambda *_, **__: None))
    for kind in Environment.__subclasses__():
        monkeypatch.setattr(kind, "connect", lambda *_, **__: nullcontext())
        monkeypatch.setattr(kind, "terraform", lambda *_: SimpleNamespace(outputs=lambda: outputs))
    return world


@pytest.fixture(params=["local", "dev"])
def environment(request: pytest.FixtureRequest, project: Project, display: Display) -> Environment:
    return open_environment(Project.at(project.root, request.param), display)


class Answer:
    """An operator who gives this answer."""

    def __init__(self, answer: bool) -> None:
        self.answer = answer
        self.questions: list[str] = []

    def __call__(self, question: str) -> bool:
        self.questions.append(question)
        return self.answer


def test_the_question_comes_after_the_person_and_the_records_in_every_environment(
    environment: Environment, world: World, display: Display
) -> None:
    answer = Answer(True)
    privacy.forget(environment, f" {EMAIL.upper()}\n", answer, dry_run=False)
    assert world.events == ["request", "look r1", "check the lease", "request r1", "erase r1"]
    assert answer.questions == [f"Erase {EMAIL} from {environment.name} for good?"]
    said = printed(display)
    assert said.startswith(f"Request r1: {EMAIL} in {environment.name}\nFound 1,206 records:\n")
    assert "    1,200 lines of accelerometer_landing\n        1 lines of quarantine\n        3 rows of customer" in said
    assert said.index("Found 1,206 records") < said.index("Erased 1,206 records:")
    assert json.loads((environment.project.build / "forget-r1.json").read_text())["dry_run"] is False


def test_the_answer_no_changes_nothing(environment: Environment, world: World) -> None:
    with pytest.raises(LakehouseError, match="Nothing was changed"):
        privacy.forget(environment, EMAIL, Answer(False), dry_run=False)
    assert world.events == ["request", "look r1"]


def test_without_a_terminal_and_without_yes_nothing_is_changed(
    environment: Environment, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: False))
    with pytest.raises(
        LakehouseError, match=r"Standard input is not a terminal, so nothing was changed\. .* with YES=1\."
    ):
        privacy.forget(environment, EMAIL, cli._confirmation(False), dry_run=False)
    assert world.events == ["request", "look r1"]
    privacy.forget(environment, EMAIL, cli._confirmation(True), dry_run=False)
    assert world.events[-1] == "erase r1"


def test_a_dry_run_asks_nothing(environment: Environment, world: World) -> None:
    answer = Answer(True)
    privacy.forget(environment, EMAIL, answer, dry_run=True)
    assert (world.events, answer.questions) == (["request", "look r1"], [])


def test_an_erasure_deletes_the_reports_that_counted_the_rows(
    environment: Environment, world: World, display: Display
) -> None:
    folder = environment.project.runs / "wr_1"
    folder.mkdir(parents=True)
    for name in ("run.json", "report.html", "report.json"):
        (folder / name).write_text("{}")
    privacy.forget(environment, EMAIL, lambda _: True, dry_run=True)
    assert len(list(folder.iterdir())) == 3
    privacy.forget(environment, EMAIL, lambda _: True, dry_run=False)
    assert [path.name for path in folder.iterdir()] == ["run.json"]
    assert "Deleted 1 reports, which counted the erased rows. To make one again: make report" in printed(display)


def test_without_data_about_the_person_there_is_no_question_and_no_erasure(
    environment: Environment, world: World, display: Display
) -> None:
    world.erased = NOTHING
    answer = Answer(True)
    privacy.forget(environment, EMAIL, answer, dry_run=False)
    assert (world.events, answer.questions) == (["request", "look r1"], [])
    assert "No data was found." in printed(display)


def test_an_unfinished_erasure_is_resumed_even_if_nothing_is_found(
    environment: Environment, world: World, display: Display
) -> None:
    world.unfinished, world.erased = "r0", NOTHING | {"resumed": True}
    answer = Answer(True)
    privacy.forget(environment, EMAIL, answer, dry_run=False)
    assert world.events == ["request", "look r0", "check the lease", "request r0", "erase r0"]
    assert answer.questions == []
    assert f"Request r0, resumed: {EMAIL}" in printed(display)


def test_an_invalid_address_is_refused_before_anything_starts(environment: Environment, world: World) -> None:
    with pytest.raises(LakehouseError, match=r"^EMAIL is not a valid e-mail address\. Nothing was changed\."):
        privacy.forget(environment, "o'brien", Answer(True), dry_run=False)
    assert world.events == []


def test_several_people_are_counted_and_not_named(
    environment: Environment, world: World, display: Display, tmp_path: Path
) -> None:
    file, answer = tmp_path / "people", Answer(True)
    file.write_text("Ann@x.org\n\nbob@x.org \nANN@x.org\n", encoding="utf-8-sig")
    world.emails = ["ann@x.org", "bob@x.org"]
    privacy.forget(environment, "", answer, dry_run=False, file=file, accept=["exports/a.pdf"])
    assert answer.questions == [f"Erase 2 people from {environment.name} for good?"]
    assert printed(display).startswith(f"Request r1: 2 people in {environment.name}\n")
    assert world.accepted == [["exports/a.pdf"]] * 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("ann@x.org", b"bob@x.org"), "Give either EMAIL, an address, or EMAILS"),
        (("", None), "Give either EMAIL, an address, or EMAILS"),
        (("", b"ann@x.org\n\nann\n"), "no valid e-mail address in line 3. Nothing was changed"),
        (("", b"\n"), "contains no e-mail address"),
        (("", b"\xff\xfea\0"), "is not UTF-8 text"),
    ],
)
def test_missing_or_malformed_addresses_are_refused_before_anything_starts(
    environment: Environment, world: World, tmp_path: Path, given: tuple[str, bytes | None], message: str
) -> None:
    (email, content), file = given, tmp_path / "people"
    file.write_bytes(content or b"")
    with pytest.raises(LakehouseError) as refused:
        privacy.forget(environment, email, Answer(True), dry_run=False, file=None if content is None else file)
    assert message in str(refused.value)
    assert world.events == []


def test_only_its_owner_can_read_an_export(environment: Environment, world: World, display: Display) -> None:
    privacy.export(environment, EMAIL)
    path = environment.project.build / "export-r1.json"
    assert world.events == ["request", "export r1"]
    assert path.read_text() == '{"subject": []}'
    assert path.stat().st_mode & 0o777 == 0o600
    assert str(path) in printed(display)


NUMBER = "file-0123456789ab"


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {NUMBER: "customer/landing/a b.json"}
    for module in (data, file_names):
        monkeypatch.setattr(module, "names_in", lambda _, text: {k: v for k, v in known.items() if k in text})


@pytest.mark.usefixtures("world", "names")
def test_the_name_behind_a_number(environment: Environment, display: Display) -> None:
    data.name(environment, NUMBER)
    assert printed(display) == "customer/landing/a b.json\n"
    with pytest.raises(LakehouseError, match="has the number 'file-9'"):
        data.name(environment, "file-9")


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize("is_terminal", [True, False])
def test_an_error_names_its_files_on_a_terminal_only(
    environment: Environment, world: World, monkeypatch: pytest.MonkeyPatch, is_terminal: bool
) -> None:
    def fails(*_: Any, **__: Any) -> dict[str, Any]:
        raise LakehouseError(f"1 objects ({NUMBER}) cannot be searched.")

    monkeypatch.setattr(world, "run", fails)
    monkeypatch.setattr(environment.display.console, "_force_terminal", is_terminal)
    with pytest.raises(LakehouseError) as failed:
        privacy.forget(environment, EMAIL, Answer(True), dry_run=False)
    told = f"\n  {NUMBER} is customer/landing/a b.json" if is_terminal else ""
    assert str(failed.value) == f"1 objects ({NUMBER}) cannot be searched.{told}"
