"""The cost model in docs/cost.md: what the five jobs take at another size, from the fixed cost and slope of each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bench import results
from bench.contestants import FIVE_JOBS
from lakehouse.errors import LakehouseError
from lakehouse.landing import ENTITIES

VCPUS: Final = 4
"""Of a G.1X worker, which is one DPU."""
FREE_DISK: Final = 44e9
"""Bytes of a G.1X worker that shuffles may use."""
DEFAULT_WORKERS: Final = 2
"""Of `number_of_workers`; one of them is the driver."""
TARGET_MINUTES: Final = 15
"""Half of the default `timeout`, since a worker of Glue may be slower than the machine of the bench."""
READINGS_PER_CUSTOMER: Final = 10_000
READINGS: Final = (1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 10_000_000_000)

GROWS_WITH: Final = {
    "customer_landing_to_trusted": ("customer",),
    "accelerometer_landing_to_trusted": ("accelerometer",),
    "customer_trusted_to_curated": ("accelerometer",),
    "step_trainer_landing_to_trusted": ("step_trainer",),
    "machine_learning_curated": ("accelerometer", "step_trainer"),
}
"""The landing rows that the time of each job grows with."""
SHUFFLE_BYTES: Final[Mapping[str, float]] = {
    "customer_landing_to_trusted": 137,
    "accelerometer_landing_to_trusted": 62,
    "customer_trusted_to_curated": 1.5,
    "step_trainer_landing_to_trusted": 74,
    "machine_learning_curated": 33,
}
"""Shuffle bytes of each job per row that it grows with, at 10x, all joins by shuffle; see docs/cost.md."""


@dataclass(frozen=True)
class Step:
    """What a job takes."""

    job: str
    fixed: float
    """Seconds whatever the size."""
    core_seconds: float
    """Seconds of one core per million rows."""


@dataclass(frozen=True)
class Need:
    """What a job needs at a size to end within the target."""

    job: str
    rows: float
    core_hours: float
    shuffle_bytes: float
    workers: int
    minutes: float

    @property
    def dpu_hours(self) -> float:
        """What Glue bills."""
        return self.workers * max(self.minutes, 1.0) / 60


def steps(summary: Mapping[str, Any]) -> list[Step]:
    """Return what each of the five jobs takes, from the summary of a bench.

    A bench of one size does not tell fixed cost and slope apart: all seconds count as slope, which is an upper bound.
    Raises a LakehouseError if the line through several sizes does not rise.
    """
    measured = next(entry for entry in summary["medians"] if entry["title"] == FIVE_JOBS.title)
    (size, of_size), *_ = measured["sizes"].items()
    found = []
    for job, line in measured["steps"].items():
        fixed, slope = (line["fixed"], line["slope"]) if line else (0.0, of_size["steps"][job] / int(size))
        if slope <= 0:
            raise LakehouseError(
                f"{job} took no longer at larger sizes: the machine was too busy for a cost model. Nothing was "
                "written. Run make bench on a quiet one."
            )
        millions = sum(summary["data"]["rows"][entity] for entity in GROWS_WITH[job]) / 1e6
        found.append(Step(job, fixed, slope * summary["machine"]["cores"] / millions))
    return found


def landing_rows(summary: Mapping[str, Any], readings: float) -> dict[str, float]:
    """Return landing rows of each entity: readings of both sensors in the proportion of the data that was measured."""
    measured = summary["data"]["rows"]
    both = measured["accelerometer"] + measured["step_trainer"]
    return {entity: readings * measured[entity] / both for entity in ENTITIES} | {
        "customer": readings / READINGS_PER_CUSTOMER
    }


def minutes(step: Step, rows: float, workers: int) -> float:
    """Return how long a job takes on G.1X workers, if a vCPU of Glue is as fast as a core of the bench."""
    return (step.fixed + step.core_seconds * rows / 1e6 / (VCPUS * (workers - 1))) / 60


def need(step: Step, rows: float) -> Need:
    """Return what a job needs to end within the target, with room on disk for what it shuffles."""
    core_seconds = step.core_seconds * rows / 1e6
    shuffled = SHUFFLE_BYTES[step.job] * rows
    executors = max(core_seconds / VCPUS / (TARGET_MINUTES * 60 - step.fixed), shuffled / FREE_DISK)
    workers = max(DEFAULT_WORKERS, 1 + math.ceil(executors))
    return Need(step.job, rows, core_seconds / 3600, shuffled, workers, minutes(step, rows, workers))


def needs(summary: Mapping[str, Any], readings: float) -> list[Need]:
    """Return what each job needs for so many readings of both sensors."""
    rows = landing_rows(summary, readings)
    return [need(step, sum(rows[entity] for entity in GROWS_WITH[step.job])) for step in steps(summary)]


def default_readings(summary: Mapping[str, Any]) -> float:
    """Return up to how many readings the default workers suffice."""
    limits = []
    for step in steps(summary):
        per_reading = sum(landing_rows(summary, 1)[entity] for entity in GROWS_WITH[step.job])
        by_time = (TARGET_MINUTES * 60 - step.fixed) * VCPUS * (DEFAULT_WORKERS - 1) / step.core_seconds * 1e6
        by_disk = FREE_DISK * (DEFAULT_WORKERS - 1) / SHUFFLE_BYTES[step.job]
        limits.append(min(by_time, by_disk) / per_reading)
    return min(limits)


def markdown(summary: Mapping[str, Any]) -> str:
    """Return the generated part of docs/cost.md: the figures, then what sizes up to the largest need."""
    figures = [
        [
            step.job,
            " and ".join(GROWS_WITH[step.job]),
            f"{step.fixed:.0f}",
            f"{step.core_seconds:,.1f}",
            f"{SHUFFLE_BYTES[step.job]:g}",
        ]
        for step in steps(summary)
    ]
    by_size = []
    for readings in READINGS:
        needed = needs(summary, readings)
        by_size.append(
            [
                f"{readings:,}",
                ", ".join(str(each.workers) for each in needed),
                f"{sum(each.minutes for each in needed):.1f}",
                f"{sum(each.dpu_hours for each in needed):,.1f}",
                f"{sum(each.shuffle_bytes for each in needed) / 1e9:,.1f}",
            ]
        )
    largest = needs(summary, READINGS[-1])
    job_by_job = [
        [
            each.job,
            f"{each.rows / 1e6:,.0f}",
            f"{each.core_hours:,.1f}",
            f"{each.shuffle_bytes / 1e9:,.0f}",
            str(each.workers),
            f"{each.minutes:.1f}",
            f"{each.dpu_hours:,.1f}",
        ]
        for each in largest
    ]
    of_one_size = all(step.fixed == 0 for step in steps(summary))
    parts = [
        results.measured_on(summary) + (" Of one size only, so all seconds count as slope." if of_one_size else ""),
        results.markdown_table(
            [
                "Job",
                "Landing rows that it grows with",
                "Fixed, s",
                "Core-seconds per million rows",
                "Shuffle bytes per row",
            ],
            figures,
        ),
        (
            f"With these, the defaults ({DEFAULT_WORKERS} workers, {2 * TARGET_MINUTES} minutes) suffice for about "
            f"{default_readings(summary) / 1e6:,.0f} million readings: each job ends within {TARGET_MINUTES} minutes. "
            f"By size, with a customer per {READINGS_PER_CUSTOMER:,} readings:"
        ),
        results.markdown_table(
            ["Readings", "Workers of each job", "Minutes of all jobs", "DPU-hours", "Shuffle, GB"], by_size
        ),
        f"{READINGS[-1] / READINGS_PER_CUSTOMER:,.0f} customers and {READINGS[-1]:,} readings, job by job:",
        results.markdown_table(
            ["Job", "Million rows", "Core-hours", "Shuffle, GB", "Workers", "Minutes", "DPU-hours"], job_by_job
        ),
        "The settings for that:",
        _settings(largest),
    ]
    return "\n\n".join(parts)


def _settings(needed: Sequence[Need]) -> str:
    """Return what to set in Terraform, formatted as `terraform fmt` does."""
    more = [each for each in needed if each.workers > DEFAULT_WORKERS]
    width = max((len(each.job) for each in more), default=0)
    lines = [f"  {each.job:{width}} = {{ number_of_workers = {each.workers} }}" for each in more]
    return "\n".join(["```hcl", "job_settings = {", *lines, "}", "```"])
