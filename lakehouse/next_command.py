"""The command to type after an error, complete, so that it works in a shell in which no knob is set."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

TARGETS = {"run": "run-pipeline", "rerun": "rerun-job", "resume": "rerun"}
"""Target of each command that has another name."""

NOT_REPEATED = ("YES", "SQL")  # the answer to a question, and what may name a person
EXAMPLES = {"EMAIL": "name@example.org"}
"""What stands for a value that is personal data, since messages may be kept."""

COMMAND = re.compile(r"\b(make [a-z]|aws [a-z]|lakehouse [a-z]|pip install|terraform [a-z]|with YES=1)[^\n]*$")
AGAIN = re.compile(r"(run the (?:same )?command again)[.:]$", re.IGNORECASE)


def with_next_command(message: str, command: str) -> str:
    """Return a message that ends in a command: in the given one, where it asks for it or has none."""
    if asks := AGAIN.search(message):
        return f"{message[: asks.start()]}{asks[1]}: {command}"
    if COMMAND.search(message) or message.endswith("Nothing was changed."):  # the operator has said no
        return message
    separator = "\n" if "\n" in message else " "
    return f"{message}{separator}Run the command again: {command}"


def typed(
    argv: Sequence[str], environ: Mapping[str, str], knobs: Collection[str], instead: Mapping[str, str] | None = None
) -> str:
    """Return a command as it was typed.

    Args:
        argv: The command line of this program, which make gives only the name of a command.
        environ: The environment variables, with the values of the knobs.
        knobs: The knobs that the command takes.
        instead: Values of knobs in place of those that were typed.

    """
    name, *options = argv[1:] or ["help"]
    if options and not instead:
        shown = [EXAMPLES.get(before.removeprefix("--").upper(), option) for before, option in pairwise(["", *options])]
        return shlex.join(["lakehouse", name, *shown])
    given = {knob: EXAMPLES.get(knob, environ[knob]) for knob in sorted(knobs) if environ.get(knob)}
    kept = {knob: value for knob, value in given.items() if knob not in NOT_REPEATED} | dict(instead or {})
    return " ".join(
        ["make", TARGETS.get(name, name), *(f"{knob}={shlex.quote(value)}" for knob, value in kept.items())]
    )
