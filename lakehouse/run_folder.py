"""The folder of a run on this machine: build/<env>/runs/<id>, and build/<env>/runs/latest, a link to the last one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from lakehouse.project import Project

LATEST: Final = "latest"
REPORT: Final = "run.json"


def create(project: Project, run_id: str) -> Path:
    """Return the folder of a run that has started; create it, and make it the latest."""
    folder = project.runs / run_id
    folder.mkdir(parents=True, exist_ok=True)
    link = project.runs / f"{LATEST}.{os.getpid()}.partial"
    link.unlink(missing_ok=True)
    link.symlink_to(run_id)  # relative: a checkout may be moved
    link.replace(project.runs / LATEST)
    return folder
