"""The lock of a checkout: one command at a time works on its embedded AWS."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from lakehouse.errors import OperationInProgressError
from lakehouse.lease_holder import new_operation


@contextmanager
def checkout_lock(path: Path, purpose: str) -> Iterator[None]:
    """Hold the lock file, or raise an OperationInProgressError that names its holder.

    It works while there is no bucket for a lease yet. The operating system releases it when the command ends, however
    it ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise OperationInProgressError(f"Nothing was touched: {_describe(file.read())}") from None
        file.truncate(0)
        json.dump(asdict(new_operation(purpose)), file)
        file.flush()
        yield


def _describe(text: str) -> str:
    try:
        held = json.loads(text)
    except ValueError:  # the holder has not finished writing it
        return "another command has just started. Wait for it to end."
    watch = " To watch it: make logs FOLLOW=1" if held["purpose"].startswith("make run-pipeline") else ""
    holder = f"{held['purpose']} by {held['owner']}"
    return f"{holder} has been in progress since {held['since']}. Wait for it to end, or stop it.{watch}"
