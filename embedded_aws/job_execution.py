"""One attempt of a job run, step by step: what Glue does between StartJobRun and the end of the script."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from embedded_aws import hadoop_token, spark
from embedded_aws.connection import Credentials
from embedded_aws.job_logs import LogShipper
from embedded_aws.job_process import JobProcess, LogLine, error_message
from embedded_aws.job_run import JobRun

if TYPE_CHECKING:
    from embedded_aws.job_runtime import JobRuntime

log = logging.getLogger(__name__)

KILLED_GRACE: Final = 10.0
SHUTDOWN_GRACE: Final = 30.0
ARCHIVE_GRACE: Final = 600.0  # a JVM writes the class archive when it ends: in seconds, or minutes on a busy machine
ABOUT: Final = "job.json"
"""File of a work folder that says which job the log beside it is of, for when the embedded AWS is gone."""

# The only variables of the server's environment that a script gets.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TERM", "LD_LIBRARY_PATH", "NO_PROXY", "no_proxy")


class JobFailedError(Exception):
    """The run ends as FAILED with this message."""


class JobExecution:
    """One attempt of a run: everything is done with the credentials of the job's role."""

    def __init__(self, runtime: JobRuntime, run: JobRun) -> None:
        self._runtime = runtime
        self._run = run
        self._work = runtime.jobs_folder / run.id
        self._tokens = self._work / "tokens"
        self._work.mkdir(parents=True)
        (self._work / "output.log").touch()
        about = {"job": Path(run.spec.script_location).stem, "workflow_run_id": run.workflow[1] if run.workflow else ""}
        (self._work / ABOUT).write_text(json.dumps(about), encoding="utf-8")

    def execute(self) -> tuple[str, str | None]:
        """Run the script; return the final state and its error message."""
        run, runtime = self._run, self._runtime
        self._credentials = self._assume_role()
        script = self._fetch_code()
        uses_archive = self._uses_iceberg and not runtime.glue_catalog_jar  # an archive is of one Iceberg jar
        archive, write_archive_to = runtime.class_archive() if uses_archive else (None, None)
        properties = self._write_spark_properties(archive, write_archive_to)
        command = [sys.executable, script.name, *run.argv()]
        if not run.stop_requested.is_set():
            run.move_to("RUNNING")
        started = time.monotonic()
        process = runtime.launch(command, self._work, self._environ(properties))
        shipper = LogShipper(runtime.client("logs", self._credentials), run, process.lines)
        code = self._watch(process, shipper, started + runtime.seconds(run.timeout))
        succeeded = code == 0
        if not succeeded:
            process.kill()
        reaper = threading.Thread(target=self._reap, args=(process, succeeded, archive, write_archive_to), daemon=True)
        reaper.start()
        if not succeeded:
            reaper.join()  # no process of a failed job may still write when the run is reported as failed
        run.execution_seconds = time.monotonic() - started
        shipper.ship()
        if code is None:
            return "TIMEOUT", f"Job run exceeded its timeout of {run.timeout} minutes."
        return (
            ("SUCCEEDED", None)
            if succeeded
            else ("FAILED", error_message(_texts(process.lines["error"]), code, self._work))
        )

    def _assume_role(self) -> Credentials:
        """Return credentials of the job's role, which is given by its ARN or its name."""
        role = self._run.spec.role
        try:
            arn = self._runtime.client("iam").get_role(RoleName=role.rpartition("/")[2])["Role"]["Arn"]
        except ClientError as error:
            raise JobFailedError(f"Role {role} can't be assumed: there is no such role.") from error
        session = f"glue-{self._run.id[3:35]}"
        issued = self._runtime.client("sts").assume_role(RoleArn=arn, RoleSessionName=session)["Credentials"]
        return Credentials(issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"])

    def _watch(self, process: JobProcess, shipper: LogShipper, deadline: float) -> int | None:
        """Return the exit code, or None at the deadline or when a stop is requested."""
        while not self._run.stop_requested.is_set() and time.monotonic() < deadline:
            code = process.wait(timeout=0.1)
            if code is not None:
                return code
            shipper.ship_if_due()
        return None

    def _reap(
        self, process: JobProcess, succeeded: bool, archive: spark.ClassArchive | None, written: Path | None
    ) -> None:
        """Wait until the whole process group is gone: the JVM shuts down after the script has ended."""
        if succeeded and written:
            process.yield_to_others()
            ended = process.finish(ARCHIVE_GRACE)
        else:
            ended = process.finish(SHUTDOWN_GRACE if succeeded else KILLED_GRACE)
        self._runtime.dismiss(process)
        if archive and written:
            if not (ended and succeeded):
                written.unlink(missing_ok=True)
            self._runtime.publish_archive(archive, written)
        shutil.rmtree(self._work / "tmp", ignore_errors=True)

    def _fetch_code(self) -> Path:
        """Download script, modules and files into the work folder; return the script."""
        arguments = self._run.arguments
        script = self._fetch(self._run.spec.script_location)
        for option in ("--extra-py-files", "--extra-files"):
            for uri in _uris(arguments.get(option, "")):
                self._fetch(uri)
        (self._work / "tmp").mkdir()
        return script

    def _fetch(self, uri: str) -> Path:
        parts = urlsplit(uri)
        path = self._work / Path(parts.path).name
        try:
            path.write_bytes(self._runtime.read_object(self._credentials, parts.netloc, parts.path.lstrip("/")))
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NoSuchBucket"):
                raise JobFailedError(f"{uri} does not exist.") from error
            raise JobFailedError(f"{uri} can't be read by {self._run.spec.role}: {error}") from error
        return path

    def _buckets(self) -> list[str]:
        """Return the buckets of all s3:// URIs in the script location and the arguments."""
        text = " ".join([self._run.spec.script_location, *self._run.arguments.values()])
        return sorted({urlsplit(uri).netloc for uri in _uris(text.replace("=", " ")) if uri.startswith("s3://")})

    def _size(self, bucket: str) -> int:
        """Return the bytes of all objects of a bucket."""
        return sum(each.size for each in self._runtime.list_objects(bucket))

    @property
    def _uses_iceberg(self) -> bool:
        return "iceberg" in self._run.arguments.get("--datalake-formats", "").split(",")

    def _write_spark_properties(self, archive: spark.ClassArchive | None, write_archive_to: Path | None) -> Path:
        """Write what the driver reads at its start, tokens and keys included; return the properties file."""
        buckets, runtime = self._buckets(), self._runtime
        archive_options = archive.options(write_to=write_archive_to) if archive else []
        input_bytes = sum(self._size(bucket) for bucket in buckets)
        settings = spark.settings(
            spark.parse_conf(self._run.arguments.get("--conf", "")),
            buckets=buckets,
            endpoint=runtime.aws.endpoint,
            credentials=self._credentials,
            work=self._work,
            java_options=spark.jvm_options(self._work, input_bytes, archive_options),
            glue_catalog_jar=runtime.glue_catalog_jar,
        )
        (self._work / "log4j2.properties").write_text(spark.LOG4J)
        properties = self._work / "spark.properties"
        spark.write_properties(properties, settings)
        self._tokens.write_bytes(hadoop_token.token_file(self._credentials, urlsplit(runtime.aws.endpoint).netloc))
        return properties

    def _environ(self, properties: Path) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        archives = [str(self._work / Path(uri).name) for uri in _uris(self._run.arguments.get("--extra-py-files", ""))]
        return inherited | {
            "PYTHONPATH": os.pathsep.join([str(self._work), *(path for path in archives if not path.endswith(".py"))]),
            "PYTHONUNBUFFERED": "1",
            "PYSPARK_PYTHON": sys.executable,
            "TMPDIR": str(self._work / "tmp"),
            "AWS_ENDPOINT_URL": self._runtime.aws.endpoint,
            "AWS_REGION": self._runtime.aws.region,
            "AWS_DEFAULT_REGION": self._runtime.aws.region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "HADOOP_TOKEN_FILE_LOCATION": self._tokens.name,  # relative, since Hadoop splits it at commas
            **self._credentials.environ(),
            **spark.environ(properties, scratch=self._work / "tmp"),
        }


def _texts(lines: Iterable[LogLine]) -> list[str]:
    return [line.text for line in lines]


def _uris(value: str) -> list[str]:
    return [uri for uri in value.replace(",", " ").split() if "://" in uri]
