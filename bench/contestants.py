"""Who is measured: each entry of CONTESTANTS makes the same five tables of the same landing data."""

from __future__ import annotations

import json
import re
import shutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pyarrow.parquet as pq

import embedded_aws
from bench import processes
from bench.copies import Copies
from bench.processes import ContestantFailedError, Usage, Watch
from embedded_aws import spark
from embedded_aws.connection import Credentials
from lakehouse import aws
from lakehouse.landing import ENTITIES, prefix
from lakehouse.tables import TABLE_OF_JOB

ROOT = Path(__file__).resolve().parents[1]
PROJECT_FOLDERS = ("terraform", "glue_jobs", "ddl")
JOBS = "build/local/jobs"
INPUT_PREFIXES = ("glue/", *(prefix(entity) for entity in ENTITIES))
NOT_INHERITED = ("SPARK_", "PYSPARK_", "TF_VAR_")


@dataclass(frozen=True)
class Outcome:
    """How long a run took, and what it made."""

    seconds: float
    tables: Mapping[str, int]
    """Rows of each table."""
    steps: Mapping[str, float] = field(default_factory=dict)
    """Seconds of each job."""


@dataclass(frozen=True)
class Run:
    """What one run of a contestant took and made."""

    seconds: float
    usage: Usage
    output_bytes: int
    """Bytes that its output has when the run has ended."""
    tables: Mapping[str, int]
    """Rows of each table."""
    steps: Mapping[str, float] = field(default_factory=dict)
    """Seconds of each job or script."""
    later: Mapping[str, Outcome] = field(default_factory=dict)
    """The runs that followed, by what had changed."""


@dataclass(frozen=True)
class Contestant(ABC):
    """One way to make the five tables."""

    name: str
    title: str

    def unavailable(self) -> str | None:
        """Return why it cannot take part, or None."""
        return None

    @abstractmethod
    def run(self, landing: Copies, work: Path, changes: Mapping[str, Copies]) -> dict[str, Run]:
        """Make the tables of landing data in an empty work folder; return the runs that were measured, by title.

        `changes` is the landing data of the runs that follow, by what has changed; see `bench.changes`.
        """


