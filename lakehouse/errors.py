"""Errors that commands raise on purpose, with a message for the operator."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path


class LakehouseError(Exception):
    """An error that the operator can fix; the message says what is wrong, what was done, and what to type next."""


class WrongKnobError(LakehouseError):
    """The value of a knob is unknown; `knob` and `meant` are its name and the value to type instead."""

    def __init__(self, message: str, knob: str, meant: str) -> None:
        super().__init__(message)
        self.knob = knob
        self.meant = meant


class DataError(LakehouseError):
    """The landing data cannot be used."""


class TerraformError(LakehouseError):
    """A Terraform command failed."""


class WorkflowError(LakehouseError):
    """The workflow could not be started, or its run failed."""


class OperationInProgressError(LakehouseError):
    """Another operation holds the lease."""


class NotDeployedError(TerraformError):
    """Terraform has not created the environment yet."""


class CommandInterruptedError(LakehouseError):
    """The operator interrupted the command; the message says what is left running."""


def describe_os_error(error: OSError) -> str:
    """Return which file or folder cannot be used, why, and how to fix it."""
    why = error.strerror or str(error)
    path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else None
    if error.errno in (errno.ENOSPC, errno.EDQUOT):  # a write names no file
        disks = str(path) if path else f"{Path.cwd()}, {tempfile.gettempdir()} or where the output goes"
        return f"No space is left on the disk of {disks}. Free some and run the command again."
    if path is None:
        return f"The operating system reported an error: {why}. Run the command again."
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        file = next(
            (place for place in (path, *path.parents) if place.exists() and not place.is_dir()), path
        ).absolute()
        return f"{file} is a file, but must be a folder. Move it away and run the command again."
    if error.errno == errno.EISDIR:
        return f"{path} is a folder, but must be a file. Move it away and run the command again."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{path} cannot be used: {why}. Grant yourself access, or use another checkout."
    return f"{path} cannot be used: {why}. Fix it and run the command again."
