"""What the display prints where there is no terminal."""

from __future__ import annotations

import re

import pytest

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
