"""The script that compares a saved plan with the merged code, on real plans of a root that needs no provider."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / ".github/scripts/same-plan.sh"
CODE = 'resource "terraform_data" "role" {\n  input = "read"\n}\n'
PROVISIONER = (
    'resource "terraform_data" "role" {\n  input = "read"\n  provisioner "local-exec" { command = "true" }\n}\n'
)

pytestmark = pytest.mark.skipif(shutil.which("terraform") is None, reason="no terraform on the PATH")


def run(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


def plan(root: Path, name: str, code: str = CODE) -> str:
    """Plan `code`, and return the path of the plan file."""
    folder = root / "terraform/environments/dev"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "main.tf").write_text(code)
    for command in (["init", "-input=false"], ["plan", "-input=false", f"-out={root / name}"]):
        done = run(folder, "terraform", *command)
        assert done.returncode == 0, done.stderr
    return name


def compare(root: Path, reviewed: str, merged: str) -> subprocess.CompletedProcess[str]:
    return run(root, str(SCRIPT), "dev", reviewed, merged)


def test_two_plans_of_the_same_code_are_the_same(tmp_path: Path) -> None:
    done = compare(tmp_path, plan(tmp_path, "reviewed"), plan(tmp_path, "merged"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_another_change_is_refused_and_shown(tmp_path: Path) -> None:
    reviewed = plan(tmp_path, "reviewed", CODE.replace("read", "everything"))
    done = compare(tmp_path, reviewed, plan(tmp_path, "merged"))
    assert done.returncode == 1
    assert "everything" in done.stdout
    assert "is not what the merged code plans now" in done.stderr


def test_code_that_the_text_of_a_plan_does_not_show_is_refused(tmp_path: Path) -> None:
    reviewed = plan(tmp_path, "reviewed", PROVISIONER)
    merged = plan(tmp_path, "merged")
    texts = [
        run(tmp_path / "terraform/environments/dev", "terraform", "show", str(tmp_path / name)).stdout
        for name in (reviewed, merged)
    ]
    assert texts[0] == texts[1], "the premise: both plans read the same"
    done = compare(tmp_path, reviewed, merged)
    assert done.returncode == 1
    assert "local-exec" in done.stdout


def test_a_file_that_is_no_plan_is_refused(tmp_path: Path) -> None:
    merged = plan(tmp_path, "merged")
    (tmp_path / "reviewed").write_text("no plan")
    assert compare(tmp_path, "reviewed", merged).returncode != 0
