"""A lakehouse in a folder, with the jobs run in this process, and records to land in it."""

import importlib
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import Mock
from urllib.parse import urlsplit

import pytest
from chispa.rows_comparer import assert_basic_rows_equality
from chispa.schema_comparer import assert_schema_equality
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, StructType

import kept_rows
import lease
import lineage
import parsed_rows
import pipeline
import pseudonyms
import published_card
import refusals
import table_contract
import withdrawal
from iceberg import Table
from lease import Lease
from tests.support.folder_s3 import FolderS3

JOBS = {
    pipeline.TABLES[table]["job"]: table for table in pipeline.WRITTEN
}  # each job's published table, in chain order
AUDIT_TABLES = pipeline.AUDIT
SECRET = b"a secret of the tests"
# The tests swap data sets at will; those of the audit of row counts give a limit of their own.
ANY_CHANGE = ("--row_count_change", '{"drop": 1, "growth": 1e9}')


@dataclass(frozen=True)
class Lakehouse:
    """A bucket, a database and the jobs, whose scripts run in this process."""

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
        for name in [*(names or JOBS.values()), *pipeline.BESIDE, *AUDIT_TABLES]:
            columns = table_contract.parse(name, (self.extra_files / f"{name}.sql").read_text()).schema
            declared = ", ".join(f"`{c.name}` {c.dataType.simpleString()}" for c in columns)
            self.spark.sql(f"CREATE TABLE {self.name(name)} ({declared}) USING iceberg")

    def run(self, job: str, *arguments: str) -> str:
        """Run the main function of a job as from its command line, and return the id of the run."""
        self.spark.catalog.clearCache()  # each job has a process of its own in earnest
        run_id = f"jr_{uuid.uuid4().hex}"
        given = ["--database", self.database, "--bucket", self.bucket, "--JOB_NAME", job, "--JOB_RUN_ID", run_id]
        with pytest.MonkeyPatch.context() as process:
            process.chdir(self.extra_files)
            process.setattr(pseudonyms, "key", lambda _: SECRET)
            process.setattr(lease, "for_job_run", lambda *_, **__: self.lease)
            process.setattr(
                refusals, "load", lambda _: {file.name for file in (self.folder / refusals.PREFIX).glob("*")}
            )
            for module in (kept_rows, parsed_rows, published_card):
                process.setattr(module, "client", lambda: FolderS3(self.folder))
            process.setattr(withdrawal, "delete_unreachable", lambda *_, **__: None)  # the bucket is a folder
            process.setattr("sys.argv", [f"{job}.py", *given, *ANY_CHANGE, *arguments])
            importlib.import_module(job).main()
        return run_id

    def card_facts(self) -> dict[str, object]:
        """Return the facts of the dataset card."""
        facts: dict[str, object] = json.loads((self.folder / "training/dataset_card.json").read_text())
        return facts

    def data_files(self, table: str) -> set[Path]:
        """Return the data files of a table on disk, whether or not a snapshot refers to them."""
        return set((self._warehouse / self.database / table).rglob("*.parquet"))

    def folders(self) -> list[Path]:
        """Return the folders that hold all of the lakehouse: the bucket, and those of the two databases."""
        return [self.folder, *(self._warehouse / name for name in (self.database, f"{self.database}_audit"))]

    @property
    def _warehouse(self) -> Path:
        return Path(urlsplit(self.spark.conf.get("spark.sql.catalog.glue_catalog.warehouse")).path)

    def run_all(self, *arguments: str, jobs: Iterable[str] = JOBS) -> dict[str, int]:
        """Run all jobs as a workflow does, and return the row count of each table."""
        run_id = f"wr_{uuid.uuid4().hex}"
        for job in jobs:
            self.run(job, "--WORKFLOW_RUN_ID", run_id, *arguments)
        return {table: self.table(table).count() for table in JOBS.values()}

    def name(self, table: str) -> str:
        database = f"{self.database}_audit" if table in AUDIT_TABLES else self.database
        return f"glue_catalog.{database}.{table}"

    def table(self, table: str) -> DataFrame:
        return self.spark.table(self.name(table))

    def rows(self, table: str) -> list[tuple[object, ...]]:
        return sorted((tuple(row) for row in self.table(table).collect()), key=repr)

    def is_consistent(self) -> bool:
        """Tell whether each table was made from the current rows of its inputs."""
        tables = {name: Table(self.spark, self.name(name)).snapshot() for name in JOBS.values()}
        return not lineage.outdated({name: (snapshot.id, snapshot.report) for name, snapshot in tables.items()})

    def snapshots(self, table: str) -> list[dict[str, str]]:
        """Return the summaries of the snapshots that runs committed, oldest first."""
        history = self.spark.table(f"{self.name(table)}.snapshots").orderBy("committed_at", "snapshot_id")
        return [row["summary"] for row in history.collect() if "lakehouse.job" in row["summary"]]

    def branches(self, table: str) -> set[str]:
        """Return the branches of a table."""
        return {ref["name"] for ref in self._refs(table) if ref["type"] == "BRANCH"}

    def tags(self, table: str) -> dict[str, int]:
        """Return the snapshot id of each tag of a table."""
        return {ref["name"]: ref["snapshot_id"] for ref in self._refs(table) if ref["type"] == "TAG"}

    def _refs(self, table: str) -> list[Row]:
        return self.spark.table(f"{self.name(table)}.refs").collect()

    def outcomes(self, source: str) -> dict[str, int]:
        """Return the row counts that the last run recorded for a source table, by `outcome reason`."""
        runs = self.table("pipeline_runs").where(f"source_table = '{source}'").collect()
        latest = max(run["recorded_at"] for run in runs)
        return {
            f"{run['outcome']} {run['reason']}".strip(): run["rows"] for run in runs if run["recorded_at"] == latest
        }


