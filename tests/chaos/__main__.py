"""`make chaos`: faults, tried for real on a whole lakehouse in an embedded AWS of its own, and what comes of each.

Two sets of landing data take turns, so that every table of one run differs from that of the run before; a third one
differs from the first in some files, so that most is kept of the run before. A run is struck at each of its jobs again
and again; after each fault all five tables are read as any client reads them. Then the run is let through, and must
leave what an undisturbed run on the same data left.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from random import Random, SystemRandom
from subprocess import Popen

from rich.console import Console
from rich.table import Table

from bench import copies
from lakehouse import landing, sample
from lakehouse.tables import ALL_STEPS, TABLE_OF_JOB
from tests.chaos import faults
from tests.chaos.faults import Moment, Struck
from tests.chaos.lake import (
    HISTORY,
    LANDING,
    QUARANTINE,
    READERS,
    BrokenPromiseError,
    JobRun,
    Lake,
    Process,
    Tables,
    by_step,
)
from tests.support.knobs import one_of, whole_number
from tests.support.project import JOBS, ORCHESTRATIONS, REPOSITORY, Project, copy_of_project

SUMMARY = REPOSITORY / "build" / "chaos.json"
LAST = JOBS[-1]
READS_CUSTOMER_TRUSTED = "customer_trusted_to_curated"
KILLS_PER_ROUND = 25  # of all jobs: a round is one run that is struck until it is let through
STOPS = 3
ROLLBACKS = 6
RERUNS = 3
UNSEEN = -1
BAD_LINE = b'{"user": "nobody", "email": "nobody"}\n'
A, B, PART_OF_A, MORE_THAN_A = range(4)
"""The sets of landing data; part of A lacks readings, in a file that is gone and in one of other content.

