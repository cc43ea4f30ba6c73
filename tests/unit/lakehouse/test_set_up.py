"""Setting up the virtual environment: one process at a time, and the stamp only when it is complete."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lakehouse import set_up

REPOSITORY = Path(__file__).resolve().parents[3]

# Set-up with fake steps, which are recorded and take some time, or fail if a file `fails` exists.
PROGRAM = """\
import os, pathlib, subprocess, sys, time
from lakehouse import set_up

def run(command, *, check, pass_fds):
    step = " ".join(command).replace(sys.executable, "python")
    pathlib.Path(".venv").mkdir(exist_ok=True)
    if pathlib.Path("fails").exists():
        raise subprocess.CalledProcessError(1, command)
    script = 'echo "$0" >> steps; exec sleep "$1"'
    seconds = os.environ.get("SECONDS_PER_STEP", "0.1")
    real(["sh", "-c", script, f"{os.getpid()} {step}", seconds], check=True, pass_fds=pass_fds)

real, subprocess.run = subprocess.run, run
sys.argv[1:] = [".venv/.ready", "requirements.txt", "requirements-terraform.txt"]
set_up.main()
"""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    for name in ("requirements.txt", "requirements-terraform.txt"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    (tmp_path / "terraform").touch(mode=0o755)

    def process(**environment: str) -> subprocess.Popen[str]:
        path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            cwd=tmp_path,
            env=os.environ | {"PATH": path, "PYTHONPATH": str(REPOSITORY)} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return process


def steps(folder: Path) -> list[tuple[str, str]]:
    """Return (process id, command) of each step so far."""
    noted = folder / "steps"
    return [tuple(line.split(" ", 1)) for line in noted.read_text().splitlines()] if noted.exists() else []  # type: ignore[misc]


def until_step(folder: Path, number: int) -> None:
    deadline = time.monotonic() + 20
    while len(steps(folder)) < number:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_two_processes_at_the_same_time_set_up_once(start: Start, tmp_path: Path) -> None:
    both = [start(), start()]
    assert [process.wait(30) for process in both] == [0, 0]
    assert [command for _, command in steps(tmp_path)] == [
        "python -m venv .venv",
        ".venv/bin/python -m pip install -qq --disable-pip-version-check -r requirements.txt",
        ".venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps --editable .",
    ]
    assert len({process for process, _ in steps(tmp_path)}) == 1
    assert (tmp_path / ".venv" / ".ready").is_file()


def test_after_a_kill_the_next_process_waits_for_the_running_step_and_starts_from_scratch(
    start: Start, tmp_path: Path
) -> None:
    first = start(SECONDS_PER_STEP="1.5")
    until_step(tmp_path, 1)
    (tmp_path / ".venv" / "half").touch()
    began = time.monotonic()
    first.send_signal(signal.SIGKILL)  # its step continues and holds the lock
    first.wait(10)
    second = start()
    said, _ = second.communicate(timeout=30)
    assert time.monotonic() - began > 1
    assert (
        said == "Waiting for another make that is setting up .venv ...\nSetting up .venv (once, a minute or two) ...\n"
    )
    assert second.returncode == 0
    assert not (tmp_path / ".venv" / "half").exists()
    assert (tmp_path / ".venv" / ".ready").is_file()


def test_a_ready_environment_is_kept_until_the_requirements_change(start: Start, tmp_path: Path) -> None:
    for _ in range(2):
        assert start().wait(30) == 0
    assert len(steps(tmp_path)) == 3
    os.utime(tmp_path / "requirements-terraform.txt", (time.time() + 9, time.time() + 9))
    assert start().wait(30) == 0
    assert len(steps(tmp_path)) == 6


def test_a_failed_step_is_one_error_message_and_leaves_no_stamp(start: Start, tmp_path: Path) -> None:
    (tmp_path / "fails").touch()
    process = start()
    _, error = process.communicate(timeout=30)
    assert process.returncode == 1
    assert error == "error: .venv could not be set up: venv failed, see above. Run the command again.\n"
    assert not (tmp_path / ".venv" / ".ready").exists()


def test_a_folder_that_cannot_be_replaced_is_one_error_message(start: Start, tmp_path: Path) -> None:
    (tmp_path / ".venv").touch()
    process = start()
    _, error = process.communicate(timeout=30)
    assert process.returncode == 1
    assert error.startswith("error: .venv could not be set up: ")
    assert error.count("\n") == 1


def test_another_version_of_python_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.version_info", (3, 12, 1))
    monkeypatch.setattr("sys.argv", ["set_up.py", ".venv/.ready", "requirements.txt"])
    with pytest.raises(SystemExit, match=r"runs Python 3\.11\. Nothing was changed\. .*PYTHON=/path/to/python3\.11"):
        set_up.main()


def test_the_progress_is_that_of_downloads_then_of_installations(tmp_path: Path) -> None:
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    for name in ("pip-24.0", "setuptools-65.5"):
        (packages / f"{name}.dist-info").mkdir(parents=True)
    assert set_up._state(tmp_path, 4) == (0.0, "0 of 4 packages downloaded")
    wheels = tmp_path / "tmp" / "pip-unpack-x1"
    wheels.mkdir(parents=True)
    for name in ("a", "b"):
        (wheels / f"{name}.whl").touch()
    assert set_up._state(tmp_path, 4) == (0.25, "2 of 4 packages downloaded")
    (packages / "a-1.dist-info").mkdir()
    assert set_up._state(tmp_path, 4) == (0.625, "1 of 4 packages installed")


def test_a_pipe_gets_signs_of_life_and_a_machine_none_among_its_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("a==1\nc==3 ; sys_platform == 'win32'\n    # via a==1\n")
    monkeypatch.setattr(set_up, "HEARTBEAT_SECONDS", 0.01)
    for machine in (False, True):
        monkeypatch.setenv("OUTPUT", "json" if machine else "text")
        with set_up._progress(tmp_path / ".venv", requirements):
            time.sleep(0.1)
        said = capsys.readouterr()
        lines = (said.err if machine else said.out).splitlines()
        assert lines[0] == f"Setting up {tmp_path / '.venv'}: 0 of 1 packages downloaded (0 s)"
        assert (said.out if machine else said.err) == ""
