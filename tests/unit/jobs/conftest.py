"""One Spark with Iceberg for all tests of the jobs, and a lakehouse in a temporary folder for each."""

import importlib
import json
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import Mock
from urllib.parse import urlsplit

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType

import lease
import refusals
import subject
import table_contract
import withdrawal
from lakehouse.sandbox import spark as runtime
from lease import Lease

REPOSITORY = Path(__file__).resolve().parents[3]
JOBS = {  # each job's published table, in chain order
    "customer_landing_to_trusted": "customer_trusted",
    "accelerometer_landing_to_trusted": "accelerometer_trusted",
    "customer_trusted_to_curated": "customers_curated",
    "step_trainer_landing_to_trusted": "step_trainer_trusted",
    "machine_learning_curated": "machine_learning_curated",
}
AUDIT_TABLES = ("pipeline_runs", "consent_decisions")
SECRET = b"a secret of the tests"
# The tests swap data sets at will; those of the audit of row counts give a limit of their own.
ANY_CHANGE = ("--row_count_change", '{"drop": 1, "growth": 1e9}')


@dataclass(frozen=True)
class Lakehouse:
    """A bucket, a database and the jobs, run in this process just as their scripts run."""

    spark: SparkSession
    database: str
    bucket: str
    folder: Path
    extra_files: Path
    lease: Mock = field(default_factory=lambda: Mock(spec=Lease))
    """The lease that the jobs hold."""

    def land(self, entity: str, lines: Iterable[str | Mapping[str, object]], file: str = "part.json") -> Path:
        """Write a landing file; a mapping becomes a line of JSON."""
        path = self.folder / entity / "landing" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{x if isinstance(x, str) else json.dumps(x)}\n" for x in lines), encoding="utf-8")
        return path

    def create_tables(self, *names: str) -> None:
        """Create the Iceberg tables, as Terraform does, and those of the audit database."""
        for name in [*(names or JOBS.values()), *AUDIT_TABLES]:
            columns = table_contract.parse(name, (self.extra_files / f"{name}.sql").read_text()).schema
            declared = ", ".join(f"`{c.name}` {c.dataType.simpleString()}" for c in columns)
            self.spark.sql(f"CREATE TABLE {self.name(name)} ({declared}) USING iceberg")

    def run(self, job: str, *arguments: str) -> str:
        """Run the main function of a job as if from its command line, and return the id of the run."""
        self.spark.catalog.clearCache()  # each job has a process of its own in earnest
        run_id = f"jr_{uuid.uuid4().hex}"
        given = ["--database", self.database, "--bucket", self.bucket, "--JOB_NAME", job, "--JOB_RUN_ID", run_id]
        with pytest.MonkeyPatch.context() as process:
            process.chdir(self.extra_files)
            process.setattr(subject, "key", lambda _: SECRET)
            process.setattr(lease, "of_job_run", lambda *_, **__: self.lease)
            process.setattr(
                refusals, "kept", lambda _: {file.name for file in (self.folder / refusals.PREFIX).glob("*")}
            )
            process.setattr(withdrawal, "delete_old_versions", lambda *_: None)  # the bucket is a folder
            process.setattr("sys.argv", [f"{job}.py", *given, *ANY_CHANGE, *arguments])
            importlib.import_module(job).main()
        return run_id

    def data_files(self, table: str) -> set[Path]:
        """Return the data files of a table that are on disk, whether a snapshot knows them or not."""
        folder = Path(urlsplit(self.spark.conf.get("spark.sql.catalog.glue_catalog.warehouse")).path)
        return set((folder / self.database / table).rglob("*.parquet"))

    def run_all(self, *arguments: str) -> dict[str, int]:
        """Run the chain as a workflow does and return the rows of each table."""
        run_id = f"wr_{uuid.uuid4().hex}"
        for job in JOBS:
            self.run(job, "--WORKFLOW_RUN_ID", run_id, *arguments)
        return {table: self.table(table).count() for table in JOBS.values()}

    def name(self, table: str) -> str:
        database = f"{self.database}_audit" if table in AUDIT_TABLES else self.database
        return f"glue_catalog.{database}.{table}"

    def table(self, table: str) -> DataFrame:
        return self.spark.table(self.name(table))

    def rows(self, table: str) -> list[tuple[object, ...]]:
        return sorted((tuple(row) for row in self.table(table).collect()), key=repr)

    def snapshots(self, table: str) -> list[dict[str, str]]:
        """Return the summaries of the snapshots that runs wrote, oldest first."""
        history = self.spark.table(f"{self.name(table)}.snapshots").orderBy("committed_at", "snapshot_id")
        return [row["summary"] for row in history.collect() if "lakehouse.job" in row["summary"]]

    def branches(self, table: str) -> set[str]:
        """Return the branches of a table."""
        return {row["name"] for row in self.spark.table(f"{self.name(table)}.refs").collect()}

    def fates(self, source: str) -> dict[str, int]:
        """Return what the last run recorded about the rows of a table that it read: `fate reason` and rows."""
        runs = self.table("pipeline_runs").where(f"source_table = '{source}'").collect()
        latest = max(run["recorded_at"] for run in runs)
        return {f"{run['fate']} {run['reason']}".strip(): run["rows"] for run in runs if run["recorded_at"] == latest}


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    folder = tmp_path_factory.mktemp("spark")
    (folder / "tmp").mkdir()
    (folder / "log4j2.properties").write_text(runtime.LOG4J)
    archive = runtime.class_archive(REPOSITORY / "build" / "cache")  # there if a job of the embedded AWS has written it
    java_options = runtime.jvm_options(folder, input_bytes=0, archive_options=archive.options())
    settings = {
        "spark.master": "local[2]",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": f"{java_options} -Dderby.system.home={folder}",
        "spark.driver.extraClassPath": str(runtime.iceberg_jar()),
        "spark.sql.shuffle.partitions": "2",
        # Compiling queries and replanning them takes longer than a few rows do; the whole pipeline's tests do both.
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.warehouse.dir": str(folder / "unused"),
        "spark.ui.enabled": "false",
        # The whole bucket is a directory: see Lakehouse.bucket for the mounting.
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme",
        # Hadoop's file system of file:// keeps checksums, and cannot name them where a name has a colon.
        "spark.hadoop.fs.mirror.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.catalog.glue_catalog": "org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.glue_catalog.catalog-impl": "org.apache.iceberg.hadoop.HadoopCatalog",
        "spark.sql.catalog.glue_catalog.cache-enabled": "false",
        "spark.sql.catalog.glue_catalog.warehouse": (folder / "warehouse").as_uri(),
    }
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("JAVA_HOME", str(runtime.java_home()))
        environment.delenv("SPARK_HOME", raising=False)
        environment.delenv("PYSPARK_SUBMIT_ARGS", raising=False)
        environment.setenv("PYSPARK_PYTHON", sys.executable)
        environment.setenv("PYTHONPATH", str(REPOSITORY / "glue_jobs"))  # of Spark's Python workers
        builder = SparkSession.builder.appName("tests")
        for key, value in settings.items():
            builder = builder.config(key, value)
        session = builder.getOrCreate()
        session.sparkContext.setLogLevel("ERROR")
        yield session
        session.stop()


