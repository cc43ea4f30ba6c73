"""One Spark session with Iceberg for all job tests, and a lakehouse in a temporary folder for each test."""

import os
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pyspark
import pytest
from py4j.java_gateway import JavaPackage, JVMView
from pyspark.sql import DataFrame, SparkSession

import job_run
import table_contract
from embedded_aws import spark as runtime
from lakehouse.landing import ENTITIES
from tests.support.jobs import (
    AT,
    IN_2099,
    JOBS,
    NO_QUARANTINE_LIMIT,
    UNUSABLE,
    FirstRun,
    Lakehouse,
    customer,
    empty_lakehouse,
    made_of,
    measured,
    moved,
)
from tests.support.project import GLUE_JOBS, REPOSITORY
from tests.support.world import TABLES, SavedWorld, World, land_two

SPARK_4 = pyspark.__version__.startswith("4.")
"""Whether this is `make test-spark4`, for transforms and rules only: PyPI has no Iceberg runtime for Spark 4."""

OF_GLUE_6 = {"spark.sql.legacy.codingErrorAction": "true"}
"""What modules/jobs in Terraform sets for Glue 6.0."""


def iceberg(folder: Path) -> dict[str, str]:
    """Return the settings of Iceberg, with its tables below a folder."""
    return {
        "spark.driver.extraClassPath": str(runtime.iceberg_jar()),
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.catalog.glue_catalog": "org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.glue_catalog.catalog-impl": "org.apache.iceberg.hadoop.HadoopCatalog",
        "spark.sql.catalog.glue_catalog.cache-enabled": "false",
        "spark.sql.catalog.glue_catalog.warehouse": (folder / "warehouse").as_uri(),
    }


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    if running := SparkSession.getActiveSession():  # of the other folder of tests that has this fixture
        yield running
        return
    folder = tmp_path_factory.mktemp("spark")
    (folder / "tmp").mkdir()
    (folder / "log4j2.properties").write_text(runtime.LOG4J)
    archive = runtime.class_archive(REPOSITORY / "build" / "cache")  # there if a job of the embedded AWS has written it
    # A JVM of minutes repays what its better compiler takes; one of a job on few bytes does not.
    java_options = runtime.jvm_options(folder, input_bytes=runtime.SMALL_INPUT_BYTES, archive_options=archive.options())
    settings = {
        "spark.master": "local[2]",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        # With room for all classes and queries of the tests, which it else collects to make again and again.
        "spark.driver.extraJavaOptions": f"-XX:MetaspaceSize=256m -Xms1g {java_options} -Dderby.system.home={folder}",
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
        **(OF_GLUE_6 if SPARK_4 else iceberg(folder)),
    }
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("JAVA_HOME", str(runtime.java_home()))
        environment.delenv("SPARK_HOME", raising=False)
        environment.delenv("PYSPARK_SUBMIT_ARGS", raising=False)
        environment.setenv("PYSPARK_PYTHON", sys.executable)
        # Of Spark's Python workers; `make test-spark4` sets it to another pyspark.
        own = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        environment.setenv("PYTHONPATH", os.pathsep.join(filter(None, [*own, *map(str, GLUE_JOBS)])))
        builder = SparkSession.builder.appName("tests")
        for key, value in settings.items():
            builder = builder.config(key, value)
        session = builder.getOrCreate()
        session.sparkContext.setLogLevel("ERROR")
        # Each part of a name, such as `org` of org.apache, is else looked for as a class in all jars anew, 1 ms each.
        for names in (JVMView, JavaPackage):
            environment.setattr(names, "__getattr__", cache(names.__getattr__))
        yield session
        session.stop()


@pytest.fixture(scope="session")
def extra_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that Glue's --extra-files provides."""
    folder = tmp_path_factory.mktemp("extra-files")
    for file in (*(REPOSITORY / "ddl").glob("*.sql"), *(REPOSITORY / "glue_jobs").glob("*.json")):
        (folder / file.name).symlink_to(file)
    return folder


@pytest.fixture
def frame(spark: SparkSession, extra_files: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., DataFrame]:
    """Make rows of a table in ddl/ from mappings; missing columns are null."""
    monkeypatch.chdir(extra_files)

    def make(table: str, *rows: Mapping[str, object]) -> DataFrame:
        schema = table_contract.load(table).schema
        unknown = {column for row in rows for column in row} - set(schema.names)
        assert not unknown, f"{table} has no column {unknown}"
        return made_of(spark, schema, rows)

    return make


@pytest.fixture
def lakehouse(spark: SparkSession, extra_files: Path, tmp_path: Path) -> Iterator[Lakehouse]:
    """A lakehouse for one test."""
    if SPARK_4:
        pytest.skip("PyPI has no Iceberg runtime for Spark 4")
    yield empty_lakehouse(spark, extra_files, tmp_path / "bucket")
    spark.catalog.clearCache()


@pytest.fixture
def real_lakehouse(spark: SparkSession, extra_files: Path, real_data: Path, tmp_path: Path) -> Iterator[Lakehouse]:
    """A lakehouse with the real data as its landing zone, if that is present."""
    made = empty_lakehouse(spark, extra_files, tmp_path / "bucket")
    made.folder.mkdir()
    for entity in ENTITIES:
        (made.folder / entity).symlink_to(real_data / entity)
    yield made
    spark.catalog.clearCache()


@pytest.fixture(scope="session")
def first_run(spark: SparkSession, extra_files: Path, tmp_path_factory: pytest.TempPathFactory) -> FirstRun:
    """A published run for tests that publish nothing: later runs must leave its tables unchanged."""
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
    jobs = {job: made.run(job, "--WORKFLOW_RUN_ID", run_id, *NO_QUARANTINE_LIMIT) for job in others}
    visible = {table: made.table(table).count() for table in JOBS.values()}
    branches = {table: made.branches(table) for table in JOBS.values()}
    jobs[last] = made.run(last, "--WORKFLOW_RUN_ID", run_id, *NO_QUARANTINE_LIMIT)
    return FirstRun(made, run_id, jobs, visible, branches)


@pytest.fixture
def world(lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a lakehouse whose jobs have a clock of their own."""
    lakehouse.create_tables()
    return with_its_clock(World(lakehouse), monkeypatch)


@pytest.fixture(scope="session")
def saved_world(spark: SparkSession, extra_files: Path, tmp_path_factory: pytest.TempPathFactory) -> SavedWorld:
    """A lakehouse with the first run of anna and ben, which tests begin with."""
    folder = tmp_path_factory.mktemp("saved")
    first = World(empty_lakehouse(spark, extra_files, folder / "bucket"))
    first.lakehouse.create_tables()
    land_two(first.lakehouse)
    assert first.run() == set(TABLES)
    return SavedWorld.of(first, folder / "files")


@pytest.fixture
def published_world(saved_world: SavedWorld, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Return a lakehouse as it is after `land_two()` and a run, with a clock of its own."""
    yield with_its_clock(saved_world.restored(), monkeypatch)
    saved_world.lakehouse.spark.catalog.clearCache()


def with_its_clock(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Give the jobs the clock of a world."""
    monkeypatch.setattr(job_run, "time", SimpleNamespace(time_ns=lambda: world.now * 1_000_000))
    return world
