"""The lake as its readers see it, and what must be true of it whatever has failed."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.table import Table
from pyiceberg.table.refs import SnapshotRefType

import embedded_aws
from lakehouse import landing
from lakehouse.resumption import branch_of
from lakehouse.tables import ACCOUNTED_FOR, ALL_STEPS, TABLE_OF_JOB, ZONES, Publication, outdated
from tests.support.project import ICEBERG_TABLES, JOBS, Project

Rows = Counter[tuple[Any, ...]]
Tables = Mapping[str, Rows]

IN_ORDER_OF_PUBLICATION = [
    "machine_learning_curated",
    "step_trainer_trusted",
    "customers_curated",
    "accelerometer_trusted",
    "customer_trusted",
]
LANDING = tuple(landing.prefix(entity) for entity in landing.ENTITIES)
QUARANTINE = "quarantine/"
PARSED = "parsed/"
PEOPLE = f"{PARSED}people_of_training_rows/"
MANIFEST = "_manifest.json"  # of a batch of parsed rows
CARD = "training/"
HISTORY = 2  # runs that the tables keep
READERS = {source: step for step, tables in ACCOUNTED_FOR.items() for source in tables if source in ZONES["landing"]}
"""The step that reads each landing table."""
OPERATION = "chaos"  # all jobs that are started one by one belong to it
PLAIN_SCRIPT = b"import sys, time\ntime.sleep(float(sys.argv[sys.argv.index('--seconds') + 1]))\n"
PATIENCE = 300.0  # seconds for one job, on a busy machine


class BrokenPromiseError(AssertionError):
    """What readers or operators were promised is not so."""


@dataclass(frozen=True)
class JobRun:
    """How a run of a job ended."""

    id: str
    state: str
    said: str
    seconds: float
    """For how long its process was there."""


class Process:
    """The process group of a job run: the script and what it starts, in the folder of the run, behind its guard."""

    def __init__(self, folder: Path, server: psutil.Process) -> None:
        self.folder = folder
        self._server = server
        self._leader: psutil.Process | None = None

    @property
    def leader(self) -> psutil.Process | None:
        """The leader of the group, which is the script; None before there is one."""
        if self._leader is None:
            guards = [each for each in self._children(self._server) if self._is_here(each)]
            self._leader = next((each for guard in guards for each in self._children(guard)), None)
        return self._leader

    @property
    def alive(self) -> bool:
        """Whether the job still runs."""
        try:
            return self._leader is not None and self._leader.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def find(self, program: str) -> psutil.Process | None:
        """Return the job's own process of a program, "java" or "python"."""
        try:
            members = [self._leader, *self._leader.children(recursive=True)] if self._leader else []
            return next((each for each in members if program in Path(each.exe()).name and self._is_here(each)), None)
        except psutil.Error:
            return None

    def log(self) -> str:
        """Return what the job has written."""
        return (self.folder / "output.log").read_text(errors="replace")

    @staticmethod
    def _children(process: psutil.Process) -> list[psutil.Process]:
        try:
            return process.children()
        except psutil.Error:
            return []

    def _is_here(self, process: psutil.Process) -> bool:
        try:
            return Path(process.cwd()) == self.folder
        except (psutil.Error, FileNotFoundError):
            return False