@pytest.fixture(scope="session")
def extra_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as Glue's --extra-files fill it."""
    folder = tmp_path_factory.mktemp("extra-files")
    for file in (*(REPOSITORY / "ddl").glob("*.sql"), *(REPOSITORY / "glue_jobs" / "audits").glob("*.sql")):
        (folder / file.name).symlink_to(file)
    return folder


@pytest.fixture
def frame(spark: SparkSession, extra_files: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., DataFrame]:
    """Make rows of a table of ddl/, each a mapping; what it leaves out is null."""
    monkeypatch.chdir(extra_files)

    def make(table: str, *rows: Mapping[str, object]) -> DataFrame:
        schema = table_contract.load(table).schema
        unknown = {column for row in rows for column in row} - set(schema.names)
        assert not unknown, f"{table} has no column {unknown}"
        # As one JSON text: createDataFrame would start Python processes to read the rows back, for each query anew.
        return spark.range(1).select(F.inline(F.from_json(F.lit(json.dumps(rows)), ArrayType(schema))))

    return make


def empty_lakehouse(spark: SparkSession, extra_files: Path, folder: Path) -> Lakehouse:
    """Return a lakehouse with nothing in it, whose bucket is the folder."""
    unique = uuid.uuid4().hex
    mount = f"fs.viewfs.mounttable.{unique}.linkFallback"
    spark.sparkContext._jsc.hadoopConfiguration().set(mount, f"mirror://{folder}")
    return Lakehouse(spark, f"db_{unique}", unique, folder, extra_files)


@pytest.fixture
def lakehouse(spark: SparkSession, extra_files: Path, tmp_path: Path) -> Iterator[Lakehouse]:
    """A lakehouse of the test's own."""
    yield empty_lakehouse(spark, extra_files, tmp_path / "bucket")
    spark.catalog.clearCache()


@pytest.fixture
def real_lakehouse(spark: SparkSession, extra_files: Path, real_data: Path) -> Iterator[Lakehouse]:
    """A lakehouse whose landing zone is the real data, where it is present."""
    yield empty_lakehouse(spark, extra_files, real_data)
    spark.catalog.clearCache()


