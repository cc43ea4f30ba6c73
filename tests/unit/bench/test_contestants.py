"""Who takes part in a bench."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from bench import __main__ as command
from bench import contestants
from bench.contestants import CONTESTANTS, Lakehouse
from lakehouse.errors import LakehouseError
from lakehouse.tables import TABLE_OF_JOB

PEERS = Path(contestants.__file__).with_name("peers")


def test_the_peers_have_a_script_for_each_job() -> None:
    assert {path.stem for path in PEERS.glob("*.py")} - {"__init__"} == set(TABLE_OF_JOB)
    for job, table in TABLE_OF_JOB.items():
        assert f'json(f"{{output}}/{table}")' in (PEERS / f"{job}.py").read_text()


def test_names_and_titles_are_unique() -> None:
    assert len({each.name for each in CONTESTANTS}) == len(CONTESTANTS)
    assert len({each.title for each in CONTESTANTS}) == len(CONTESTANTS)


def test_a_contestant_takes_part_once_terraform_has_its_variables() -> None:
    assert Lakehouse("x", "x").unavailable() is None
    assert Lakehouse("x", "x", variables={"profile": "strict"}).unavailable() is None
    missing = Lakehouse("x", "x", variables={"profil": "strict"}).unavailable()
    assert missing == "terraform/environments/local has no variable profil"


def test_no_account_and_no_setting_of_the_shell_reaches_a_contestant(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "SPARK_HOME", "PYSPARK_SUBMIT_ARGS", "TF_VAR_profile", "SIZES", "INCREMENTAL", "DATA"):
        monkeypatch.setenv(name, "x")
    assert "x" not in contestants.environment().values()


@pytest.mark.parametrize(("text", "numbers"), [("", [1, 10]), ("5", [5]), ("10, 1 10", [1, 10])])
def test_sizes_are_whole_numbers(monkeypatch: pytest.MonkeyPatch, text: str, numbers: list[int]) -> None:
    monkeypatch.setenv("SIZES", text)
    assert command.whole_numbers("SIZES", "1 10") == numbers


@pytest.mark.parametrize("text", ["0", "ten", "1.5", "-1", ","])
def test_anything_else_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("SIZES", text)
    with pytest.raises(LakehouseError, match=r"SIZES='.+' is not a list of whole numbers from 1\. Nothing was run\."):
        command.whole_numbers("SIZES", "1 10")


def test_the_knob_of_later_runs_is_1_or_0(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INCREMENTAL", "yes")
    with pytest.raises(LakehouseError, match=r"INCREMENTAL='yes' is neither 1 nor 0\. Nothing was run\."):
        command.main(Console())
