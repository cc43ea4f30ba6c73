"""A small project, its outputs and its landing data."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from lakehouse import aws
from lakehouse.console import Display
from lakehouse.environments import Environment, LocalEnvironment
from lakehouse.project import Project
from lakehouse.tables import TABLE_OF_JOB
from lakehouse.terraform import Outputs
from tests.support.operator_fakes import KnownOutputs

LOCK = 'provider "registry.terraform.io/hashicorp/aws" {\n  version     = "5.100.0"\n}\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with only the files that the commands check for."""
    checkout = tmp_path / "checkout"
    for environment in ("local", "dev"):
        folder = checkout / "terraform" / "environments" / environment
        folder.mkdir(parents=True)
        (folder / "main.tf").write_text("# a root\n")
        (folder / ".terraform.lock.hcl").write_text(LOCK)
    for folder in ("ddl", "glue_jobs"):
        (checkout / folder).mkdir()
    return checkout


@pytest.fixture
def project(root: Path) -> Project:
    return Project.at(root, "local")


@pytest.fixture
def display() -> Display:
    """A display; `operator_fakes.printed` returns its output."""
    return Display(Console(file=io.StringIO(), width=100, highlight=False))


@pytest.fixture
def outputs() -> Outputs:
    return Outputs(
        bucket="lake",
        database="stedi_local",
        workflow="stedi-local-lakehouse",
        jobs={name: f"stedi-local-{name.replace('_', '-')}" for name in sorted(TABLE_OF_JOB)},
        region="us-east-1",
        athena_workgroup="stedi-local",
        audit_database="stedi_local_audit",
        forget_job="stedi-local-forget",
        rollback_job="stedi-local-rollback",
    )


@pytest.fixture
def environment_with(
    project: Project, outputs: Outputs, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Display], Environment]:
    """Make the local environment with a display, as if its stack were applied and its embedded AWS up."""

    @contextmanager
    def connect(*_: Any, **__: Any) -> Iterator[None]:
        yield

    monkeypatch.setattr(LocalEnvironment, "terraform", lambda *_: KnownOutputs(outputs))
    monkeypatch.setattr(LocalEnvironment, "connect", connect)
    monkeypatch.setattr(aws, "session", lambda _: None)
    return lambda display: LocalEnvironment(project, display)


@pytest.fixture
def landing_folder(tmp_path: Path) -> Iterator[Path]:
    """The smallest valid landing data."""
    folder = tmp_path / "data"
    for entity in ("customer", "accelerometer", "step_trainer"):
        (folder / entity / "landing").mkdir(parents=True)
        (folder / entity / "landing" / f"{entity}.json").write_text("{}\n")
    return folder