def empty_lakehouse(spark: SparkSession, extra_files: Path, folder: Path) -> Lakehouse:
    """Return an empty lakehouse with the folder as its bucket."""
    unique = uuid.uuid4().hex
    mount = f"fs.viewfs.mounttable.{unique}.linkFallback"
    spark.sparkContext._jsc.hadoopConfiguration().set(mount, f"mirror://{folder}")
    return Lakehouse(spark, f"db_{unique}", unique, folder, extra_files)


def made_of(spark: SparkSession, schema: StructType | str, rows: Iterable[Mapping[str, object]]) -> DataFrame:
    """Return a frame of rows, as one JSON text in one partition.

    createDataFrame would start Python processes to read the rows back, for each query anew; with one partition each, a
    query over several frames is one stage of Spark.
    """
    shape = ArrayType(schema) if isinstance(schema, StructType) else f"array<{schema}>"
    rows_as_text = F.lit(json.dumps(list(rows)))
    return spark.range(0, 1, 1, numPartitions=1).select(F.inline(F.from_json(rows_as_text, shape)))


def assert_rows(found: DataFrame, table: str, expected: Sequence[Mapping[str, object]]) -> None:
    """Compare a frame's schema with a table's in ddl/, then its rows, in any order, with mappings; null if missing."""
    schema = table_contract.load(table).schema
    assert_schema_equality(found.schema, schema, ignore_nullable=True, ignore_metadata=True)
    assert {column for row in expected for column in row} <= set(schema.names)
    rows = [Row(**{name: row.get(name) for name in schema.names}) for row in expected]
    assert_basic_rows_equality(sorted(found.collect(), key=repr), sorted(rows, key=repr))


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
NO_QUARANTINE_LIMIT = (
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


READ = {  # source table: the outcomes of its rows in `first_run`
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
    """A run of the whole workflow over rows of every outcome, and what was visible before its last job."""

    lakehouse: Lakehouse
    id: str
    jobs: Mapping[str, str]
    """The id of the run of each job."""
    visible: Mapping[str, int]
    branches: Mapping[str, set[str]]
