"""What goes wrong is said clearly, exits non-zero and leaves no process behind."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.project import Project, copy_of_project


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Project]:
    project = copy_of_project(tmp_path / "project")
    yield project
    project.lakehouse("down")


def fails(project: Project, *arguments: str, says: list[str], **environment: str) -> None:
    project.fail(*arguments, says=says, **environment)
    assert project.processes() == []


def test_data_folder_is_missing(fresh: Project) -> None:
    fails(fresh, "run", "--data", "nowhere", says=["nowhere", "does not exist"])


def test_data_folder_is_empty(fresh: Project, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    fails(fresh, "run", "--data", str(tmp_path / "empty"), says=["empty", "customer/landing"])


def test_an_entity_is_missing(fresh: Project, tmp_path: Path) -> None:
    folder = tmp_path / "partial" / "customer" / "landing"
    folder.mkdir(parents=True)
    (folder / "customer.json").write_text('{"email":"a@example.com","serialNumber":"s"}\n')
    fails(fresh, "run", "--data", str(tmp_path / "partial"), says=["accelerometer", "step_trainer"])


def test_the_port_is_in_use(fresh: Project) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        fails(fresh, "run", "--port", port, says=[port, "in use"])


def test_no_terraform_provider_is_to_be_had(fresh: Project, tmp_path: Path) -> None:
    (tmp_path / "empty-mirror").mkdir()
    config = tmp_path / "terraform.rc"
    config.write_text(f'provider_installation {{\n  filesystem_mirror {{ path = "{tmp_path / "empty-mirror"}" }}\n}}\n')
    fails(fresh, "run", says=["hashicorp/aws", "provider"], TF_CLI_CONFIG_FILE=str(config))
