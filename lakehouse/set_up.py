"""Set up a virtual environment for the Makefile: `python3.11 -m lakehouse.set_up STAMP REQUIREMENTS...`.

It runs before anything is installed, so it imports only the standard library.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path
from typing import IO

PYTHON = (3, 11)  # of AWS Glue 5.1
TERRAFORM = Path("requirements-terraform.txt")


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
                print(f"Setting up {stamp.parent} (once, a minute or two) ...", flush=True)
                _make(stamp.parent, requirements, lock)
                stamp.touch()
    except subprocess.CalledProcessError as error:
        sys.exit(f"error: {stamp.parent} could not be set up: {error.cmd[2]} failed, see above. Run the command again.")
    except OSError as error:
        sys.exit(f"error: {stamp.parent} could not be set up: {error}. Run the command again.")
    except KeyboardInterrupt:
        sys.exit(130)


def _wait_for(lock: IO[str], folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"Waiting for another make that is setting up {folder} ...", flush=True)
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
    install("-r", str(requirements[0]))
    if TERRAFORM in requirements:  # an environment that runs the lakehouse
        install("--no-deps", "--editable", ".")
        if shutil.which("terraform") is None:
            install("-r", str(TERRAFORM))
            run(python, "-c", "from lakehouse import bundled_terraform; bundled_terraform.install()")


if __name__ == "__main__":
    main()
