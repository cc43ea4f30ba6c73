"""The knobs of `make chaos` and `make hostile`, which come in the environment."""

from __future__ import annotations

import os
import sys


def whole_number(knob: str, default: int) -> int:
    """Return a knob's whole number, or the default if it is not given; end with an error if it is none."""
    text = os.environ.get(knob, "")
    if text and not (text.isascii() and text.isdecimal()):
        sys.exit(f"error: {knob}={text!r} is not a whole number. Nothing was run.")
    return int(text or default)