AT = 1_655_564_376_361
IN_2099 = 4_070_908_800_000
UNUSABLE = {  # line: why it cannot be used
    "customer": {
        '{"email": "eve@example.com", "serialNumber": "S1"': "a line is not one JSON object",
        '{"serialNumber": "S5"}': "email is missing",
    },
    "accelerometer": {
        f'{{"user": "anna@example.com", "timestamp": {AT}, "x": "NaN", "y": 0, "z": 0}}': "x is not a finite number",
        f'{{"user": "anna", "timestamp": {AT}, "x": 0, "y": 0, "z": 0}}': "user is not an e-mail address",
    },
    "step_trainer": {
        '{"sensorReadingTime": -1, "serialNumber": "S1", "distanceFromObject": 1}': (
            "sensorreadingtime is before the year 2000 or in the future"
        ),
        f'{{"sensorReadingTime": {AT}, "serialNumber": "", "distanceFromObject": 1}}': "serialnumber is missing",
    },
}
BEAR_ALL = (
    "--quarantine_limits",
    json.dumps({f"{entity}_landing": {"share": 1, "rows": 10} for entity in UNUSABLE}),
)


def customer(name: str, device: str, consent: int | None = AT, **more: object) -> dict[str, object]:
    """Return a customer record as it lands."""
    known = {"email": f"{name}@example.com", "customerName": f"{name} Somebody", "phone": f"555-{name}"}
    return known | {"serialNumber": device, "shareWithResearchAsOfDate": consent, "lastUpdateDate": AT} | more


def moved(name: str, time: int, x: float = 0.5) -> dict[str, object]:
    """Return an accelerometer reading as it lands."""
    return {"user": f"{name}@example.com", "timestamp": time, "x": x, "y": 0, "z": -1}


def measured(device: str, time: int, distance: int = 200) -> dict[str, object]:
    """Return a reading of a Step Trainer as it lands."""
    return {"sensorReadingTime": time, "serialNumber": device, "distanceFromObject": distance}


READ = {  # source table: what becomes of its rows in `first_run`
    "customer_landing": {
        "read": 7,
        "published": 2,
        "dropped consent lies in the future": 1,
        "dropped exact duplicate": 1,
        "dropped no consent to research": 1,
        "quarantined a line is not one JSON object": 1,
        "quarantined email is missing": 1,
    },
    "accelerometer_landing": {
        "read": 6,
        "published": 2,
        "dropped exact duplicate": 1,
        "dropped not of a trusted customer": 1,
        "quarantined user is not an e-mail address": 1,
        "quarantined x is not a finite number": 1,
    },
    "customer_trusted": {"read": 2, "published": 1, "dropped no trusted accelerometer reading": 1},
    "step_trainer_landing": {
        "read": 6,
        "published": 2,
        "dropped exact duplicate": 1,
        "dropped not of a curated customer's Step Trainer": 1,
        "quarantined sensorreadingtime is before the year 2000 or in the future": 1,
        "quarantined serialnumber is missing": 1,
    },
    "step_trainer_trusted": {"read": 2, "published": 1, "dropped no reading of the other sensor to pair with": 1},
    "accelerometer_trusted": {"read": 2, "published": 1, "dropped no reading of the other sensor to pair with": 1},
}


@dataclass(frozen=True)
class FirstRun:
    """A run of the whole workflow over rows of every fate, and what could be seen before its last job."""

    lakehouse: Lakehouse
    id: str
    jobs: Mapping[str, str]
    """The id of the run of each job."""
    visible: Mapping[str, int]
    branches: Mapping[str, set[str]]


@pytest.fixture(scope="session")
def first_run(spark: SparkSession, extra_files: Path, tmp_path_factory: pytest.TempPathFactory) -> FirstRun:
    """What every later run must leave as it is unless it publishes; for tests that publish nothing else."""
    made = empty_lakehouse(spark, extra_files, tmp_path_factory.mktemp("first") / "bucket")
    made.create_tables()
    anna, late = customer("anna", "S1"), customer("cleo", "S3", IN_2099)
    made.land(
        "customer", [anna, anna, customer("ben", "S2", None), late, customer("dora", "S4"), *UNUSABLE["customer"]]
    )
    movements = [moved("anna", AT), moved("anna", AT), moved("anna", AT + 1), moved("ben", AT)]
    made.land("accelerometer", [*movements, *UNUSABLE["accelerometer"]])
    steps = [measured("S1", AT), measured("S1", AT), measured("S1", AT + 5), measured("S9", AT)]
    made.land("step_trainer", [*steps, *UNUSABLE["step_trainer"]])
    run_id, *others, last = f"wr_{uuid.uuid4().hex}", *JOBS
    jobs = {job: made.run(job, "--WORKFLOW_RUN_ID", run_id, *BEAR_ALL) for job in others}
    visible = {table: made.table(table).count() for table in JOBS.values()}
    branches = {table: made.branches(table) for table in JOBS.values()}
    jobs[last] = made.run(last, "--WORKFLOW_RUN_ID", run_id, *BEAR_ALL)
    return FirstRun(made, run_id, jobs, visible, branches)
