"""The jobs' own code finds mistakes in a checkout, before anything is applied."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from lakehouse import preflight
from lakehouse.console import Display
from lakehouse.errors import LakehouseError
from tests.support.project import REPOSITORY

MISTAKES = [
    ("ddl/customer_trusted.sql", "bigint", "bgint", "ddl/customer_trusted.sql, line 8: the column registrationdate"),
    (
        "ddl/customer_trusted.audit.sql",
        "= 'each'",
        "= 'eech'",
        "ddl/customer_trusted.audit.sql: The rule 'actual rows' has an invalid customer_records 'eech'",
    ),
    (
        "ddl/customers_curated.audit.sql",
        "-- Inputs: ",
        "-- Input: ",
        "ddl/customers_curated.audit.sql does not start with the tables that its rules read",
    ),
]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for folder in ("glue_jobs", "ddl"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def check(checkout: Path) -> list[str]:
    try:
        preflight.check(checkout, Display(Console(file=io.StringIO())))
    except LakehouseError as error:
        return str(error).splitlines()[1:]
    return []


def test_every_mistake_is_found_at_once(checkout: Path) -> None:
    for name, old, new, _ in MISTAKES:
        text = (checkout / name).read_text()
        assert old in text
        (checkout / name).write_text(text.replace(old, new, 1))
    found = check(checkout)
    assert len(found) == len(MISTAKES)
    for line, (*_, says) in zip(sorted(found), sorted(MISTAKES, key=lambda mistake: mistake[-1]), strict=True):
        assert line.startswith(f"  {says}")


def test_a_broken_chain_of_jobs_is_named(checkout: Path) -> None:
    file = checkout / "glue_jobs" / "pipeline.json"
    file.write_text(file.read_text().replace('"after": "customer_landing_to_trusted"', '"after": "x"'))
    (found,) = check(checkout)
    assert found.startswith("  glue_jobs/pipeline.json: accelerometer_landing_to_trusted is after x")


def test_this_repository_has_no_mistake(checkout: Path) -> None:
    assert check(checkout) == []
    assert {path.name for path in (checkout / "build" / "cache").iterdir()} == {"preflight.sha256"}
