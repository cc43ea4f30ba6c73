"""Files that only their owner can read: build/ holds landing records, tables, logs and access keys."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import Final

UMASK: Final = 0o077
"""For processes that write private files only."""


def secure_folder(path: Path) -> None:
    """Make a folder and everything in it private; create it if it does not exist. Links in it are not followed."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_open(path):
        return
    _close(path)
    for directory, folders, files in os.walk(path):
        for name in [*folders, *files]:
            entry = Path(directory, name)
            with contextlib.suppress(FileNotFoundError):  # a running job may delete files meanwhile
                if not entry.is_symlink() and _is_open(entry):
                    _close(entry)


def opener(path: str, flags: int) -> int:
    """Open a file for `open`; a new file is private from the moment it exists."""
    return os.open(path, flags, 0o600)


def write(path: Path, text: str) -> None:
    """Write a private file atomically: nobody else can read it, and no reader sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.unlink(missing_ok=True)
    with open(partial, "x", encoding="utf-8", opener=opener) as file:
        file.write(text)
    partial.replace(path)


def _is_open(path: Path) -> bool:
    return bool(path.stat().st_mode & UMASK)


def _close(path: Path) -> None:
    path.chmod(stat.S_IMODE(path.stat().st_mode) & ~UMASK)
