"""What an operator sees of a run in progress: on a terminal, in a pipe, and as events."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from lakehouse import console
from lakehouse.console import Display
from lakehouse.errors import LakehouseError
from lakehouse.reconciliation import Reconciliation
from lakehouse.run_ids import matching, short
from lakehouse.tables import TABLE_OF_JOB
from lakehouse.watching import ROWS_SECONDS, RunView, head
from lakehouse.workflow import JobRun, WorkflowRun
from tests.support.operator_fakes import printed

FIRST, *OTHERS = TABLE_OF_JOB
LAST = OTHERS[-1]
REASONS = {"no consent": 400, "exact duplicate": 60}
CUSTOMERS = Reconciliation(FIRST, "customer_landing", 956, 482, REASONS, {"bad": 14}, written=482)
STEPS = Reconciliation(LAST, "step_trainer_trusted", 14_460, 14_000, {"no movement": 460}, written=43_681)
MOVEMENTS = Reconciliation(LAST, "accelerometer_trusted", 40_981, 40_981, written=43_681)


class Clock:
    """Seconds that pass when a test says so."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Source:
    """The rows that the jobs have recorded so far."""

    def __init__(self) -> None:
        self.found: list[Reconciliation] | Exception = []
        self.asked = 0

    def __call__(self) -> Sequence[Reconciliation]:
        self.asked += 1
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


def running(*states: str, names: Sequence[str] = tuple(TABLE_OF_JOB)) -> WorkflowRun:
    jobs = [
        JobRun(name, state, f"jr_{number}", None if state in ("RUNNING", "STARTING") else 2.5)
        for number, (name, state) in enumerate(zip(names, states, strict=False))
    ]
    return WorkflowRun("wr_1", "RUNNING", None, (*jobs, *(JobRun(name) for name in names[len(jobs) :])))


@pytest.fixture
def terminal() -> Display:
    return Display(Console(file=io.StringIO(), width=80, force_terminal=True, highlight=False, color_system=None))


@pytest.fixture
def machine() -> Display:
    return Display(Console(file=io.StringIO(), width=80), machine=True)


def events(display: Display) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed(display).splitlines()]


def below(view: RunView) -> str:
    """Return what a terminal shows below the lines that stay."""
    shown = Console(file=io.StringIO(), width=80)
    shown.print(view.renderable())
    assert isinstance(shown.file, io.StringIO)
    return shown.file.getvalue()


def test_a_pipe_gets_rows_and_reasons_as_soon_as_they_are_recorded(display: Display) -> None:
    clock, rows = Clock(), Source()
    view = RunView(display, rows, clock=clock)
    view.change(running("RUNNING"))
    view.poll()
    assert rows.asked == 0, "at most every two seconds"
    rows.found = [CUSTOMERS]
    clock.now += ROWS_SECONDS
    view.poll()
    lines = [
        f"  {FIRST} RUNNING",
        "    customer_landing: 956 read, 460 dropped, 14 quarantined",
        "      400 dropped: no consent",
        "      60 dropped: exact duplicate",
        "      14 quarantined: bad",
        "    customer_trusted: 482 written",
    ]
    assert printed(display).splitlines() == lines
    view.change(running("SUCCEEDED", "RUNNING"))
    assert printed(display).splitlines()[6:] == [f"  {FIRST} SUCCEEDED (2.5 s)", f"  {OTHERS[0]} RUNNING"]


def test_rows_are_told_at_the_latest_when_the_job_ends(display: Display) -> None:
    rows = Source()
    rows.found = [CUSTOMERS]
    RunView(display, rows, clock=Clock()).change(running("SUCCEEDED"))
    assert printed(display).splitlines()[:2] == [
        f"  {FIRST} SUCCEEDED (2.5 s)",
        "    customer_landing: 956 read, 460 dropped, 14 quarantined",
    ]


def test_a_second_attempt_with_other_rows_is_told_again(display: Display) -> None:
    rows = Source()
    view = RunView(display, rows, clock=Clock())
    for read in (956, 956, 957):
        rows.found = [Reconciliation(FIRST, "customer_landing", read, read)]
        view.change(running("RUNNING"))
        view.change(running("FAILED"))
    assert printed(display).count("956 read") == printed(display).count("957 read") == 1


def test_a_table_of_pairs_says_how_many_rows_it_has(display: Display) -> None:
    rows = Source()
    rows.found = [STEPS, MOVEMENTS]
    RunView(display, rows, clock=Clock()).change(running(*["SUCCEEDED"] * 5))
    assert printed(display).splitlines()[-4:] == [
        "    step_trainer_trusted: 14,460 read, 460 dropped, 0 quarantined",
        "      460 dropped: no movement",
        "    accelerometer_trusted: 40,981 read, 0 dropped, 0 quarantined",
        "    machine_learning_curated: 43,681 written",
    ]


def test_rows_that_an_earlier_run_has_computed_are_told_as_unchanged(display: Display) -> None:
    rows = Source()
    rows.found = [replace(CUSTOMERS, unchanged=True)]
    RunView(display, rows, clock=Clock()).change(running("SUCCEEDED"))
    assert printed(display).splitlines()[-1] == "    customer_trusted: 482 unchanged"


