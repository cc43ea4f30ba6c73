"""What the display prints where there is no terminal."""

from __future__ import annotations

import io
import json
import re
import time

import pytest
from rich.console import Console

from lakehouse import console
from lakehouse.console import Display
from tests.support.operator_fakes import printed


def test_a_long_line_stays_in_one_piece(display: Display) -> None:
    path = "/a/folder" * 30 + "/output.log [of 1 job]"
    display.say(f"Its log: {path}")
    assert printed(display) == f"Its log: {path}\n"


def test_a_step_is_one_line_at_its_start_and_one_at_its_end(display: Display) -> None:
    with display.step("Upload") as tell:
        tell("1 of 2")
        tell("2 files")
    assert re.fullmatch(r"Upload \.\.\.\nUpload: 2 files \(\d+\.\d s\)\n", printed(display))


def test_a_step_that_fails_does_not_claim_an_end(display: Display) -> None:
    with pytest.raises(ValueError, match="no"), display.step("Upload"):
        raise ValueError("no")
    assert printed(display) == "Upload ...\n"


def test_a_long_step_gives_signs_of_life(display: Display, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "HEARTBEAT_SECONDS", 0.01)
    with display.step("Upload") as tell:
        tell("1 of 2", 0.5)
        deadline = time.monotonic() + 5
        while "(0 s)" not in printed(display) and time.monotonic() < deadline:
            time.sleep(0.01)
    assert "Upload: 1 of 2 (0 s)\n" in printed(display)


def test_a_terminal_shows_a_bar_while_a_step_lasts() -> None:
    terminal = Display(Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None))
    with terminal.step("Upload [x]") as tell:
        tell("1 of 2", 0.5)
        deadline = time.monotonic() + 5
        while "1 of 2" not in printed(terminal) and time.monotonic() < deadline:
            time.sleep(0.01)
    assert re.search(r"Upload \[x\] ━━━━━━━━━━━━[╺ ]? *.*0:00:00 1 of 2", printed(terminal))
    assert re.search(r"Upload \[x\]: 1 of 2 \(\d+\.\d s\)\n$", printed(terminal))


def test_machines_get_one_event_per_line() -> None:
    display = Display(Console(file=io.StringIO()), machine=True)
    display.say("a [b]\nc")
    display.warn("an empty table")
    display.show("a table")
    display.copy("a line of Terraform\n")
    with display.step("Upload") as tell:
        tell("2 files")
    events = [json.loads(line) for line in printed(display).splitlines()]
    assert [(event["event"], event.get("text") or event.get("state")) for event in events] == [
        ("message", "a [b]\nc"),
        ("warning", "an empty table"),
        ("message", "a line of Terraform"),
        ("step", "STARTED"),
        ("step", "DONE"),
    ]
    assert (events[-1]["step"], events[-1]["detail"]) == ("Upload", "2 files")
    assert events[-1]["seconds"] >= 0
