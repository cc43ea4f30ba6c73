"""Show a workflow run while it is in progress: the states and seconds of its jobs, their rows and drop reasons."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from rich.console import Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from lakehouse.console import REFRESHES_PER_SECOND, Display, heartbeat
from lakehouse.reconciliation import Reconciliation
from lakehouse.run_ids import short
from lakehouse.tables import TABLE_OF_JOB
from lakehouse.workflow import NOT_STARTED, SUCCEEDED, JobRun, WorkflowRun

ROWS_SECONDS = 2.0
"""Seconds between two requests for the rows of a running job."""


class RunView:
    """What an operator sees of a run: a line for each change, and on a terminal what is in progress below them.

    Rows are told as soon as a job has recorded them. On a terminal those of a running job are shown below it, and
    printed once it has ended; those of a job of several steps at once, since they are many.
    """

    def __init__(
        self,
        display: Display,
        rows: Callable[[], Sequence[Reconciliation]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._display = display
        self._rows = rows
        self._clock = clock
        self._started = clock()
        self._asked = self._started
        self._run: WorkflowRun | None = None
        self._known: list[Reconciliation] = []
        self._told: dict[tuple[str, str], Reconciliation] = {}
        """What was printed, by job and input; a job that is tried again may find other numbers."""
        self._states: dict[str, tuple[str | None, str]] = {}
        self._since: dict[str, float] = {}
        """When this command first saw each attempt of a job: the clocks of Glue and of this machine may differ."""
        self._spinner = Spinner("dots")

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Keep the view up to date while the context lasts."""
        if self._display.live:
            live = Live(
                get_renderable=self.renderable,
                console=self._display.console,
                refresh_per_second=REFRESHES_PER_SECOND,
                transient=True,
            )
            with live:
                yield
        else:
            with heartbeat(self._beat):
                yield

    def change(self, run: WorkflowRun) -> None:
        """Take the new state of the run."""
        self._run = run
        changed = [job for job in run.jobs if job.id and self._states.get(job.name) != (job.id, job.state)]
        if any(job.seconds is not None for job in changed):
            self._read_rows()
        for job in changed:
            self._states[job.name] = (job.id, job.state)
            self._since.setdefault(str(job.id), self._clock())
            self._tell_job(job)

    def poll(self) -> None:
        """Look for new rows of the running jobs, at most every two seconds."""
        if self._clock() - self._asked >= ROWS_SECONDS and self._running():
            self._read_rows()
            for job in self._running():
                if not self._display.live or _runs_all_steps(job):
                    self._tell_rows(job)

    def renderable(self) -> RenderableType:
        """Return what is in progress, for a terminal."""
        if self._run is None:
            return Text("")
        lines: list[RenderableType] = []
        for job in self._running():
            self._spinner.update(text=Text(f"{job.name} {job.state} {self._elapsed(job):.0f} s"))
            lines.append(self._spinner)
            lines += [Text(f"    {line}", style="dim") for line in _lines(self._untold(job))]
        done = sum(job.state == SUCCEEDED for job in self._run.jobs)
        waiting = [job.name for job in self._run.jobs if job.state == NOT_STARTED]
        then = f", then {', '.join(waiting)}" if waiting else ""
        lines.append(Text(f"  {done} of {len(self._run.jobs)} jobs done, {self._total():.0f} s in all{then}", "dim"))
        return Group(*lines)

    def _running(self) -> list[JobRun]:
        return [job for job in self._run.jobs if job.id and job.seconds is None] if self._run else []

    def _elapsed(self, job: JobRun) -> float:
        return self._clock() - self._since.get(str(job.id), self._clock())

    def _total(self) -> float:
        return self._clock() - self._started

    def _read_rows(self) -> None:
        self._asked = self._clock()
        # Whatever the error, the run goes on: the report reads the rows again at its end, and raises it then.
        with suppress(Exception):
            self._known = list(self._rows())

    def _untold(self, job: JobRun) -> list[Reconciliation]:
        return [
            found
            for found in self._known
            if (found.job == job.name or _runs_all_steps(job)) and self._told.get((found.job, found.table)) != found
        ]

    def _tell_job(self, job: JobRun) -> None:
        took = f" ({job.seconds:.1f} s)" if job.seconds is not None else ""
        # A terminal shows running jobs below, unless their rows are printed as they come.
        hidden = self._display.live and job.seconds is None and not _runs_all_steps(job)
        self._display.tell_event(
            "job",
            None if hidden else f"  {job.name} {job.state}{took}",
            job=job.name,
            state=job.state,
            job_run_id=job.id,
            seconds=job.seconds,
            message=job.message,
        )
        if job.seconds is not None:
            self._tell_rows(job)

    def _tell_rows(self, job: JobRun) -> None:
        untold = self._untold(job)
        if untold and not self._display.machine:
            self._display.say("\n".join(f"    {line}" for line in _lines(untold)))
        for found in untold:
            self._told[found.job, found.table] = found
            self._display.tell_event(
                "rows",
                None,
                job=found.job,
                target=found.target,
                written=found.written,
                unchanged=found.unchanged,
                **found.as_json(),
            )

    def _beat(self) -> None:
        if self._run is None:
            return
        for job in self._running():
            elapsed, total = self._elapsed(job), self._total()
            line = f"  {job.name} {job.state} for {elapsed:.0f} s, {total:.0f} s in all"
            self._display.tell_event(
                "heartbeat", line, job=job.name, state=job.state, seconds=round(elapsed, 1), total=round(total, 1)
            )


def head(run_id: str, profile: str, data: str) -> str:
    """Return the line above a run."""
    return f"Run {short(run_id)}, profile {profile}, data: {data}"


def _runs_all_steps(job: JobRun) -> bool:
    """Whether a job has the rows of every step, as with orchestration = "single_job"."""
    return job.name not in TABLE_OF_JOB


def _lines(reconciliations: Sequence[Reconciliation]) -> list[str]:
    """Return the rows read by each job, and behind them those of the table that it wrote."""
    lines = []
    for position, found in enumerate(reconciliations):
        lines += found.lines()
        is_last = position + 1 == len(reconciliations) or reconciliations[position + 1].job != found.job
        if is_last and found.written is not None:
            lines.append(f"{found.target}: {found.written:,} {'unchanged' if found.unchanged else 'written'}")
    return lines
