"""What decides the rows of a table: each part changes the derivation, and nothing else does."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyspark
import pytest
from pyspark.sql import DataFrame

import consent
import derivation
import extra_files
import lineage
import pipeline
from tests.support.project import GLUE_JOBS

TABLE = "step_trainer_trusted"
JOB = pipeline.TABLES[TABLE]["job"]
KEYS = dict.fromkeys((derivation.CODE, derivation.POLICIES, "landing.customer_landing"), "1")


def read_code_anew() -> None:
    """Forget what was read of the code: a process does not expect it to change."""
    derivation.of_code.cache_clear()
    derivation._own.cache_clear()


@pytest.fixture(autouse=True)
def _extra_files(extra_files: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(extra_files)
    read_code_anew()
    yield
    read_code_anew()


@pytest.fixture
def code(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return the state of the code of a table, with a line more in the given files."""

    def state(*changed: str, table: str = TABLE) -> str:
        real_spec, real_read = find_spec, extra_files.read

        def spec_with(name: str) -> Any:
            spec = real_spec(name)
            if spec is None or f"{name}.py" not in changed:
                return spec
            source = spec.loader.get_source(name)
            loader = SimpleNamespace(get_source=lambda _: f"{source}\n")
            return SimpleNamespace(loader=loader, submodule_search_locations=None)

        with monkeypatch.context() as patched:
            patched.setattr(derivation, "find_spec", spec_with)
            patched.setattr(extra_files, "read", lambda name: real_read(name) + "\n" * (name in changed))
            read_code_anew()
            return derivation.of_code(table)

    return state


@pytest.mark.parametrize(
    "file",
    [
        f"{JOB}.py",
        "consent.py",
        "canonical.py",
        "landing_rows.py",
        "audits.py",
        "derivation.py",
        f"{TABLE}.sql",
        f"{TABLE}.audit.sql",
        "pipeline.json",
        "policies.json",
    ],
)
def test_each_file_that_makes_or_audits_the_rows_changes_the_code(code: Callable[..., str], file: str) -> None:
    assert code(file) != code() == code()


def test_other_files_do_not(code: Callable[..., str]) -> None:
    others = ("forget.py", "rollback.py", "machine_learning_curated.py", "customer_trusted.audit.sql")
    assert code(*others) == code()
    assert code("training_split.sql", table="machine_learning_curated") != code(table="machine_learning_curated")


@pytest.mark.parametrize(("module", "name"), [(pyspark, "__version__"), (platform, "python_version")])
def test_so_do_the_versions(code: Callable[..., str], module: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = code()
    monkeypatch.setattr(module, name, "9" if name == "__version__" else lambda: "9")
    assert code() != before


def test_the_code_of_a_job_is_all_that_it_imports_and_nothing_of_others() -> None:
    found = derivation._sources(JOB)
    ours = {file.stem for file in GLUE_JOBS[0].parent.rglob("*.py")}
    assert found.keys() <= ours
    assert {"job", "landing_files", "temporary_files", "s3_root", "withdrawal", "bucket_objects"} <= found.keys()


def test_a_job_whose_code_cannot_be_found_never_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derivation, "find_spec", lambda _: None)
    first = derivation.of_code(TABLE)
    read_code_anew()
    assert derivation.of_code(TABLE) != first


def test_each_part_changes_the_derivation() -> None:
    def of(**more: str) -> str | None:
        return lineage.derivation({"rows-out": "5", **lineage.derived_from_entries({**KEYS, **more})})

    known = of()
    assert known
    assert known == lineage.derivation(lineage.derived_from_entries(dict(reversed(KEYS.items()))))
    assert len({known, *(of(**{part: "2"}) for part in KEYS), of(time="1")}) == 5
    assert lineage.derivation({"rows-out": "5"}) is None


def test_the_report_of_other_rows_does_not_tell_what_decided_them() -> None:
    report = {"job": "a", "snapshot-read.b": "1", **lineage.derived_from_entries(KEYS)}
    taken_over = {lineage.UNCHANGED_SINCE: "wr_1", lineage.COMPUTED_BY: "jr_1", lineage.SAME_ROWS_AS: "1"}
    assert lineage.of_other_rows({**report, **taken_over}) == {"job": "a", "snapshot-read.b": "1"}


def test_the_time_counts_once_it_has_come() -> None:
    assert derivation.of_time("100", 99) == "100"
    assert derivation.of_time("100", 100) != "100", "a consent counts from its very millisecond on"
    assert derivation.of_time("100", 101) != "100"
    assert derivation.of_time(derivation.ALWAYS, 101) == derivation.ALWAYS


def test_a_key_is_told_from_another_and_not_shown() -> None:
    states = [derivation.of_key(key) for key in (b"one", b"two")]
    assert states[0] != states[1]
    assert b"one".hex() not in states[0]


def test_parts_are_compared_from_the_quickest_to_the_slowest() -> None:
    parts = ["landing.b", "landing.a", "table.c", "refusals", "code", "of a newer edition", "time"]
    assert derivation.in_order(parts) == [
        *("of a newer edition", "code", "time", "refusals", "table.c", "landing.a", "landing.b"),
    ]


def test_the_next_consent_is_the_first_in_the_future(frame: Callable[..., DataFrame]) -> None:
    dates = (None, 0, 10, 20, 30, 40)
    records = frame("customer_landing", *({"sharewithresearchasofdate": date} for date in dates))
    assert [consent.next_consent(records, now) for now in (5, 20, 29, 40)] == [10, 30, 30, None]
