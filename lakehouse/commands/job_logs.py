"""Read the logs of jobs: logs."""

from __future__ import annotations

import difflib
import time

from lakehouse.environments import Environment
from lakehouse.errors import CommandInterruptedError, LakehouseError
from lakehouse.job_logs import FORGET, JobLogs, Tail
from lakehouse.run_folder import LATEST
from lakehouse.run_ids import matching, short
from lakehouse.tables import ALL_STEPS, TABLE_OF_JOB
from lakehouse.workflow import JobRun, WorkflowRun

JOBS = (*TABLE_OF_JOB, ALL_STEPS, FORGET)


def logs(environment: Environment, job: str, run: str, *, follow: bool) -> None:
    """Print the logs of the jobs of a run, by default of the last one; follow them to the end of the run if asked."""
    if job and job not in JOBS:
        near = difflib.get_close_matches(job, JOBS, 1)
        meant = f" Did you mean {near[0]}?" if near else f" The jobs are: {', '.join(JOBS)}."
        raise LakehouseError(
            f"JOB={job!r} is not a job.{meant} Run: make logs{environment.option} JOB={near[0] if near else JOBS[0]}"
        )
    try:
        with environment.job_logs() as source:
            _print(environment, source, _select(environment, source, job, run), job, follow=follow)
    except KeyboardInterrupt:
        raise CommandInterruptedError("Interrupted. The jobs go on without this command.") from None


def _select(environment: Environment, source: JobLogs, job: str, typed: str) -> WorkflowRun:
    """Return the newest run with this id, in which this job has started."""
    typed = "" if typed == LATEST else typed
    known = []
    for run in source.runs():
        started = [each for each in run.jobs if each.id]
        if typed and not matching([run.id, *(str(each.id) for each in started)], typed):
            known.append(run.id)
        elif not job or any(each.name == job for each in started):
            return run if typed in ("", run.id) else _narrowed(run, typed)
        elif typed:
            names = ", ".join(each.name for each in started) or "none"
            raise LakehouseError(
                f"{job} has not started in run {short(run.id)}. Those that have: {names}. "
                f"Run: make logs{environment.option} RUN={short(run.id)}"
            )
    if typed and known:
        raise LakehouseError(
            f"RUN={typed!r} is no run of {environment.name} that has a log. There are: {', '.join(map(short, known))}. "
            f"Run: make logs{environment.option} RUN={short(known[0])}"
        )
    what = f"no log of {job}" if job else "no log of a run"
    raise LakehouseError(f"There is {what} in {environment.name} yet. Run: make run-pipeline{environment.option}")


def _narrowed(run: WorkflowRun, typed: str) -> WorkflowRun:
    """Return the run with the job run that was typed; with all of its jobs if the id is that of the run."""
    if matching([run.id], typed):
        return run
    jobs = tuple(job for job in run.jobs if job.id and matching([job.id], typed))
    return WorkflowRun(run.id, run.status, run.seconds, jobs)


def _print(environment: Environment, source: JobLogs, run: WorkflowRun, name: str, *, follow: bool) -> None:
    """Print the log of each job that has started, and with `follow` what comes until the last one has ended."""
    wanted = {job.name for job in run.jobs if name in ("", job.name)}
    tails: dict[str, Tail] = {}
    complete: set[str] = set()
    while True:
        jobs = [job for job in run.jobs if job.name in wanted]
        for job in jobs:
            if job.id and job.id not in complete:
                if job.id not in tails:
                    tails[job.id] = source.tail(job)
                    _print_head(environment, job)
                _print_lines(environment, job, tails[job.id])
                if run.ended or job.seconds is not None:
                    complete.add(job.id)
        if not follow or run.ended or all(job.seconds is not None for job in jobs):
            return
        time.sleep(environment.poll_seconds)
        run = source.again(run)


def _print_head(environment: Environment, job: JobRun) -> None:
    head = f"==> {job.name}, {short(str(job.id))}, {job.state} <=="
    environment.display.tell_event("job", head, style="bold", job=job.name, job_run_id=job.id, state=job.state)


def _print_lines(environment: Environment, job: JobRun, tail: Tail) -> None:
    for line in tail.read():
        environment.display.tell_event("log", line, job=job.name, job_run_id=job.id, text=line)
