"""What an operator can be told: every error that the tools raise on purpose is one of these."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path


class LakehouseError(Exception):
    """Something is wrong that the operator can put right; the text says what and how, in full sentences."""


class DataError(LakehouseError):
    """The landing data cannot be used."""


class TerraformError(LakehouseError):
    """Terraform could not do what it was asked to do."""


class WorkflowError(LakehouseError):
    """The workflow could not be started, or did not end well."""


class OperationUnderWayError(LakehouseError):
    """Another operation holds the lakehouse."""


class NotDeployedError(TerraformError):
    """Terraform has not made the environment yet."""


class CommandInterruptedError(LakehouseError):
    """The operator has stopped the command; the text says what that left behind."""


def in_words(error: OSError) -> str:
    """Return what to say of a file or folder that cannot be used: which, why, and what to do about it."""
    why = error.strerror or str(error)
    path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else None
    if error.errno in (errno.ENOSPC, errno.EDQUOT):  # a write names no file
        disks = str(path) if path else f"{Path.cwd()}, {tempfile.gettempdir()} or where the output goes"
        return f"There is no space left on the disk of {disks}. Free some and give the command again."
    if path is None:
        return f"The system refused: {why}."
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        file = next(
            (place for place in (path, *path.parents) if place.exists() and not place.is_dir()), path
        ).absolute()
        return f"{file} is a file, and a folder is needed there. Move it away and give the command again."
    if error.errno == errno.EISDIR:
        return f"{path} is a folder, and a file is needed there. Move it away and give the command again."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{path} cannot be used: {why}. Get the right to read and write there, or use another checkout."
    return f"{path} cannot be used: {why}. Put it right and give the command again."
