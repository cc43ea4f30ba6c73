"""The folder of each run, and the link to the last one."""

from __future__ import annotations

from pathlib import Path

from lakehouse import run_folder
from lakehouse.project import Project


def test_latest_is_the_run_that_started_last(tmp_path: Path) -> None:
    project = Project(tmp_path, "dev")
    first, second = run_folder.create(project, "wr_1"), run_folder.create(project, "wr_2")
    assert first == tmp_path / "build" / "dev" / "runs" / "wr_1"
    assert (project.runs / "latest").resolve() == second
    assert sorted(path.name for path in project.runs.iterdir()) == ["latest", "wr_1", "wr_2"]


def test_link_survives_a_move_of_the_checkout(tmp_path: Path) -> None:
    run_folder.create(Project(tmp_path / "here", "dev"), "wr_1")
    (tmp_path / "here").rename(tmp_path / "there")
    assert (tmp_path / "there/build/dev/runs/latest").resolve() == tmp_path / "there/build/dev/runs/wr_1"
