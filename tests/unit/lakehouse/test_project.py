"""The commit of a checkout."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from lakehouse.project import Project

HEAD = "1234567890ab"


@pytest.mark.parametrize(
    ("top", "status", "commit"),
    [
        ("here", "", HEAD),
        ("here", " M glue_jobs/jobs/forget.py", f"{HEAD}+changes"),
        ("elsewhere", "", ""),  # an unpacked archive inside another repository
        (None, "", ""),  # no repository
    ],
)
def test_the_commit_is_that_of_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, top: str | None, status: str, commit: str
) -> None:
    def git(command: list[str], **_: Any) -> Any:
        if top is None:
            raise subprocess.CalledProcessError(128, command)
        said = {"rev-parse": HEAD, "status": status}[command[3]]
        if "--show-toplevel" in command:
            said = str(tmp_path / top)
        return subprocess.CompletedProcess(command, 0, f"{said}\n")

    monkeypatch.setattr(subprocess, "run", git)
    assert Project(tmp_path / "here", "dev").commit() == commit
