"""`make hostile`: many hostile landing files of each table, other ones each time; EXAMPLES and SEED repeat a run.

ORCHESTRATION says which jobs take them through the whole pipeline.
"""

from __future__ import annotations

import os
import sys
from random import SystemRandom

import pytest

from tests.support.knobs import one_of, whole_number
from tests.support.project import ORCHESTRATIONS

if __name__ == "__main__":
    knobs = {
        "EXAMPLES": whole_number("EXAMPLES", 1000),
        "SEED": whole_number("SEED", SystemRandom().randrange(10**6)),
        "ORCHESTRATION": one_of("ORCHESTRATION", ORCHESTRATIONS),
    }
    print(*(f"{knob}={value}" for knob, value in knobs.items()), flush=True)
    os.environ.update({knob: str(value) for knob, value in knobs.items()})
    sys.exit(pytest.main(["tests/integration/jobs/test_hostile_input.py"]))
