"""`make hostile`: many hostile landing files of each table, other ones each time; EXAMPLES and SEED repeat a run."""

from __future__ import annotations

import os
import sys
from random import SystemRandom

import pytest

from tests.support.knobs import whole_number

if __name__ == "__main__":
    knobs = {"EXAMPLES": whole_number("EXAMPLES", 1000), "SEED": whole_number("SEED", SystemRandom().randrange(10**6))}
    print(*(f"{knob}={value}" for knob, value in knobs.items()), flush=True)
    os.environ.update({knob: str(value) for knob, value in knobs.items()})
    sys.exit(pytest.main(["tests/integration/jobs/test_hostile_input.py"]))
