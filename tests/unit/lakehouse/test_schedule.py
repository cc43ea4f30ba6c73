"""The schedule in the committed file of an environment."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from lakehouse import schedule
from lakehouse.commands import scheduling
from lakehouse.console import Display
from lakehouse.environments import open_environment
from lakehouse.errors import LakehouseError
from lakehouse.project import Project
from tests.support.operator_fakes import printed
from tests.support.project import REPOSITORY

NIGHTLY = "cron(0 3 * * ? *)"


def test_the_pattern_is_that_of_the_terraform_variable() -> None:
    variables = (REPOSITORY / "terraform" / "variables.tf").read_text()
    (pattern,) = re.findall(r'can\(regex\("\^(cron.*)\$", var\.schedule\)\)', variables)
    assert pattern.replace(r"\\", "\\") == schedule.CRON.pattern


@pytest.mark.parametrize("text", ["0 3 * * ? *", "  0  3 * * ?  *", NIGHTLY])
def test_a_schedule_may_be_typed_with_or_without_cron(text: str) -> None:
    assert schedule.parse(text) == NIGHTLY


@pytest.mark.parametrize(
    "text", ["0 3 * * *", "0 3 * * * *", "0 3 ? * ? *", "daily", "cron(0 3 * * ? *", "0 3 * * ? $x"]
)
def test_what_aws_would_not_take_is_refused(text: str) -> None:
    with pytest.raises(LakehouseError, match=r"is no schedule\. Nothing was written\. Give six fields"):
        schedule.parse(text)


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_only_the_schedule_of_the_committed_file_changes(environment: str, tmp_path: Path) -> None:
    committed = REPOSITORY / "terraform" / "environments" / environment / "main.tf"
    path = Path(shutil.copy(committed, tmp_path))
    original = path.read_text()
    assert schedule.write(path, NIGHTLY)
    lines = path.read_text().splitlines()
    assert [line for line in lines if "schedule" in line] == [f'  schedule = "{NIGHTLY}"']
    assert not schedule.write(path, NIGHTLY), "it says so already"
    assert schedule.write(path, "cron(30 4 ? * MON *)")
    assert path.read_text().count("schedule") == 1
    assert schedule.write(path, None)
    assert path.read_text() == original


def test_a_file_of_another_form_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "main.tf"
    path.write_text('module "other" {}\n')
    with pytest.raises(LakehouseError, match=r"Nothing was written\. Set there by hand: schedule = "):
        schedule.write(path, NIGHTLY)
    assert path.read_text() == 'module "other" {}\n'


def test_the_command_says_what_to_do_next(root: Path, display: Display) -> None:
    dev = open_environment(Project.at(root, "dev"), display)
    path = dev.project.terraform_root / "main.tf"
    path.write_text('module "lakehouse" {\n  source = "../.."\n\n  environment = "dev"\n}\n')
    scheduling.schedule(dev, "0 3 * * ? *")
    assert f'schedule = "{NIGHTLY}"' in path.read_text()
    assert printed(display).endswith("make plan ENV=dev, make apply ENV=dev\n")
    with pytest.raises(LakehouseError, match=r"CRON is missing\. Nothing was written"):
        scheduling.schedule(dev, " ")


def test_the_embedded_aws_has_no_schedules(root: Path, display: Display) -> None:
    local = open_environment(Project.at(root, "local"), display)
    with pytest.raises(LakehouseError, match="starts no run by the clock, so nothing was written"):
        scheduling.schedule(local, "0 3 * * ? *")