class Lake:
    """A deployed project: jobs to start, tables to read, promises to check."""

    def __init__(self, project: Project) -> None:
        self.environment = project.environment()
        self.glue, self.s3 = project.client("glue"), project.client("s3")
        self.bucket, self.database = self.environment["STEDI_BUCKET"], self.environment["STEDI_DATABASE"]
        self.workflow = self.environment["STEDI_WORKFLOW"]
        running = embedded_aws.status(project.root)
        assert running
        self._server = psutil.Process(running.pid)
        self._folder = project.root.resolve() / "build/local"
        self.jobs = {Path(job["Command"]["ScriptLocation"]).stem: job["Name"] for job in self.glue.get_jobs()["Jobs"]}
        self.run_jobs = [job for job in (*JOBS, ALL_STEPS) if job in self.jobs]
        """The jobs of a run in their order: one for each step, or one for all."""
        self.publisher = self.run_jobs[-1]

    # Jobs

    def job_of(self, step: str) -> str:
        """Return the job that runs a step."""
        return step if step in self.jobs else ALL_STEPS

    def run(
        self, job: str, workflow_run_id: str, meanwhile: Callable[[Process], None] = lambda _: None, **more: str
    ) -> JobRun:
        """Run one job as part of a workflow run, and do something `meanwhile`, from the start of its process on."""
        name = self.jobs[job]
        own = {f"--{argument}": value for argument, value in more.items()}
        arguments = {"--WORKFLOW_RUN_ID": workflow_run_id, "--lease": OPERATION, **own}
        run_id = self.glue.start_job_run(JobName=name, Arguments=arguments)["JobRunId"]
        process = self.process(run_id)
        started = time.monotonic()
        while not process.leader and not self._ended(name, run_id):
            time.sleep(0.01)
        appeared = time.monotonic()
        meanwhile(process)
        while process.alive and time.monotonic() < started + PATIENCE:
            time.sleep(0.02)
        seconds = time.monotonic() - appeared
        while not (ended := self._ended(name, run_id)):
            if time.monotonic() > started + PATIENCE:
                raise BrokenPromiseError(f"{job} {run_id} does not end")
            time.sleep(0.1)
        return JobRun(run_id, ended["JobRunState"], ended.get("ErrorMessage", ""), seconds)

    def process(self, job_run_id: str) -> Process:
        """Return the process group of a job run."""
        return Process(self._folder / "jobs" / job_run_id, self._server)

    def run_all(self, workflow_run_id: str) -> dict[str, JobRun]:
        """Run the jobs of a run, undisturbed, one after the other."""
        return {job: self.succeed(job, workflow_run_id) for job in self.run_jobs}

    def succeed(self, job: str, workflow_run_id: str) -> JobRun:
        """Run a job that has to succeed."""
        run = self.run(job, workflow_run_id)
        if run.state != "SUCCEEDED":
            raise BrokenPromiseError(f"a rerun heals: {job} ended as {run.state}: {run.said}")
        return run

    def add_plain_job(self) -> str:
        """Make a job that takes some seconds and knows neither Spark nor Iceberg; return its name."""
        name, key = "plain", "glue/scripts/plain.py"
        role = self.glue.get_job(JobName=self.jobs[self.publisher])["Job"]["Role"]
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=PLAIN_SCRIPT)
        command = {"Name": "glueetl", "ScriptLocation": f"s3://{self.bucket}/{key}"}
        self.glue.create_job(Name=name, Role=role, Command=command, GlueVersion="5.1")
        return name

    def run_plain_job(self, name: str, *, seconds: float) -> None:
        """Run the plain job to its end, which must be a good one."""
        run_id = self.glue.start_job_run(JobName=name, Arguments={"--seconds": str(seconds)})["JobRunId"]
        while not (ended := self._ended(name, run_id)):
            time.sleep(0.1)
        if ended["JobRunState"] != "SUCCEEDED":
            raise BrokenPromiseError(f"a plain job ended as {ended['JobRunState']}: {ended.get('ErrorMessage')}")

    def _ended(self, name: str, run_id: str) -> dict[str, Any] | None:
        run: dict[str, Any] = self.glue.get_job_run(JobName=name, RunId=run_id)["JobRun"]
        return run if run["JobRunState"] in ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR") else None

    # What readers see

    def catalog(self) -> Catalog:
        """Return the catalog as any client opens it."""
        env = self.environment
        access = {"access-key-id": env["AWS_ACCESS_KEY_ID"], "secret-access-key": env["AWS_SECRET_ACCESS_KEY"]}
        place = {"endpoint": env["AWS_ENDPOINT_URL"], "region": env["AWS_REGION"]}
        settings = {
            f"{service}.{key}": value for service in ("glue", "s3") for key, value in {**access, **place}.items()
        }
        return load_catalog("chaos", type="glue", **settings)

    def table(self, name: str) -> Table:
        """Return an Iceberg table as it is now."""
        return self.catalog().load_table((self.database, name))

    def tables(self) -> dict[str, Rows]:
        """Return every row of the five tables, each with how often it is there."""
        return {name: rows_of(table) for name, table in self._five().items()}

    def objects(self, *prefixes: str) -> dict[str, str]:
        """Return the checksum of every object below some prefixes."""
        pages = self.s3.get_paginator("list_objects_v2")
        found = [
            item for prefix in prefixes for page in pages.paginate(Bucket=self.bucket, Prefix=prefix)
            for item in page.get("Contents", [])
        ]  # fmt: skip
        return {item["Key"]: item["ETag"] for item in found}

    def batches(self, *tables: str) -> dict[str, set[str]]:
        """Return the names of the files in each batch of parsed rows, by folder; also in unfinished ones."""
        found: dict[str, set[str]] = {}
        below = [f"{PARSED}{table}/" for table in tables or READERS]
        for folder, _, name in (key.rpartition("/") for key in self.objects(*below)):
            found.setdefault(folder.partition("/_temporary")[0], set()).add(name)
        return found

    def metadata_files(self, *tables: str) -> int:
        """Count the commits to these tables so far, by default to all, also those of a job that still runs."""
        below = [f"warehouse/{self.database}/{table}/" for table in tables or ICEBERG_TABLES]
        keys = [key for key in self.objects(*below) if key.endswith(".metadata.json")]
        latest: dict[str, int] = {}  # by table: each commit counts its file up, and may delete earlier ones
        for key in keys:
            folder, _, name = key.rpartition("/")
            latest[folder] = max(latest.get(folder, 0), int(name.partition("-")[0]))
        return sum(latest.values())

    # Promises

    def check_readers(self, old: Tables, new: Tables, workflow_run_id: str, *, publishing: bool) -> int:
        """Check what readers see after a fault in a run that was to replace `old` by `new`; return how many are new.

        All five tables are old, unless the fault struck the job that was `publishing`: then the first of them, in the
        order of publication, may be new, each of them wholly, and the tables say so themselves where rows differ.
        """
        found = self._five()
        publications = {
            name: Publication.of(snapshot) for name, table in found.items() if (snapshot := table.current_snapshot())
        }
        are_new = []
        for name in IN_ORDER_OF_PUBLICATION:
            rows = rows_of(found[name])
            if rows not in (old[name], new[name]):
                raise BrokenPromiseError(f"{name} is neither the old nor the new table: {rows.total()} rows")
            says_new = publications[name].workflow_run_id == workflow_run_id
            if old[name] != new[name] and says_new != (rows == new[name]):
                raise BrokenPromiseError(f"{name} does not say which run its rows are of")
            are_new.append(says_new)
        count = sum(are_new)
        if are_new != [True] * count + [False] * (5 - count) or (count and not publishing):
            raise BrokenPromiseError(
                f"readers see a mix: new are {dict(zip(IN_ORDER_OF_PUBLICATION, are_new, strict=True))}"
            )
        said = outdated(publications)
        of_other_rows = any(old[name] != new[name] for name in IN_ORDER_OF_PUBLICATION[count:])
        if said if count in (0, 5) else of_other_rows and not said:
            raise BrokenPromiseError(f"{count} of 5 tables are new, and it is said: {said}")
        return count

    def check_healed(self, new: Tables, runs: Mapping[str, JobRun], bad_lines: Mapping[str, int]) -> None:
        """Check that a run has left what an undisturbed run on the same data leaves, and nothing else.

        `runs` has the job run that ended well by step.
        """
        found = self._five()
        for name, table in found.items():
            if rows_of(table) != new[name]:
                raise BrokenPromiseError(f"a rerun heals: {name} is not what an undisturbed run gives")
            branches = {ref for ref, what in table.refs().items() if what.snapshot_ref_type == SnapshotRefType.BRANCH}
            if branches != {"main"}:
                raise BrokenPromiseError(f"{name} keeps branches: {sorted(branches)}")
            if not (published := table.current_snapshot()):
                raise BrokenPromiseError(f"{name} has no rows")
            tag = table.refs().get(branch_of(Publication.of(published).workflow_run_id))
            if not tag or tag.snapshot_id != published.snapshot_id:
                raise BrokenPromiseError(f"no tag of the run names the current rows of {name}")
            # Iceberg begins the first branch of a table with an empty snapshot, which is of no run.
            publications = {Publication.of(snapshot).workflow_run_id for snapshot in table.snapshots()} - {""}
            if len(publications) > HISTORY:
                raise BrokenPromiseError(f"{name} keeps more than {HISTORY} runs: {sorted(publications)}")
        self._check_accounts(runs)
        self._check_parsed()
        self._check_card(found[IN_ORDER_OF_PUBLICATION[0]])
        records = self.quarantined(runs)
        if records != bad_lines:
            raise BrokenPromiseError(f"quarantined were {records} instead of {bad_lines}")

    def _check_parsed(self) -> None:
        """Check that every landing file is in exactly one batch of parsed rows, as it is now, and nothing else is."""
        batches = self.batches()
        if unfinished := [folder for folder, names in batches.items() if MANIFEST not in names]:
            raise BrokenPromiseError(f"parsed rows of a run that was killed are left: {unfinished}")
        held: Counter[tuple[str, str]] = Counter()
        for folder, names in batches.items():
            manifest = self._json(f"{folder}/{MANIFEST}")
            held.update((key, etag) for key, (etag, _) in manifest["landing"].items())
            if names != {*manifest["parts"], MANIFEST}:
                raise BrokenPromiseError(f"{folder} has not the files of its manifest, but {sorted(names)}")
        if held != Counter(self.objects(*LANDING).items()):
            raise BrokenPromiseError(f"the parsed rows are not those of the landing files, each once: {held}")
        if len(people := self.objects(PEOPLE)) > 1:
            raise BrokenPromiseError(f"whom training rows combined before is still there: {[*people]}")

    def _check_card(self, training: Table) -> None:
        """Check that the dataset card is that of the published run."""
        snapshot, run_id = training.current_snapshot(), self._json(f"{CARD}dataset_card.json")["run"]
        if not snapshot or run_id != Publication.of(snapshot).workflow_run_id:
            raise BrokenPromiseError(f"the dataset card is that of {run_id}")

    def _json(self, key: str) -> Any:
        return json.loads(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def check_objects(self, untouched: Mapping[str, str]) -> None:
        """Check that objects are what they were."""
        if not untouched.items() <= self.objects(*LANDING, QUARANTINE).items():
            raise BrokenPromiseError("landing or quarantine is not as it was")

    def _check_accounts(self, runs: Mapping[str, JobRun]) -> None:
        """read = published + dropped + quarantined, of every run that has an account, and each of these has one."""
        accounts = self.catalog().load_table((f"{self.database}_audit", "pipeline_runs")).scan().to_arrow().to_pylist()
        balance: Counter[tuple[str, str]] = Counter()
        for row in accounts:
            sign = {"read": 1, "output": 0, "restored": 0, "expired": 0}.get(row["outcome"], -1)
            balance[row["job_run_id"], row["source_table"]] += sign * row["rows"]
        if wrong := {key: rest for key, rest in balance.items() if rest}:
            raise BrokenPromiseError(f"rows are not accounted for: {wrong}")
        written = {(row["job_run_id"], row["target_table"]) for row in accounts}
        if missing := {(run.id, TABLE_OF_JOB[step]) for step, run in runs.items()} - written:
            raise BrokenPromiseError(f"runs have no account: {missing}")

    def writers(self, workflow_run_id: str) -> dict[str, JobRun]:
        """Return the job run that has written each table of a workflow run, by step."""
        accounts = self.catalog().load_table((f"{self.database}_audit", "pipeline_runs")).scan().to_arrow().to_pylist()
        rows = sorted((row for row in accounts if row["workflow_run_id"] == workflow_run_id), key=_recorded_at)
        last = {row["target_table"]: row["job_run_id"] for row in rows if row["outcome"] == "output"}
        return {step: JobRun(last[table], "SUCCEEDED", "", 0) for step, table in TABLE_OF_JOB.items() if table in last}

    def quarantined(self, runs: Mapping[str, JobRun]) -> dict[str, int]:
        """Count the quarantined records of the job runs of some steps by landing table."""
        count = Counter[str]()
        for key in self.objects(QUARANTINE):
            _, table, run_id, file = key.split("/", 3)
            step = READERS[table]
            if step in runs and run_id == runs[step].id and not file.startswith(("_", ".")):
                lines = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read().splitlines()
                count[table] += sum(1 for line in lines if json.loads(line)["record"])
        return dict(count)

    def _five(self) -> dict[str, Table]:
        catalog = self.catalog()
        return {name: catalog.load_table((self.database, name)) for name in ICEBERG_TABLES}


def by_step(runs: Mapping[str, JobRun]) -> dict[str, JobRun]:
    """Return the job run of each step, given that of each job."""
    return {step: run for job, run in runs.items() for step in (JOBS if job == ALL_STEPS else [job])}


def _recorded_at(row: Mapping[str, Any]) -> int:
    return int(row["recorded_at"])


def rows_of(table: Table) -> Rows:
    """Return every row of a table with how often it is there."""
    arrow = table.scan().to_arrow()
    return Counter(zip(*(column.to_pylist() for column in arrow.columns), strict=True))
