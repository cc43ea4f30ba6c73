"""Run pytest for the Makefile: `python -m tests.run MARKERS FOLDER...`, with the knobs TESTS and ARGS.

TESTS replaces the folders, ARGS adds options; each is split as a shell splits words, and nothing in it is executed.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import MutableMapping, Sequence

PYTEST = ("-m", "pytest", "--numprocesses", "2")
# conftest.py says which tests stay in one process, and which come last.
DISTRIBUTION = ("--dist", "loadfile", "--no-loadscope-reorder")


def command(markers: str, folders: Sequence[str], environ: MutableMapping[str, str]) -> list[str]:
    """Return pytest's command line; remove the knobs from the environment, which the tests inherit."""
    tests, options = (_words(knob, environ.pop(knob, "")) for knob in ("TESTS", "ARGS"))
    return [sys.executable, *PYTEST, *DISTRIBUTION, "-m", markers, *options, *(tests or folders)]


def _words(knob: str, text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        sys.exit(
            f"error: {knob}={text!r} cannot be split into words: {error}. Nothing was run. Quote it as in a shell."
        )


if __name__ == "__main__":
    arguments = command(sys.argv[1], sys.argv[2:], os.environ)
    os.execv(arguments[0], arguments)  # noqa: S606
