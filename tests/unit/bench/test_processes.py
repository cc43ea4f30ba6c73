"""What a contestant's processes use is measured wherever they are in the process tree."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bench import processes
from bench.processes import ContestantFailedError, Watch

GRANDCHILD = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", sys.argv[1]], cwd="below", start_new_session=True)
"""
WORK = "import time; held = bytearray(80 << 20); end = time.process_time() + 0.5\nwhile time.process_time() < end: pass"


def test_a_process_that_outlives_its_parent_is_measured_and_waited_for(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    with Watch(tmp_path) as watch:
        seconds, _ = processes.run([sys.executable, "-c", GRANDCHILD, WORK], tmp_path, os.environ)
        watch.wait_until_gone()
        usage = watch.usage()
        assert watch.usage("below").peak_bytes == usage.peak_bytes > 80 << 20
    assert usage.cpu_seconds >= 0.4
    assert seconds > 0


def test_processes_elsewhere_are_not_counted(tmp_path: Path) -> None:
    with Watch(tmp_path / "work") as watch:
        processes.run([sys.executable, "-c", WORK], tmp_path / "elsewhere", os.environ)
        assert watch.usage() == processes.Usage()


def test_the_cpu_seconds_of_a_short_command_are_exact(tmp_path: Path) -> None:
    _, cpu_seconds = processes.run([sys.executable, "-c", WORK], tmp_path, os.environ)
    assert cpu_seconds >= 0.5
    assert processes.at_least(processes.Usage(0.1, 7), cpu_seconds) == processes.Usage(cpu_seconds, 7)


def test_a_failed_command_shows_the_end_of_its_output(tmp_path: Path) -> None:
    with pytest.raises(ContestantFailedError, match=r"failed \(3\):\nout of luck"):
        processes.run([sys.executable, "-c", "print('out of luck'); raise SystemExit(3)"], tmp_path, os.environ)
