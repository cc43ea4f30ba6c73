"""What a run costs on Glue."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from lakehouse import cost

ENDED = {"CompletedOn": datetime(2026, 1, 1, tzinfo=UTC)}


def attempt(seconds: int, worker: str = "G.1X", workers: int = 2, **more: Any) -> dict[str, Any]:
    return {"ExecutionTime": seconds, "WorkerType": worker, "NumberOfWorkers": workers, **ENDED, **more}


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        ([attempt(61)], 122),
        ([attempt(25)], 120),
        ([attempt(100, "G.2X", 10)], 2_000),
        ([attempt(100, "R.16X", 3)], 4_800),
        ([attempt(10), attempt(300)], 120 + 600),
        ([attempt(100, DPUSeconds=77.4)], 77),
    ],
    ids=["by the second", "at least a minute", "DPUs of a worker", "two digits", "retries too", "as Glue states it"],
)
def test_each_worker_is_billed_for_the_duration(attempts: list[dict[str, Any]], expected: int) -> None:
    assert cost.dpu_seconds(attempts) == expected


@pytest.mark.parametrize(
    "attempts",
    [
        [],
        [{key: value for key, value in attempt(100).items() if key != "CompletedOn"}],
        [attempt(100, "Standard")],
        [attempt(100), {"ExecutionTime": 5, **ENDED}],
    ],
    ids=["not started", "running", "unknown workers", "one of two unknown"],
)
def test_what_glue_does_not_tell_is_not_guessed(attempts: list[dict[str, Any]]) -> None:
    assert cost.dpu_seconds(attempts) is None


def test_jobs_that_did_not_start_cost_nothing() -> None:
    assert cost.total([120, None, 240]) == 360
    assert cost.total([None, None]) is None