More than A has further files: as many customers again, with later readings.
"""
SETS = ("A", "B", "part of A", "more than A")


@dataclass
class Try:
    """One fault, and what came of it."""

    fault: str
    job: str
    what: str
    struck: bool
    """Whether the fault kept the job from ending well; it may have come too late."""
    new_tables: int
    """How many of the five tables readers then saw new; the tables themselves say which. -1: nobody looked."""
    said: str
    """What the job or the refusal said."""


@dataclass
class Chaos:
    """A lakehouse under test, and what has been tried on it."""

    lake: Lake
    project: Project
    random: Random
    console: Console
    tries: list[Try] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    healed: int = 0
    """Runs that were let through after their faults, and left what an undisturbed run leaves."""
    data: list[Path] = field(default_factory=list)
    rows: list[Tables] = field(default_factory=list)
    bad_lines: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    """How long each job took when it was left alone."""
    _number: int = 0
    _now: int = A
    """The set of landing data that is there."""
    _before: int = A
    """That of the run before."""

    # What is tried

    def kill(self, kills: int) -> None:
        """Kill every job at moments of its run that are equally likely, and the last one also while it publishes."""
        while kills:
            now, kills = min(kills, KILLS_PER_ROUND), kills - min(kills, KILLS_PER_ROUND)
            with self.round("kill -9") as (run_id, runs):
                jobs = self.lake.run_jobs
                for position, job in enumerate(jobs):
                    strikes = now // len(jobs) + (position >= len(jobs) - now % len(jobs))
                    for number in range(strikes):  # once it has published, no later kill finds it at work
                        self._kill(job, run_id, aimed=job == self.lake.publisher and number >= strikes / 2)
                    self._let_through(job, run_id, runs)

    def _kill(self, job: str, run_id: str, *, aimed: bool) -> None:
        for attempt in range(5):
            struck = Struck()
            if aimed and attempt == 0:  # when it comes too late all is published, and hardly a commit left to wait for
                moment = faults.while_publishing(self.random.randrange(6), self.lake)
                meanwhile = faults.kill_at(moment, self.random.uniform(0, 0.15), self.random, struck)
            else:
                # A retry that finds its work done ends sooner than the job that was left alone.
                longest = self.seconds[job] / 2**attempt
                meanwhile = faults.kill_after(self.random.uniform(0, longest), self.random, struck)
            if self.strike("kill -9", job, run_id, struck, meanwhile=meanwhile):
                return
        raise BrokenPromiseError(f"chaos itself: no kill of {job} came in time")

    def kill_while_keeping(self) -> None:
        """Kill jobs at each step of what they keep: parsed rows, unchanged tables, the history, the dataset card."""
        rounds = [("some landing files are other ones", PART_OF_A), ("nothing is new", PART_OF_A), ("back again", A)]
        rounds.append(("customers came, with their readings", MORE_THAN_A))
        if self._now != A:
            rounds.insert(0, ("all landing files are other ones", A))
        for kind, data in rounds:
            with self.round(kind, data=data) as (run_id, runs):
                for job in self.lake.run_jobs:
                    for step in JOBS:
                        if self.lake.job_of(step) == job:
                            self._kill_while_keeping(step, run_id)
                    self._let_through(job, run_id, runs)

    def _kill_while_keeping(self, step: str, run_id: str) -> None:
        """Kill the job of a step at each of its moments, each of which is looked for in a job run of its own."""
        moments: list[tuple[Callable[[], Moment], float]] = []  # and for how many seconds each lasts, about
        for table in (table for table, reader in READERS.items() if reader == step and self._is_other(table)):
            moments.append((partial(faults.parsed_without_manifest, table, self.lake), 0.1))
            moments.append((partial(faults.parsed_before_deletion, table, self.lake), 0.05))
        # A branch is created, then the rows are committed to it; before that, a branch of a killed job is dropped.
        commit = partial(faults.after_commits, self.random.randrange(1, 4), self.lake, TABLE_OF_JOB[step])
        moments.append((commit, 0.1))
        if step == LAST:
            moments.append((partial(faults.while_publishing, self.random.randrange(1, 6), self.lake), 0.05))
            moments.append((faults.after_publishing, 2))
            moments.append((partial(faults.writing_the_card, self.lake), 0))
        for moment, seconds in moments:
            struck = Struck()
            kill = faults.kill_at(moment(), self.random.uniform(0, seconds), self.random, struck)
            self.strike("kill -9 at a step", self.lake.job_of(step), run_id, struck, meanwhile=kill)

    def _is_other(self, table: str) -> bool:
        """Whether a landing table has other files than in the run before."""
        before, now = (self.data[number] / table.removesuffix("_landing") for number in (self._before, self._now))
        return {file.name: file.read_bytes() for file in before.rglob("*.json")} != {
            file.name: file.read_bytes() for file in now.rglob("*.json")
        }

    def _let_through(self, job: str, run_id: str, runs: dict[str, JobRun]) -> None:
        runs.update(by_step({job: self.lake.succeed(job, run_id)}))

    def damage(self) -> None:
        """Break what jobs write, damage what they read, and put their clocks wrong."""
        with self.round("damage") as (run_id, runs):
            broken = self.random.sample((self._fill_disk, self._make_read_only, self._fail_some_writes), 3)
            for number, step in enumerate(JOBS):
                job = self.lake.job_of(step)
                for break_writes in broken if step == LAST else [broken[number % 3]]:
                    break_writes(step, run_id)
                if job == READS_CUSTOMER_TRUSTED:  # a job of all steps reads what it has written itself
                    self._corrupt_input(job)
                if step in (JOBS[0], LAST):
                    self._skew_clock(step, run_id)
                if step == LAST or job != self.lake.publisher:
                    self._let_through(job, run_id, runs)

    def _fill_disk(self, step: str, run_id: str) -> None:
        struck = Struck()
        disk = faults.fill_disk(self.random.randrange(256, 2048), struck)
        self.strike("full disk", self.lake.job_of(step), run_id, struck, meanwhile=disk)

    def _make_read_only(self, step: str, run_id: str) -> None:
        refusal = faults.refused_writes(self.lake, "warehouse/*")
        self.strike("read-only bucket", self.lake.job_of(step), run_id, Struck("no write"), surroundings=refusal)

    def _fail_some_writes(self, step: str, run_id: str) -> None:
        keys, job = faults.some_writes(self.lake, step, self.random), self.lake.job_of(step)
        refusal = faults.refused_writes(self.lake, keys)
        said = self.strike("S3 error in a write", job, run_id, Struck(f"no write of {keys}"), surroundings=refusal)
        if job == ALL_STEPS:  # it fails in the step that writes the table, long before the last step publishes it
            step = next((writer for writer, table in TABLE_OF_JOB.items() if f"/{table}/" in keys), step)
        self._check_names(step, said)

    def _corrupt_input(self, job: str) -> None:
        """Damage a file of each kind of the published table that the job reads: it must say which file.

        The job runs alone. In a workflow run it would take its rows over without reading, since nothing has changed.
        """
        for kind, uri in faults.files_of(self.lake, "customer_trusted").items():
            how = self.random.choice((faults.truncated, faults.overwritten_with_noise))
            damage = faults.overwritten(self.lake, uri, how(self.random))
            struck = Struck(f"{kind} of customer_trusted {how.__name__.replace('_', ' ')}")
            said = self.strike("corrupt input", job, "", struck, surroundings=damage)
            if Path(uri).name not in said:
                self.breaks(f"the error names the damaged {kind} {uri}: {said}")

    def _skew_clock(self, step: str, run_id: str) -> None:
        """Let the job find a table that a clock far ahead of its own has written."""
        table, hours = TABLE_OF_JOB[step], self.random.uniform(0.1, 12)
        uri = faults.files_of(self.lake, table)["metadata file"]
        ahead = faults.overwritten(self.lake, uri, faults.written_in_the_future(hours))
        struck = Struck(f"{table} was written {hours:.1f} h ahead")
        said = self.strike("clock skew", self.lake.job_of(step), run_id, struck, surroundings=ahead)
        if "clock" not in said:
            self.breaks(f"the error names the clock: {said}")
        self._check_names(step, said)

    def _check_names(self, step: str, said: str) -> None:
        """Check that the error of a job names the step that failed by its table, as every error does."""
        if said and f"{TABLE_OF_JOB[step]}: " not in said:
            self.breaks(f"the error names the step {step}: {said}")

    def stop(self) -> None:
        """Stop workflow runs at random moments, and start second ones beside them."""
        with self.round("workflow stopped", new_run=False) as (_, runs):
            for number in range(STOPS):
                run_id = self._start()
                if number == 0:
                    self._refuse_second_run(run_id)
                    after = 0.0
                else:
                    after = self.random.uniform(0, sum(self.seconds.values()))
                    time.sleep(after)
                with suppress(self.lake.glue.exceptions.IllegalWorkflowStateException):  # it has ended already
                    self.lake.glue.stop_workflow_run(Name=self.lake.workflow, RunId=run_id)
                jobs = self._wait(run_id)
                new = self._look(run_id, publishing=self.lake.publisher in jobs)
                states = ", ".join(f"{job} {run.state}" for job, run in jobs.items())
                struck = any(run.state == "STOPPED" for run in jobs.values())
                self._note(Try("workflow stopped", "", f"after {after:.1f} s", struck, new, states))
            runs.update(by_step(self._wait(self._start())))

    def _refuse_second_run(self, run_id: str) -> None:
        before = self.lake.objects(*LANDING)
        try:
            self._start()
            said = ""
        except self.lake.glue.exceptions.ConcurrentRunsExceededException as error:
            said = str(error)
        done = self.project.lakehouse("run", "--data", str(self.data[self._now]))
        if not said or done.returncode == 0 or "Traceback" in done.stderr or self.lake.objects(*LANDING) != before:
            self.breaks(f"a second run is refused: {said} {done.stdout} {done.stderr}")
        last_words = " ".join(done.stderr.split())
        self._note(Try("two runs at once", "", "", True, self._look(run_id, publishing=False), last_words))

    def operate_twice(self) -> None:
        """Let a second operator try everything at every moment of a run, also when the first one's command is gone."""
        for kills_first in (False, True):
            data = str(self.data[self._next()])
            commands = {  # which change nothing where they come too late to be refused
                "run": ("run", "--data", data),
                "apply": ("apply",),
                "landing": ("landing", "--data", data, "--yes"),
                "forget": ("forget", "--email", "nobody@example.org", "--dry-run"),
            }
            with self.round("second operator", new_run=False) as (_, runs):
                earlier = set(self._run_ids())
                first = self.project.start("run", "--data", data)
                run_id = ""
                while first.poll() is None:
                    time.sleep(self.random.uniform(0.2, 10))
                    if kills_first and (found := set(self._run_ids()) - earlier):
                        (run_id,) = found
                        first.kill()
                        break
                    name = self.random.choice(list(commands))
                    self._try_second(name, commands[name], partial(_lives, first))
                said, _ = first.communicate()
                if first.returncode and not run_id:
                    self.breaks(f"the first operator is not disturbed: {said}")
                while run_id and self._is_running(run_id):
                    time.sleep(self.random.uniform(0.2, 10))
                    name = self.random.choice(list(commands))
                    self._try_second(name, commands[name], partial(self._is_running, run_id))
                for run_id in self._run_ids():  # a second operator who came too late to be refused has started another
                    if run_id not in earlier:
                        runs.update(by_step(self._wait(run_id)))
                self.project.succeed(*commands["landing"])  # the lease is free

    def _try_second(self, name: str, command: tuple[str, ...], first_lives: Callable[[], bool]) -> None:
        before = self.lake.objects(*LANDING)
        done = self.project.lakehouse(*command)
        said = " ".join(done.stderr.split())
        if not first_lives():
            return
        refused = (
            done.returncode != 0
            and ("has been running since" in said or "in progress" in said)
            and "Nothing was touched" in said
        )
        if not refused or "Traceback" in said or (name == "landing" and self.lake.objects(*LANDING) != before):
            self.breaks(f"a second operator's {name} is refused: {done.stdout} {done.stderr}")
        self._note(Try("second operator", name, "", True, UNSEEN, said))

    def go_back(self, folder: Path) -> None:
        """Kill rollbacks between their commits: `make rollback` completes them, and all tables are those of one run."""
        self.console.print("[bold]rollback[/]")
        rows = []
        # A run without a customer of an earlier one withdraws them, which no rollback undoes: the second run has all.
        for number, sources in enumerate(([self.data[A]], [self.data[A], self.data[B]])):
            data = folder / f"back{number}"
            for source in sources:
                for file in source.glob("*/landing/*"):
                    place = data / file.relative_to(source).parent / f"{source.name}-{file.name}"
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.symlink_to(file)
            landing.replace(self.lake.s3, self.lake.bucket, landing.find(data))
            self.lake.run_all(f"wr_back_{number}")
            rows.append(self.lake.tables())
        for number in range(ROLLBACKS):
            target = number % 2
            old, new, run_id = rows[1 - target], rows[target], f"wr_back_{target}"
            struck = Struck()
            moment = faults.after_commits(self.random.randrange(6), self.lake)
            kill = faults.kill_at(moment, self.random.uniform(0, 0.15), self.random, struck)
            try:
                run = self.lake.run("rollback", "", kill, run=run_id)
                seen = self.lake.check_readers(old, new, run_id, publishing=True)
                self._note(Try("rollback", "rollback", struck.what, run.state != "SUCCEEDED", seen, run.said))
                self.project.succeed("rollback", "--run", run_id)
                if self.lake.check_readers(old, new, run_id, publishing=True) != len(new):
                    self.breaks(f"a rollback to {run_id} is completed by the same command")
            except (BrokenPromiseError, AssertionError) as promise:
                self.breaks(f"rollback: {promise}")

    def continue_failed(self) -> None:
        """Kill a job of a workflow run, and continue the run from there with `make rerun`."""
        for _ in range(RERUNS):
            with self.round("rerun", new_run=False) as (_, runs):
                run_id, job = self._start(), self.random.choice(self.lake.run_jobs)
                struck = Struck()
                while not (found := self._started(run_id).get(job)):
                    time.sleep(0.05)
                process = self.lake.process(found)
                while not process.leader:
                    time.sleep(0.01)
                faults.kill_after(self.random.uniform(0, self.seconds[job]), self.random, struck)(process)
                ended = self._wait(run_id)
                failed = any(run.state != "SUCCEEDED" for run in ended.values())
                new = self._look(run_id, publishing=job == self.lake.publisher)
                self._note(Try("rerun", job, struck.what, failed, new, ended[job].said))
                done = self.project.lakehouse("resume", "--run", run_id)
                said = " ".join(f"{done.stdout} {done.stderr}".split())
                steps = by_step({job: ended[job]})  # one of these
                expected = [f"continues with {step}" for step in steps] if failed else ["there is nothing to repeat"]
                if (done.returncode == 0) != failed or not any(words in said for words in expected):
                    self.breaks(f"a failed run continues with its failed job: {said}")
                runs.update(self.lake.writers(run_id))

    def _started(self, run_id: str) -> dict[str, str]:
        """Return the job run of each job of a workflow run that has started."""
        run = self.lake.glue.get_workflow_run(Name=self.lake.workflow, RunId=run_id, IncludeGraph=True)["Run"]
        found = {node["Name"]: node.get("JobDetails", {}).get("JobRuns", []) for node in run["Graph"]["Nodes"]}
        return {job: found[name][-1]["Id"] for job, name in self.lake.jobs.items() if found.get(name)}

    def run_beside(self) -> None:
        """Let jobs that know no Iceberg begin and end at every moment of a run."""
        name = self.lake.add_plain_job()
        with self.round("plain job beside", new_run=False) as (_, runs):
            run_id, count = self._start(), 0
            while self._is_running(run_id):
                count += 1
                self.lake.run_plain_job(name, seconds=self.random.uniform(0, 3))
            runs.update(by_step(self._wait(run_id)))
            self._note(Try("plain job beside", "", f"{count} of them", True, self._look(run_id, publishing=True), ""))

    def _run_ids(self) -> list[str]:
        """Return the ids of all workflow runs in the order in which they were started."""
        runs = self.lake.glue.get_workflow_runs(Name=self.lake.workflow)["Runs"]
        return [run["WorkflowRunId"] for run in sorted(runs, key=lambda run: run["StartedOn"])]

    def _is_running(self, run_id: str) -> bool:
        run = self.lake.glue.get_workflow_run(Name=self.lake.workflow, RunId=run_id)["Run"]
        return bool(run["Status"] == "RUNNING")

    # How

    @contextmanager
    def round(
        self, kind: str, *, new_run: bool = True, data: int | None = None
    ) -> Iterator[tuple[str, dict[str, JobRun]]]:
        """Yield a run and check its outcome.

        `data` is the set of landing data, by default one of which all rows are other ones than those of the run before.
        `runs` gets, by step, the job runs that ended well.
        """
        self._number += 1
        self._before, self._now = self._now, self._next() if data is None else data
        self._upload()
        untouched, quarantined = self.lake.objects(*LANDING), self.lake.objects(QUARANTINE)
        runs: dict[str, JobRun] = {}
        self.console.print(f"[bold]{kind}[/], data set {SETS[self._now]}")
        try:
            yield f"wr_chaos_{self._number}" if new_run else "", runs
            self.lake.check_healed(self._new, runs, self.bad_lines)
            self.lake.check_objects({**untouched, **quarantined})
        except BrokenPromiseError as promise:
            self.breaks(f"{kind}: {promise}")
        else:
            self.healed += 1

    def strike(
        self,
        fault: str,
        job: str,
        run_id: str,
        struck: Struck,
        *,
        meanwhile: Callable[[Process], None] = lambda _: None,
        surroundings: AbstractContextManager[None] | None = None,
    ) -> str:
        """Run a job with a fault, look at what readers see, and return what the job said; nothing if it ended well."""
        with surroundings or nullcontext():
            run = self.lake.run(job, run_id, meanwhile)
        said = "" if run.state == "SUCCEEDED" else run.said or "nothing"
        if said and not struck.what:
            self.breaks(f"chaos itself: {job} failed before the fault: {said}")
        if "The embedded AWS failed" in said or "Traceback" in said:
            self.breaks(f"the error is clear: {said}")
        new = self._look(run_id, publishing=job == self.lake.publisher)
        self._note(Try(fault, job, struck.what, bool(said), new, said))
        return said

    def learn(self, folder: Path) -> None:
        """Make the sets of landing data, and learn what undisturbed runs make of them and how long they take."""
        self.data = [folder / name for name in SETS]
        for number, customers in ((A, 150), (B, 120)):
            sample.generate(self.data[number], seed=self.random.randrange(10**6), customers=customers)
            (self.data[number] / sample.EXPECTED).unlink()
            for entity in landing.ENTITIES:
                file = min((self.data[number] / entity / "landing").iterdir())
                file.write_bytes(BAD_LINE + file.read_bytes())
        shutil.copytree(self.data[A], self.data[PART_OF_A])
        for entity in ("accelerometer", "step_trainer"):
            *_, shorter, gone = sorted((self.data[PART_OF_A] / entity / "landing").iterdir())
            lines = shorter.read_bytes().splitlines(keepends=True)
            shorter.write_bytes(b"".join(lines[: len(lines) // 2]))
            gone.unlink()
        shutil.copytree(self.data[A], self.data[MORE_THAN_A])
        shift = copies.shift_of(self.data[A])
        for entity in landing.ENTITIES:
            for file in copies.files_of(self.data[A], entity):
                content = file.read_bytes().replace(BAD_LINE, b"")
                heads = {head for head, _ in copies.TIME.findall(content)}
                more = self.data[MORE_THAN_A] / file.relative_to(self.data[A])
                more.with_name(f"more-{file.name}").write_bytes(copies.copy(content, 1, shift, heads))
        self.bad_lines = {f"{entity}_landing": 1 for entity in landing.ENTITIES}
        rows = {}
        for self._now in (MORE_THAN_A, B, PART_OF_A, B, A):  # no two after each other share a file
            self._upload()
            runs = self.lake.run_all(f"wr_undisturbed_{self._now}")
            rows[self._now] = self.lake.tables()
            self.seconds = {job: min(run.seconds, self.seconds.get(job, run.seconds)) for job, run in runs.items()}
        self.rows = [rows[number] for number in range(len(SETS))]
        if same := [name for name in rows[A] if rows[A][name] == rows[B][name]]:
            raise BrokenPromiseError(f"chaos itself: the data sets give the same {same}")
        took = ", ".join(f"{job} {seconds:.1f} s" for job, seconds in self.seconds.items())
        self.console.print(f"Undisturbed: {took}")

    def breaks(self, promise: str) -> None:
        """Note a broken promise."""
        self.broken.append(promise)
        self.console.print(f"  BROKEN {promise}", style="red", markup=False, soft_wrap=True)

    @property
    def _old(self) -> Tables:
        return self.rows[self._before]

    @property
    def _new(self) -> Tables:
        return self.rows[self._now]

    def _next(self) -> int:
        return A if self._now == B else B

    def _look(self, run_id: str, *, publishing: bool) -> int:
        try:
            return self.lake.check_readers(self._old, self._new, run_id, publishing=publishing)
        except BrokenPromiseError as promise:
            self.breaks(str(promise))
            return UNSEEN

    def _note(self, tried: Try) -> None:
        self.tries.append(tried)
        outcome = f"{tried.new_tables} of 5 tables new" if tried.struck else "too late, the job had done its work"
        if tried.new_tables == UNSEEN:
            outcome = "refused"
        self.console.print(
            f"  {tried.fault}: {tried.job} {tried.what}: {outcome}", markup=False, highlight=False, soft_wrap=True
        )

    def _upload(self) -> None:
        landing.replace(self.lake.s3, self.lake.bucket, landing.find(self.data[self._now]))

    def _start(self) -> str:
        run_id: str = self.lake.glue.start_workflow_run(Name=self.lake.workflow)["RunId"]
        return run_id

    def _wait(self, run_id: str) -> dict[str, JobRun]:
        while True:
            run = self.lake.glue.get_workflow_run(Name=self.lake.workflow, RunId=run_id, IncludeGraph=True)["Run"]
            if run["Status"] not in ("RUNNING", "STOPPING"):
                break
            time.sleep(0.5)
        latest = {
            node["Name"]: node["JobDetails"]["JobRuns"][-1]
            for node in run["Graph"]["Nodes"]
            if node.get("JobDetails", {}).get("JobRuns")
        }
        return {
            job: JobRun(
                latest[name]["Id"],
                latest[name]["JobRunState"],
                latest[name].get("ErrorMessage", ""),
                latest[name]["ExecutionTime"],
            )
            for job, name in self.lake.jobs.items()
            if name in latest
        }

    # The summary

    def report(self, seed: int, seconds: float) -> None:
        """Write build/chaos.json and show what it says."""
        kills = sum(1 for tried in self.tries if tried.fault.startswith("kill -9") and tried.struck)
        summary = {
            "seed": seed,
            "jobs": self.lake.run_jobs,
            "seconds": round(seconds),
            "kills": kills,
            "undisturbed_seconds": self.seconds,
            "healed": self.healed,
            "broken": self.broken,
            "tries": [asdict(tried) for tried in self.tries],
        }
        SUMMARY.parent.mkdir(exist_ok=True)
        SUMMARY.write_text(json.dumps(summary, indent=2) + "\n")
        self.console.print(self.table())
        self.console.print(
            f"{kills} kills, {len(self.tries)} faults in all; {self.healed} runs healed; {len(self.broken)} promises "
            f"broken; {seconds:.0f} s with seed {seed}. {SUMMARY}",
            soft_wrap=True,
        )

    def table(self) -> Table:
        """Return the tries by fault and job, and what readers saw."""
        table = Table("Fault", "Job", "Struck", "All old", "Partly new, and said so", "All new")
        table.columns[0].no_wrap = table.columns[1].no_wrap = True
        groups: dict[tuple[str, str], list[Try]] = {}
        for tried in self.tries:
            if tried.struck:
                groups.setdefault((tried.fault, tried.job), []).append(tried)
        for (fault, job), tries in groups.items():
            new = [tried.new_tables for tried in tries]
            partly = sum(1 for count in new if 0 < count < 5)
            table.add_row(fault, job, *(f"{count or ''}" for count in (len(new), new.count(0), partly, new.count(5))))
        return table


def _lives(process: Popen[str]) -> bool:
    return process.poll() is None


def main() -> None:
    """Try the faults and tell what came of them; exit 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument(
        "--only",
        action="append",
        choices=["operators", "beside", "stop", "damage", "kill", "keep", "rerun", "rollback"],
    )
    arguments = parser.parse_args()
    seed, kills = whole_number("SEED", SystemRandom().randrange(10**6)), whole_number("KILLS", 50)
    orchestration = one_of("ORCHESTRATION", ORCHESTRATIONS)
    # For all commands, also those of a second operator.
    os.environ.update(TF_VAR_orchestration=orchestration, TF_VAR_history=json.dumps({"runs": HISTORY}))
    console, started = Console(width=None if sys.stdout.isatty() else 120), time.monotonic()
    console.print(f"Seed {seed}, orchestration {orchestration}")
    with tempfile.TemporaryDirectory() as folder:
        project = copy_of_project(Path(folder) / "project")
        try:
            project.succeed("apply")
            chaos = Chaos(Lake(project), project, Random(seed), console)
            chaos.learn(Path(folder))
            phases: dict[str, Callable[[], None]] = {
                "operators": chaos.operate_twice,
                "beside": chaos.run_beside,
                "stop": chaos.stop,
                "damage": chaos.damage,
                "kill": partial(chaos.kill, kills),
                "keep": chaos.kill_while_keeping,
                "rerun": chaos.continue_failed,
                "rollback": partial(chaos.go_back, Path(folder)),
            }
            try:
                for phase, try_faults in phases.items():
                    if not arguments.only or phase in arguments.only:
                        try_faults()
            finally:
                chaos.report(seed, time.monotonic() - started)
        finally:
            project.lakehouse("down")
    sys.exit(1 if chaos.broken else 0)


if __name__ == "__main__":
    main()
