"""One Spark with Iceberg for all tests of the jobs, and a lakehouse in a temporary folder for each."""

import importlib
import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

import table_contract
from lakehouse.sandbox import spark as runtime

REPOSITORY = Path(__file__).resolve().parents[3]
JOBS = {  # each job's published table, in chain order
    "customer_landing_to_trusted": "customer_trusted",
    "accelerometer_landing_to_trusted": "accelerometer_trusted",
    "customer_trusted_to_curated": "customers_curated",
    "step_trainer_landing_to_trusted": "step_trainer_trusted",
    "machine_learning_curated": "machine_learning_curated",
}


@dataclass(frozen=True)
class Lakehouse:
    """A bucket, a database and the jobs, run in this process just as their scripts run."""

    spark: SparkSession
    database: str
    bucket: str
    folder: Path
    monkeypatch: pytest.MonkeyPatch

    def land(self, entity: str, lines: Iterable[str | Mapping[str, object]], file: str = "part.json") -> Path:
        """Write a landing file; a mapping becomes a line of JSON."""
        path = self.folder / entity / "landing" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{x if isinstance(x, str) else json.dumps(x)}\n" for x in lines), encoding="utf-8")
        return path

    def create_tables(self, *names: str) -> None:
        """Create the Iceberg tables, as Terraform does."""
        for name in names or JOBS.values():
            columns = table_contract.load(name).schema
            declared = ", ".join(f"`{c.name}` {c.dataType.simpleString()}" for c in columns)
            self.spark.sql(f"CREATE TABLE {self.name(name)} ({declared}) USING iceberg")

    def run(self, job: str, *arguments: str) -> None:
        """Run the main function of a job as if from its command line."""
        self.spark.catalog.clearCache()  # each job has a process of its own in earnest
        given = ["--database", self.database, "--bucket", self.bucket, "--JOB_NAME", job, "--JOB_RUN_ID", "jr_1"]
        self.monkeypatch.setattr("sys.argv", [f"{job}.py", *given, *arguments])
        importlib.import_module(job).main()

    def run_all(self, *arguments: str) -> dict[str, int]:
        """Run the chain and return the rows of each table."""
        for job in JOBS:
            self.run(job, *arguments)
        return {table: self.table(table).count() for table in JOBS.values()}

    def name(self, table: str) -> str:
        return f"glue_catalog.{self.database}.{table}"

    def table(self, table: str) -> DataFrame:
        return self.spark.table(self.name(table))

    def rows(self, table: str) -> list[tuple[object, ...]]:
        return sorted((tuple(row) for row in self.table(table).collect()), key=repr)

    def snapshots(self, table: str) -> list[dict[str, str]]:
        """Return the summaries of a table's snapshots, oldest first."""
        history = self.spark.table(f"{self.name(table)}.snapshots").orderBy("committed_at", "snapshot_id")
        return [row["summary"] for row in history.collect()]


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
        "spark.sql.warehouse.dir": str(folder / "unused"),
        "spark.ui.enabled": "false",
        # The whole bucket is a directory: see Lakehouse.bucket for the mounting.
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme",
        "spark.hadoop.fs.viewfs.overload.scheme.target.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
        "spark.sql.catalog.glue_catalog": "org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.glue_catalog.catalog-impl": "org.apache.iceberg.hadoop.HadoopCatalog",
        "spark.sql.catalog.glue_catalog.cache-enabled": "false",
        "spark.sql.catalog.glue_catalog.warehouse": (folder / "warehouse").as_uri(),
    }
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("JAVA_HOME", str(runtime.java_home()))
        environment.delenv("SPARK_HOME", raising=False)
        environment.delenv("PYSPARK_SUBMIT_ARGS", raising=False)
        builder = SparkSession.builder.appName("tests")
        for key, value in settings.items():
            builder = builder.config(key, value)
        session = builder.getOrCreate()
        session.sparkContext.setLogLevel("ERROR")
        yield session
        session.stop()


@pytest.fixture
def frame(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> Callable[..., DataFrame]:
    """Make rows of a table of ddl/, each a mapping; what it leaves out is null."""
    monkeypatch.chdir(REPOSITORY / "ddl")

    def make(table: str, *rows: Mapping[str, object]) -> DataFrame:
        schema = table_contract.load(table).schema
        unknown = {column for row in rows for column in row} - set(schema.names)
        assert not unknown, f"{table} has no column {unknown}"
        return spark.createDataFrame([tuple(map(row.get, schema.names)) for row in rows], schema)

    return make


@pytest.fixture
def lakehouse(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lakehouse]:
    """A lakehouse with nothing in it."""
    folder = tmp_path / "bucket"
    monkeypatch.chdir(REPOSITORY / "ddl")  # where Glue puts --extra-files: the working directory
    unique = uuid.uuid4().hex
    mount = f"fs.viewfs.mounttable.{unique}.linkFallback"
    spark.sparkContext._jsc.hadoopConfiguration().set(mount, folder.as_uri())
    yield Lakehouse(spark, f"db_{unique}", unique, folder, monkeypatch)
    spark.catalog.clearCache()
