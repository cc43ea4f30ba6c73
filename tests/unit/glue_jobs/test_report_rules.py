"""The report of a run names the rules that the jobs check: both parse the same files."""

from __future__ import annotations

import pytest

import audits
from lakehouse.run_report import rules
from tests.support.project import ICEBERG_TABLES, REPOSITORY


@pytest.mark.parametrize("table", ICEBERG_TABLES)
def test_the_rules_are_those_of_the_jobs(table: str) -> None:
    text = (REPOSITORY / "ddl" / f"{table}.audit.sql").read_text(encoding="utf-8")
    checked = [rule for rule in audits.parse(text) if rule.name not in audits.ROWS.values()]
    assert checked
    assert [(rule.name, dict(rule.policies), rule.implied) for rule in rules.parse(text)] == [
        (rule.name, dict(rule.policies), rule.implied) for rule in checked
    ]
