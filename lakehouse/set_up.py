"""Set up a virtual environment for the Makefile: `python3.11 -m lakehouse.set_up STAMP REQUIREMENTS...`.

It runs before anything is installed, so it imports only the standard library.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TextIO

PYTHON = (3, 11)  # of AWS Glue 5.1
TERRAFORM = Path("requirements-terraform.txt")
HEARTBEAT_SECONDS = 15.0
REFRESH_SECONDS = 0.25
BAR = 24  # characters
OF_VENV = ("pip-", "setuptools-")  # there from the start


def main() -> None:
    """Create the environment that contains the stamp, unless the stamp is newer than the requirements.

    The stamp is touched last. Only one process works at a time; the others wait and then find the environment ready.
    The lock is a flock on the first requirements file: the kernel releases it when its holders end, even if killed.
    """
    stamp, *requirements = map(Path, sys.argv[1:])
    if sys.version_info[:2] != PYTHON:
        sys.exit(
            f"error: {sys.executable} is Python {sys.version.split()[0]}, but AWS Glue 5.1 runs Python 3.11. "
            "Nothing was changed. Pass a Python 3.11: PYTHON=/path/to/python3.11"
        )
    try:
        with requirements[0].open() as lock:
            _wait_for(lock, stamp.parent)
            if not _is_ready(stamp, requirements):
                _say(f"Setting up {stamp.parent} (once, a minute or two) ...")
                with _progress(stamp.parent, requirements[0]):
                    _make(stamp.parent, requirements, lock)
                stamp.touch()
    except subprocess.CalledProcessError as error:
        sys.exit(f"error: {stamp.parent} could not be set up: {error.cmd[2]} failed, see above. Run the command again.")
    except OSError as error:
        sys.exit(f"error: {stamp.parent} could not be set up: {error}. Run the command again.")
    except KeyboardInterrupt:
        sys.exit(130)


def _output() -> TextIO:
    """Return where progress goes: not among the events that a machine reads."""
    return sys.stderr if os.environ.get("OUTPUT") == "json" else sys.stdout


def _say(text: str) -> None:
    print(text, file=_output(), flush=True)


@contextmanager
def _progress(folder: Path, requirements: Path) -> Iterator[None]:
    """Show how far the installation is: a bar on a terminal, a line now and then elsewhere."""
    output, started, ended = _output(), time.monotonic(), threading.Event()
    pins = re.findall(r"^[^#;\s]+==[^;\s]+$", requirements.read_text(encoding="utf-8"), re.MULTILINE)
    total = max(1, len(pins))
    live = output.isatty()

    def show() -> None:
        while not ended.wait(REFRESH_SECONDS if live else HEARTBEAT_SECONDS):
            seconds = time.monotonic() - started
            share, what = _state(folder, total)
            done = round(share * BAR)
            text = f"  {'━' * done}{' ' * (BAR - done)} {what}" if live else f"Setting up {folder}: {what}"
            print(
                f"\r{text}, {seconds:.0f} s\033[K" if live else f"{text} ({seconds:.0f} s)",
                end="" if live else "\n",
                file=output,
                flush=True,
            )

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        if live:
            print("\r\033[K", end="", file=output, flush=True)


def _state(folder: Path, total: int) -> tuple[float, str]:
    """Return how much is done, and what is going on: pip downloads all packages, then installs them."""
    found = [path.name for path in folder.glob("lib/python*/site-packages/*.dist-info")]
    installed = sum(not name.startswith(OF_VENV) for name in found)
    downloaded = len(list(folder.glob("tmp/pip-unpack-*/*.whl")))
    if installed:
        return min(1.0, (1 + installed / total) / 2), f"{min(installed, total)} of {total} packages installed"
    return min(1.0, downloaded / total) / 2, f"{min(downloaded, total)} of {total} packages downloaded"


def _wait_for(lock: IO[str], folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _say(f"Waiting for another make that is setting up {folder} ...")
        fcntl.flock(lock, fcntl.LOCK_EX)


def _is_ready(stamp: Path, requirements: list[Path]) -> bool:
    newest = max(path.stat().st_mtime for path in requirements)
    return stamp.is_file() and stamp.stat().st_mtime >= newest


def _make(folder: Path, requirements: list[Path], lock: IO[str]) -> None:
    """Create the environment from scratch. Each child process inherits the lock, in case this one is killed."""

    def run(*command: str) -> None:
        subprocess.run(command, check=True, pass_fds=[lock.fileno()])

    def install(*what: str) -> None:
        run(python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", *what)

    python = str(folder / "bin" / "python")
    if folder.exists():
        shutil.rmtree(folder)
    run(sys.executable, "-m", "venv", str(folder))
    scratch = folder / "tmp"  # here, so that the progress can be seen, and goes with the folder
    scratch.mkdir(exist_ok=True)
    os.environ["TMPDIR"] = str(scratch.resolve())
    install("-r", str(requirements[0]))
    if TERRAFORM in requirements:  # an environment that runs the lakehouse
        install("--no-deps", "--editable", ".")
        if shutil.which("terraform") is None:
            install("-r", str(TERRAFORM))
            run(python, "-c", "from lakehouse import bundled_terraform; bundled_terraform.install()")
    shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
