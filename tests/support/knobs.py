"""The knobs of the Makefile's targets, as the programs read them: from the environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection

from typer.main import get_command

from lakehouse import cli


def of_commands() -> dict[str, set[str]]:
    """Return the knobs of each command of the command line."""
    commands = get_command(cli.app).commands  # type: ignore[attr-defined]
    return {
        name: {option.envvar for option in command.params if option.envvar is not None}
        for name, command in commands.items()
    }


def whole_number(knob: str, default: int) -> int:
    """Return a knob's whole number, or the default if it is not given; end with an error if it is none."""
    text = os.environ.get(knob, "")
    if text and not (text.isascii() and text.isdecimal()):
        sys.exit(f"error: {knob}={text!r} is not a whole number. Nothing was run.")
    return int(text or default)


def one_of(knob: str, values: Collection[str]) -> str:
    """Return a knob's value, or the first one if it is not given; end with an error if it is none of them."""
    text = os.environ.get(knob, "") or next(iter(values))
    if text not in values:
        sys.exit(f"error: {knob}={text!r} is not {' or '.join(values)}. Nothing was run.")
    return text
