"""What goes wrong is said clearly, exits non-zero and leaves no process behind."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import Project, copy_of_project


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Project]:
    project = copy_of_project(tmp_path / "project")
    yield project
    project.lakehouse("down")


def processes_of(project: Project) -> list[str]:
    """The command lines of all processes that work in the project's folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and Path(process.cwd()).is_relative_to(project.root):
                found.append(" ".join(process.cmdline()))
        except (psutil.Error, FileNotFoundError):
            continue
    return found


def fails(project: Project, *arguments: str, says: list[str], **environment: str) -> None:
    done = project.lakehouse(*arguments, **environment)
    output = done.stdout + done.stderr
    flat = " ".join(output.split())
    assert done.returncode != 0, output
    assert not [part for part in says if part not in flat], output
    assert "Traceback" not in output
    assert processes_of(project) == []


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


def test_a_broken_script_fails_its_job_and_stops_the_workflow(fresh: Project) -> None:
    script = fresh.root / "glue_jobs" / "accelerometer_landing_to_trusted.py"
    script.write_text("def transform(:\n")
    fails(fresh, "run", says=["accelerometer_landing_to_trusted", "FAILED", "SyntaxError"])
    report = fresh.report()
    assert report["status"] == "FAILED"
    assert [job["state"] for job in report["jobs"]] == ["SUCCEEDED", "FAILED"] + ["NOT_STARTED"] * 3


def test_a_broken_record_is_named_and_nothing_is_published(fresh: Project, tmp_path: Path) -> None:
    fresh.succeed("sample", "--customers", "20")
    data = tmp_path / "data"
    shutil.copytree(fresh.root / "build/local/sample", data)
    file = next((data / "customer" / "landing").iterdir())
    file.write_text('{"email": "half a reco\n' + file.read_text())
    fails(fresh, "run", "--data", str(data), says=["customer_landing_to_trusted", file.name, "JSON"])
