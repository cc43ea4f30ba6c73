"""Mistakes in the repository are told with file and line before anything is applied."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from lakehouse import preflight, tables
from lakehouse.console import Display
from lakehouse.errors import LakehouseError
from tests.support.operator_fakes import printed

REPOSITORY = Path(__file__).resolve().parents[3]
RULES = "ddl/step_trainer_trusted.audit.sql"


@pytest.fixture
def checkout(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one script, one declaration, one DDL and its rules; without Spark, as an operator on AWS has."""
    monkeypatch.setattr(preflight, "_has_spark", lambda: False)
    for name in ("glue_jobs/jobs/all_steps.py", "glue_jobs/policies.json", "ddl/step_trainer_trusted.sql", RULES):
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(REPOSITORY / name, root / name)
    return root


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("glue_jobs/jobs/all_steps.py", ("import sys\n", "imprt sys\n"), "invalid syntax."),
        ("glue_jobs/policies.json", ('"policies": {', '"policies" {'), "Expecting ':' delimiter."),
        (RULES, ("FROM step_trainer_trusted", "FORM step_trainer_trusted"), "Invalid expression"),
        (RULES, ("-- Inputs", "-- \xff"), "this is not UTF-8 text."),
    ],
)
def test_a_mistake_has_file_and_line(
    checkout: Path, display: Display, name: str, change: tuple[str, str], says: str
) -> None:
    line = broken(checkout / name, *change)
    with pytest.raises(
        LakehouseError, match=r"so nothing was applied\. Correct them and run the command again:"
    ) as told:
        preflight.check(checkout, display)
    (mistake,) = str(told.value).splitlines()[1:]
    assert mistake.startswith(f"  {name}, line {line}: {says}")


def test_a_quote_without_an_end_has_the_line_at_which_its_statement_begins(checkout: Path, display: Display) -> None:
    text = (checkout / RULES).read_text()
    (checkout / RULES).write_text(f"{text}\n-- a rule\nSELECT * FROM a\nWHERE b = 'x;\n")
    start = text.count("\n") + 2
    with pytest.raises(LakehouseError, match=f"\n  {RULES}, line {start}: a quote in this statement has no end\\.$"):
        preflight.check(checkout, display)


def broken(file: Path, old: str, new: str) -> int:
    """Replace the first occurrence of a text; return its line."""
    text = file.read_text()
    file.write_bytes(text.replace(old, new, 1).encode("latin-1"))
    return 1 + text[: text.index(old)].count("\n")


def test_what_was_right_is_checked_again_only_after_a_change(checkout: Path, display: Display) -> None:
    for _ in range(2):
        preflight.check(checkout, display)
    assert printed(display).count("Scripts, DDL and rules: 4 files") == 1
    (checkout / "ddl" / "new.audit.sql").write_text("-- a rule\nSELECT 1;\n")
    preflight.check(checkout, display)
    assert printed(display).count("Scripts, DDL and rules: 5 files") == 1


def test_many_mistakes_are_not_all_listed(checkout: Path, display: Display) -> None:
    for number in range(12):
        (checkout / "glue_jobs" / f"wrong_{number}.py").write_text("=")
    with pytest.raises(LakehouseError, match=r"\n  \.\.\. and 2 more$"):
        preflight.check(checkout, display)


def test_the_code_of_the_jobs_parses_ddl_and_audits(
    checkout: Path, display: Display, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`tests/integration/test_preflight.py` runs it."""
    monkeypatch.setattr(preflight, "_has_spark", lambda: True)
    calls = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        calls.append(command[3:])
        return subprocess.CompletedProcess(command, 0, stdout="ddl/a.sql, line 3: the column x is declared twice.\n")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(LakehouseError, match=r"\n  ddl/a\.sql, line 3: the column x is declared twice\.$"):
        preflight.check(checkout, display)
    assert calls == [["step_trainer_trusted.audit.sql", "step_trainer_trusted.sql"]]


def test_a_broken_declaration_ends_every_command_with_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pipeline.json").write_text('{\n"tables": ')
    monkeypatch.setattr(tables, "__file__", str(tmp_path / "tables.py"))
    with pytest.raises(
        SystemExit, match=r"^error: glue_jobs/pipeline\.json, line 2: Expecting value\. Nothing was done\."
    ):
        tables.declared("pipeline.json")
