"""Checks of the Terraform code as text: the provider versions that it allows, and compatibility with provider 6."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TERRAFORM = Path(__file__).resolve().parents[2] / "terraform"
TESTED = "5.100.0"
# Roots that are applied as they are have a pinned provider; modules and examples leave the choice to the caller.
PINNED = {"bootstrap", "environments/dev", "environments/local", "environments/prod"}
VERSIONS = {str(path.parent.relative_to(TERRAFORM)): path for path in TERRAFORM.rglob("versions.tf")}
EXAMPLES = [path.parent for path in TERRAFORM.glob("examples/*/main.tf")]
LOCKS = [path for path in TERRAFORM.rglob(".terraform.lock.hcl") if ".terraform" not in path.parent.parts]


@pytest.mark.parametrize("folder", sorted(VERSIONS))
def test_modules_and_examples_allow_provider_6(folder: str) -> None:
    [constraint] = re.findall(r'source  = "hashicorp/aws"\n +version = "(.+)"', VERSIONS[folder].read_text())
    assert constraint == (TESTED if folder in PINNED else ">= 5.100, < 7")


def test_lock_files_have_the_tested_provider() -> None:
    assert len(LOCKS) == len(PINNED) + 1 + len(EXAMPLES)  # the module itself
    assert {version for lock in LOCKS for version in re.findall(r'  version +=? "(.+)"', lock.read_text())} == {TESTED}


def test_nothing_deprecated_in_provider_6_is_used() -> None:
    """Both versions have `data.aws_region.id`; `name` is deprecated in 6, and `region` does not exist in 5."""
    used = {
        f"{path.relative_to(TERRAFORM)}: {found}"
        for path in TERRAFORM.rglob("*.tf")
        if ".terraform" not in path.parts
        for found in re.findall(r"data\.aws_region\.\w+\.(?!id\b)\w+", path.read_text())
    }
    assert used == set()