@dataclass(frozen=True)
class Lakehouse(Contestant):
    """`make run-pipeline` on an embedded AWS of its own, from nothing up: the jobs as Glue runs them.

    Two things are measured: the run in Glue, from the first job's start to the last one's end, and the whole command,
    which also starts the embedded AWS, applies Terraform and uploads the landing data.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    """Terraform variables by which it differs from the defaults."""

    def unavailable(self) -> str | None:
        """Return the Terraform variable that the local environment lacks, or None."""
        declared = (ROOT / "terraform/environments/local/variables.tf").read_text(encoding="utf-8")
        missing = [name for name in self.variables if not re.search(rf'^variable "{name}"', declared, re.MULTILINE)]
        return f"terraform/environments/local has no variable {', '.join(missing)}" if missing else None

    @property
    def whole(self) -> str:
        """Title of the whole command."""
        return f"make run-pipeline ({self.title})"

    def run(self, landing: Copies, work: Path, changes: Mapping[str, Copies]) -> dict[str, Run]:
        """Run the pipeline, again after each change, and stop the embedded AWS."""
        project = project_copy(work.parent)
        try:
            with Watch(project) as watch:
                seconds, cpu_seconds = self.start(project, landing)
                jobs, everything = watch.usage(JOBS), processes.at_least(watch.usage(), cpu_seconds)
            full = _last_outcome(project)
            output = _stored_bytes(project)
            later = {}
            for change, changed in changes.items():
                self.start(project, changed)
                later[change] = _last_outcome(project)
        finally:
            embedded_aws.down(project)
        return {
            self.title: Run(full.seconds, jobs, output, full.tables, full.steps, later),
            self.whole: Run(seconds, everything, output, full.tables),
        }

    def start(self, project: Path, landing: Copies) -> tuple[float, float]:
        """Run the pipeline in a copy of the project; the embedded AWS stays up."""
        variables = {f"TF_VAR_{name}": value for name, value in self.variables.items()}
        return lakehouse_command(project, "run", DATA=str(landing.folder.resolve()), **variables)


@dataclass(frozen=True)
class Peers(Contestant):
    """Five scripts in Glue Studio's style, one process each, on local files."""

    tuned: bool = False
    """Whether they run with the JVM settings and the class archive of the embedded AWS, or with Spark's defaults."""

    def run(self, landing: Copies, work: Path, changes: Mapping[str, Copies]) -> dict[str, Run]:  # noqa: ARG002
        """Run the scripts one after the other; not after changes, of which they know nothing."""
        output, steps, cpu_seconds = work / "output", {}, 0.0
        environment = self._environment(landing, work)
        with Watch(work) as watch:
            for job in TABLE_OF_JOB:
                script = Path(__file__).with_name("peers") / f"{job}.py"
                command = [sys.executable, str(script), str(landing.folder.resolve()), str(output)]
                steps[job], used = processes.run(command, work / job, environment)
                cpu_seconds += used
            watch.wait_until_gone()
            usage = processes.at_least(watch.usage(), cpu_seconds)
        tables = {table: _json_rows(output / table) for table in TABLE_OF_JOB.values()}
        return {self.title: Run(sum(steps.values()), usage, _bytes_below(output), tables, steps)}

    def _environment(self, landing: Copies, work: Path) -> dict[str, str]:
        own = environment() | {"JAVA_HOME": str(spark.java_home()), "PYSPARK_PYTHON": sys.executable}
        if not self.tuned:
            return own | {"SPARK_LOCAL_IP": "127.0.0.1"}
        scratch = work / "tmp"
        scratch.mkdir(parents=True)
        archive = spark.class_archive(ROOT / "build" / "cache")
        settings = spark.settings(
            {},
            buckets=[],
            endpoint="",
            credentials=Credentials("", ""),
            work=work,
            java_options=spark.jvm_options(work, landing.bytes, archive.options()),
        )
        # The archive is of the class path of the jobs, which begins with Iceberg's jar.
        settings["spark.driver.extraClassPath"] = str(spark.iceberg_jar())
        (work / "log4j2.properties").write_text(spark.LOG4J, encoding="utf-8")
        properties = work / "spark.properties"
        spark.write_properties(properties, settings)
        return own | spark.environ(properties, scratch)


@dataclass(frozen=True)
class DuckDb(Contestant):
    """DuckDB with two threads, JSON to Parquet, one process."""

    def run(self, landing: Copies, work: Path, changes: Mapping[str, Copies]) -> dict[str, Run]:
        """Run the script, again on all data after each change: that tells how many rows the tables must have then."""
        output = work / "output"
        with Watch(work) as watch:
            full, cpu_seconds = self._make(landing, work, output)
            usage = processes.at_least(watch.usage(), cpu_seconds)
        later = {change: self._make(changed, work, work / "later")[0] for change, changed in changes.items()}
        return {self.title: Run(full.seconds, usage, _bytes_below(output), full.tables, later=later)}

    @staticmethod
    def _make(landing: Copies, work: Path, output: Path) -> tuple[Outcome, float]:
        """Make the tables; return the CPU seconds too."""
        script = Path(__file__).with_name("duckdb_tables.py")
        command = [sys.executable, str(script), str(landing.folder.resolve()), str(output)]
        seconds, cpu_seconds = processes.run(command, work / "process", environment())
        tables = {table: pq.read_metadata(output / f"{table}.parquet").num_rows for table in TABLE_OF_JOB.values()}
        return Outcome(seconds, tables), cpu_seconds


