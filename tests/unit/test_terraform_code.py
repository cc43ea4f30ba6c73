"""What must hold of the Terraform code as text: which providers it takes, and that provider 6 would take it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TERRAFORM = Path(__file__).resolve().parents[2] / "terraform"
TESTED = "5.100.0"
# Roots that are applied as they stand are pinned; what others call, or copy, leaves them the choice.
PINNED = {"bootstrap", "environments/dev", "environments/local", "environments/prod"}
VERSIONS = {str(path.parent.relative_to(TERRAFORM)): path for path in TERRAFORM.rglob("versions.tf")}
LOCKS = [path for path in TERRAFORM.rglob(".terraform.lock.hcl") if ".terraform" not in path.parent.parts]


@pytest.mark.parametrize("folder", sorted(VERSIONS))
def test_what_others_call_admits_provider_6(folder: str) -> None:
    [constraint] = re.findall(r'source  = "hashicorp/aws"\n +version = "(.+)"', VERSIONS[folder].read_text())
    assert constraint == (TESTED if folder in PINNED else ">= 5.100, < 7")


def test_lock_files_stay_at_the_provider_that_was_tested() -> None:
    assert len(LOCKS) == len(PINNED) + 3  # the module itself, and two examples
    assert {version for lock in LOCKS for version in re.findall(r'  version +=? "(.+)"', lock.read_text())} == {TESTED}


def test_nothing_is_used_that_provider_6_has_deprecated() -> None:
    """`data.aws_region` is known by id in both; `name` is deprecated in 6, and `region` unknown in 5."""
    used = {
        f"{path.relative_to(TERRAFORM)}: {found}"
        for path in TERRAFORM.rglob("*.tf")
        if ".terraform" not in path.parts
        for found in re.findall(r"data\.aws_region\.\w+\.(?!id\b)\w+", path.read_text())
    }
    assert used == set()