def test_one_job_of_all_steps_tells_each_step(terminal: Display) -> None:
    clock, rows = Clock(), Source()
    view = RunView(terminal, rows, clock=clock)
    view.change(running("RUNNING", names=["all_steps"]))
    for found in ([CUSTOMERS], [CUSTOMERS, STEPS]):
        rows.found = found
        clock.now += ROWS_SECONDS
        view.poll()
    lines = [line for line in printed(terminal).splitlines() if " read, " in line]
    assert [line.split(":")[0].strip() for line in lines] == ["customer_landing", "step_trainer_trusted"]


def test_a_terminal_shows_seconds_that_move_and_the_rows_of_the_running_job(terminal: Display) -> None:
    clock, rows = Clock(), Source()
    view = RunView(terminal, rows, clock=clock)
    assert below(view) == "\n"
    view.change(running("SUCCEEDED", "RUNNING"))
    clock.now += 7
    assert f"{OTHERS[0]} RUNNING 7 s" in below(view)
    assert "1 of 5 jobs done, 7 s in all, then customer_trusted_to_curated" in " ".join(below(view).split())
    rows.found = [Reconciliation(OTHERS[0], "accelerometer_landing", 9, 5, {"no consent": 4})]
    view.poll()
    assert "accelerometer_landing: 9 read, 4 dropped" in below(view)
    assert "4 dropped: no consent" in below(view)
    assert "RUNNING" not in printed(terminal), "only what stays is printed"
    view.change(running("SUCCEEDED", "SUCCEEDED"))
    assert "accelerometer_landing: 9 read" not in below(view)
    assert "    accelerometer_landing: 9 read, 4 dropped" in printed(terminal)


def test_a_terminal_is_refreshed_without_new_states(terminal: Display) -> None:
    clock = Clock()
    view = RunView(terminal, Source(), clock=clock)
    with view.shown():
        view.change(running("RUNNING"))
        clock.now += 42
        deadline = time.monotonic() + 5
        while "RUNNING 42 s" not in printed(terminal) and time.monotonic() < deadline:
            time.sleep(0.05)
    assert "RUNNING 42 s" in printed(terminal)


def test_a_pipe_gets_a_heartbeat(display: Display, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "HEARTBEAT_SECONDS", 0.01)
    clock = Clock()
    view = RunView(display, Source(), clock=clock)
    with view.shown():
        view.change(running("RUNNING"))
        clock.now += 15
        deadline = time.monotonic() + 5
        while "in all" not in printed(display) and time.monotonic() < deadline:
            time.sleep(0.01)
    assert f"  {FIRST} RUNNING for 15 s, 15 s in all\n" in printed(display)


def test_rows_that_cannot_be_read_do_not_end_the_run(display: Display) -> None:
    rows = Source()
    rows.found = LakehouseError("no such table")
    RunView(display, rows, clock=Clock()).change(running("SUCCEEDED"))
    assert printed(display) == f"  {FIRST} SUCCEEDED (2.5 s)\n"


def test_machines_get_events(machine: Display) -> None:
    rows = Source()
    rows.found = [CUSTOMERS]
    RunView(machine, rows, clock=Clock()).change(running("SUCCEEDED", "RUNNING"))
    found = events(machine)
    assert [(event["event"], event.get("job")) for event in found] == [
        ("job", FIRST),
        ("rows", FIRST),
        ("job", OTHERS[0]),
    ]
    assert {key: found[1][key] for key in ("table", "target", "read", "published", "dropped", "quarantined")} == {
        "table": "customer_landing",
        "target": "customer_trusted",
        "read": 956,
        "published": 482,
        "dropped": {"no consent": 400, "exact duplicate": 60},
        "quarantined": {"bad": 14},
    }
    assert found[0]["job_run_id"] == "jr_0"
    assert all(event["time"].endswith("+00:00") for event in found)


LONG = f"wr_1f0c2a3b{'0' * 56}"


def test_ids_are_short_where_people_read() -> None:
    assert head(LONG, "strict", "/x") == "Run wr_1f0c2a3b, profile strict, data: /x"
    assert short(f"{LONG} of jr_{'ab' * 32}_attempt_1") == "wr_1f0c2a3b of jr_abababab_attempt_1"
    assert short("wr_1 and file-3f2a9c01d4e5 stay") == "wr_1 and file-3f2a9c01d4e5 stay"


def test_a_typed_id_may_be_short() -> None:
    other, retry = f"wr_1f0c{'1' * 60}", f"jr_{'ab' * 32}_attempt_1"
    assert matching([LONG, other], "wr_1f0c2a3b") == [LONG]
    assert matching([LONG, other], "wr_1f0c") == [LONG, other]
    assert matching([LONG, other], LONG) == [LONG]
    assert matching([f"jr_{'ab' * 32}", retry], "jr_abababab_attempt_1") == [retry]
    assert matching([LONG], "wr_2") == []
