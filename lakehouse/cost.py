"""What Glue bills for job runs, in DPU-seconds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

MINIMUM_SECONDS = 60
WORKER_TYPE = re.compile(r"[GR]\.([0-9]+)X")


def dpu_seconds(attempts: Iterable[Mapping[str, Any]]) -> int | None:
    """Return what all attempts of a job run cost, or on the embedded AWS would cost; None if Glue does not tell.

    An attempt is a JobRun of Glue's API. Glue states its DPU-seconds only with FLEX or auto scaling; otherwise each
    worker is billed for the duration, at least a minute. A worker of type G.2X has two DPUs.
    """
    each = [_of_attempt(attempt) for attempt in attempts]
    return sum(known) if (known := [cost for cost in each if cost is not None]) and len(known) == len(each) else None


def total(costs: Iterable[int | None]) -> int | None:
    """Return the sum of the costs of jobs, without those that did not start; None if nothing is known."""
    known = [cost for cost in costs if cost is not None]
    return sum(known) if known else None


def _of_attempt(attempt: Mapping[str, Any]) -> int | None:
    if "DPUSeconds" in attempt:
        return round(float(attempt["DPUSeconds"]))
    worker = WORKER_TYPE.fullmatch(str(attempt.get("WorkerType")))
    workers, seconds = attempt.get("NumberOfWorkers"), attempt.get("ExecutionTime")
    if worker is None or workers is None or seconds is None or "CompletedOn" not in attempt:
        return None
    return int(worker[1]) * int(workers) * max(int(seconds), MINIMUM_SECONDS)