FIVE_JOBS = Lakehouse("five_jobs", "five jobs")
ONE_SESSION = Lakehouse("single_session", "single session", variables={"orchestration": "single_job"})
PEERS = Peers("peers", "peers, defaults")
DUCKDB = DuckDb("duckdb", "DuckDB")
CONTESTANTS: Sequence[Contestant] = (
    FIVE_JOBS,
    ONE_SESSION,
    PEERS,
    Peers("peers_tuned", "peers, our JVM settings", tuned=True),
    DUCKDB,
)


def project_copy(work: Path) -> Path:
    """Return the copy of the project that the lakehouse runs in."""
    return work / "project"


def prepare_project(work: Path) -> Path:
    """Copy the project as it is now and do its set-up: Terraform's init, and the class archive of the JVMs."""
    project = project_copy(work)
    embedded_aws.down(project)  # of a bench that was killed
    shutil.rmtree(project, ignore_errors=True)
    for folder in PROJECT_FOLDERS:
        ignored = shutil.ignore_patterns(".terraform", "*.tfstate*", "__pycache__")
        shutil.copytree(ROOT / folder, project / folder, ignore=ignored)
    cache = ROOT / "build" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    (project / "build").mkdir()
    (project / "build" / "cache").symlink_to(cache)
    has_archive = spark.class_archive(cache).path.is_file()
    with Watch(project) as watch:
        try:
            lakehouse_command(project, "apply" if has_archive else "run")
        finally:
            embedded_aws.down(project)
        watch.wait_until_gone()
    return project


def lakehouse_command(project: Path, *arguments: str, **variables: str) -> tuple[float, float]:
    """Run the operator's command line in the copy of the project; return its wall and CPU seconds."""
    own = environment() | {"PYTHONPATH": str(ROOT)} | variables
    return processes.run([sys.executable, "-m", "lakehouse", *arguments], project, own)


def environment() -> dict[str, str]:
    """Return the environment of a contestant: no AWS account, and none of the bench's knobs."""
    knobs = {"DATA", "SIZES", "ROUNDS", "INCREMENTAL", "PROFILE_JOB", "PROFILE", "ENV", "PORT"}
    return {
        name: value for name, value in aws.only({}).items() if name not in knobs and not name.startswith(NOT_INHERITED)
    }


def client(project: Path, service: Any) -> Any:
    """Return a boto3 client of the embedded AWS that is up in a copy of the project."""
    running = embedded_aws.status(project)
    if running is None:
        raise ContestantFailedError(f"The embedded AWS of {project} is not running. See {project / 'output.log'}.")
    return boto3.client(
        service,
        endpoint_url=running.endpoint,
        region_name=running.region,
        aws_access_key_id=running.credentials.access_key_id,
        aws_secret_access_key=running.credentials.secret_access_key,
    )


def last_run(project: Path, job: str) -> str:
    """Return the id of the last run of a job in the embedded AWS that is up."""
    glue = client(project, "glue")
    for known in glue.get_jobs()["Jobs"]:
        if known["Command"]["ScriptLocation"].endswith(f"/{job}.py"):
            return str(glue.get_job_runs(JobName=known["Name"])["JobRuns"][0]["Id"])
    raise ContestantFailedError(f"The embedded AWS has no job with the script {job}.py.")


def _last_outcome(project: Path) -> Outcome:
    """Return what the report of the last run says."""
    report = json.loads((project / "build/local/runs/latest/run.json").read_text(encoding="utf-8"))
    return Outcome(report["seconds"], report["tables"], {job["name"]: job["seconds"] for job in report["jobs"]})


def _stored_bytes(project: Path) -> int:
    """Return the bytes of what the run wrote: tables with their metadata, quarantine, records of the run."""
    s3 = client(project, "s3")
    return sum(
        item["Size"]
        for bucket in s3.list_buckets()["Buckets"]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"])
        for item in page.get("Contents", [])
        if not item["Key"].startswith(INPUT_PREFIXES)
    )


def _bytes_below(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _json_rows(folder: Path) -> int:
    return sum(file.read_bytes().count(b"\n") for file in folder.glob("part-*.json"))
