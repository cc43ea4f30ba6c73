"""Run a Glue job that no workflow starts, and follow it to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from lakehouse.errors import LakehouseError
from lakehouse.workflow import JobRun

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient


def run_to_end(
    glue: GlueClient,
    name: str,
    arguments: Mapping[str, str],
    *,
    script: str,
    pause: float,
    on_change: Callable[[JobRun], None],
    busy: str,
) -> JobRun:
    """Start a run of a job and poll it until it has ended; call back on each change.

    Args:
        glue: Client of AWS Glue.
        name: Name of the Glue job.
        arguments: Arguments of the run, besides those of the job.
        script: Short name of the job, for the operator.
        pause: Seconds between two requests.
        on_change: Called with each new state.
        busy: Message of the LakehouseError that is raised if the job runs already.

    """
    try:
        run = glue.start_job_run(JobName=name, Arguments=arguments)["JobRunId"]
    except glue.exceptions.ConcurrentRunsExceededException as error:
        raise LakehouseError(busy) from error
    latest = None
    while True:
        found = glue.get_job_run(JobName=name, RunId=run)["JobRun"]
        now = JobRun(script, state=found["JobRunState"], id=run, message=found.get("ErrorMessage"))
        if now != latest:
            on_change(now)
            latest = now
        if "CompletedOn" in found:
            return now
        time.sleep(pause)
