"""What the five jobs need at another size, worked out by hand for a bench with round figures."""

from __future__ import annotations

import copy
from typing import Any

import hcl2
import pytest

from bench import cost_model
from bench.contestants import FIVE_JOBS, ROOT
from lakehouse.errors import LakehouseError
from lakehouse.tables import TABLE_OF_JOB

ACCELEROMETER = "accelerometer_landing_to_trusted"
LINES = {job: {"fixed": 10.0, "slope": 0.01} for job in TABLE_OF_JOB} | {ACCELEROMETER: {"fixed": 20.0, "slope": 1.0}}
SUMMARY: dict[str, Any] = {
    "date": "2026-01-02",
    "commit": "abc",
    "machine": {"cores": 2, "memory_gib": 24},
    "data": {"source": "stedi", "rows": {"customer": 1_000, "accelerometer": 75_000, "step_trainer": 25_000}},
    "medians": [{"title": "another", "steps": {}}, {"title": FIVE_JOBS.title, "sizes": {"1": {}}, "steps": LINES}],
}


@pytest.fixture(autouse=True)
def _shuffle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost_model, "SHUFFLE_BYTES", dict.fromkeys(TABLE_OF_JOB, 10.0))


def need(readings: float, job: str = ACCELEROMETER) -> cost_model.Need:
    (found,) = (each for each in cost_model.needs(SUMMARY, readings) if each.job == job)
    return found


def test_every_job_has_rows_that_it_grows_with_and_shuffle_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert cost_model.GROWS_WITH.keys() == cost_model.SHUFFLE_BYTES.keys() == TABLE_OF_JOB.keys()


def test_the_defaults_are_those_of_terraform() -> None:
    declared = {
        name.strip('"'): body["default"]
        for block in hcl2.loads((ROOT / "terraform/variables.tf").read_text())["variable"]
        for name, body in block.items()
        if "default" in body
    }
    assert declared["worker_type"].strip('"') == "G.1X"
    assert declared["number_of_workers"] == cost_model.DEFAULT_WORKERS
    assert declared["timeout"] == 2 * cost_model.TARGET_MINUTES


def test_a_slope_is_core_seconds_per_million_rows() -> None:
    (step,) = (each for each in cost_model.steps(SUMMARY) if each.job == ACCELEROMETER)
    assert step.core_seconds == pytest.approx(1.0 * 2 / 0.075)
    (step,) = (each for each in cost_model.steps(SUMMARY) if each.job == "machine_learning_curated")
    assert step.core_seconds == pytest.approx(0.01 * 2 / 0.1)


def test_readings_of_both_sensors_come_in_the_measured_proportion() -> None:
    assert cost_model.landing_rows(SUMMARY, 4e9) == {"customer": 4e5, "accelerometer": 3e9, "step_trainer": 1e9}


def test_workers_are_as_many_as_the_target_needs() -> None:
    found = need(4e8)  # 300 million rows, 8,000 core-seconds, of which an executor has 4 * 880
    assert found.core_hours == pytest.approx(8000 / 3600)
    assert found.workers == 1 + 3
    assert found.minutes == pytest.approx((20 + 8000 / 12) / 60)
    assert found.minutes <= cost_model.TARGET_MINUTES
    assert found.dpu_hours == pytest.approx(4 * found.minutes / 60)


def test_workers_are_as_many_as_the_shuffle_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost_model, "SHUFFLE_BYTES", dict.fromkeys(TABLE_OF_JOB, 1000.0))
    assert need(4e8).workers == 1 + 7  # 300 GB, 44 on each


def test_a_small_job_has_the_default_workers_and_pays_for_a_minute() -> None:
    found = need(1e6)
    assert found.workers == 2
    assert found.minutes < 1
    assert found.dpu_hours == pytest.approx(2 / 60)


def test_the_defaults_suffice_up_to_the_size_at_which_a_job_takes_as_long_as_the_target() -> None:
    most = cost_model.default_readings(SUMMARY)
    assert need(most * 0.999).workers == 2
    assert need(most * 0.999).minutes == pytest.approx(cost_model.TARGET_MINUTES, rel=0.01)
    assert need(most * 1.001).workers == 3


def test_a_bench_of_one_size_counts_all_seconds_as_slope() -> None:
    summary = copy.deepcopy(SUMMARY)
    summary["medians"][1]["steps"] = dict.fromkeys(TABLE_OF_JOB)
    summary["medians"][1]["sizes"] = {"100": {"steps": dict.fromkeys(TABLE_OF_JOB, 30.0)}}
    (step,) = (each for each in cost_model.steps(summary) if each.job == ACCELEROMETER)
    assert (step.fixed, step.core_seconds) == (0, pytest.approx(0.3 * 2 / 0.075))


def test_a_bench_that_was_faster_at_larger_sizes_is_refused() -> None:
    summary = copy.deepcopy(SUMMARY)
    summary["medians"][1]["steps"][ACCELEROMETER] = {"fixed": 20.0, "slope": -0.1}
    with pytest.raises(
        LakehouseError, match=rf"^{ACCELEROMETER} took no longer at larger sizes.*Nothing was written\."
    ):
        cost_model.markdown(summary)


def test_the_page_gets_figures_sizes_and_the_largest_job_by_job() -> None:
    text = cost_model.markdown(SUMMARY)
    assert f"| {ACCELEROMETER} | accelerometer | 20 | 26.7 | 10 |" in text
    assert "| 1,000,000 | 2, 2, 2, 2, 2 | 1.1 | 0.2 | 0.0 |" in text
    assert "1,000,000 customers and 10,000,000,000 readings, job by job:" in text
    largest = need(1e10)
    assert f"| {ACCELEROMETER} | 7,500 | 55.6 | 75 | {largest.workers} |" in text
    assert f"  {ACCELEROMETER} = {{ number_of_workers = {largest.workers} }}\n" in text
