"""Runs Glue job runs for real: what Glue does between StartJobRun and the end of the run."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from embedded_aws import hadoop_token, spark
from embedded_aws.callers import Callers
from embedded_aws.job_process import JobProcess, LogLine, error_message
from embedded_aws.job_run import JobRun
from embedded_aws.process import Credentials

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

log = logging.getLogger(__name__)

KILLED_GRACE: Final = 10.0
SHUTDOWN_GRACE: Final = 30.0
ARCHIVE_GRACE: Final = 600.0  # for a JVM that writes the class archive when it ends: seconds, minutes on a busy machine
LOG_BATCH: Final = 5000

# All that a script sees of the environment that the server was started in.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TERM", "LD_LIBRARY_PATH", "NO_PROXY", "no_proxy")


class JobFailedError(Exception):
    """The run ends as FAILED with this message."""


class JobRuntime:
    """Runs job runs in threads, each script in a fresh process, all that is done for it with the job's role."""

    def __init__(
        self, build: Path, callers: Callers, minute: float = 60.0, glue_catalog_jar: Path | None = None
    ) -> None:
        self._build = build
        self._callers = callers
        self.glue_catalog_jar = glue_catalog_jar
        self.sandbox = callers.sandbox
        self._minute = minute
        self._lock = threading.Lock()
        self._processes: set[JobProcess] = set()
        self._archiving: IO[str] | None = None
        self._closed = False

    def start(self, run: JobRun, on_finished: Callable[[JobRun], None]) -> None:
        """Begin a run and return; `on_finished` is called in the run's thread when it has ended."""
        threading.Thread(target=self._run, args=(run, on_finished), name=run.id, daemon=True).start()

    def stop(self, run: JobRun) -> None:
        """Ask a run to stop; it becomes STOPPED when its processes are gone."""
        if not run.finished:
            run.move_to("STOPPING")
            run.stop_requested.set()

    def close(self) -> None:
        """Kill what still runs, at the end of the server, and see it gone."""
        with self._lock:
            self._closed = True
            processes = list(self._processes)
        for process in processes:
            process.kill()
        for process in processes:
            process.finish(KILLED_GRACE)

    def client(self, service: Any, credentials: Credentials | None = None) -> Any:
        """Return a boto3 client of this sandbox, with an assumed role's credentials or the root user's."""
        return self._callers.client(service, credentials or self.sandbox.credentials)

    def _run(self, run: JobRun, on_finished: Callable[[JobRun], None]) -> None:
        state, error = "FAILED", None
        try:
            state, error = _Execution(self, run).execute()
        except JobFailedError as failure:
            error = str(failure)
        except (ClientError, BotoCoreError) as failure:
            error = f"On behalf of the job's role {run.spec.role}: {failure}"
        except OSError as failure:  # a write that fails for want of space names no file
            log.exception("Job run %s", run.id)
            what = f"{failure.filename or self._build} cannot be used: {failure.strerror or failure}"
            error = f"{what}. Put it right and run again."
        except Exception as failure:  # a defect here must end the run, not leave it RUNNING for ever
            log.exception("Job run %s", run.id)
            error = f"The embedded AWS failed: {failure!r}"
        if run.stop_requested.is_set():
            state, error = "STOPPED", None
        run.move_to(state, error)
        log.info("%s %s %s", run.spec.name, run.id, state)
        on_finished(run)

    # What an execution needs of the runtime.

    @property
    def jobs_folder(self) -> Path:
        """Folder of the runs' work directories."""
        return self._build / "local" / "jobs"

    def seconds(self, minutes: float) -> float:
        """Return how long a timeout lasts."""
        return minutes * self._minute

    def assume(self, role: str, session: str) -> Credentials:
        """Return credentials of a job's role, given by its ARN or its name."""
        name = role.rpartition("/")[2]
        try:
            arn = self.client("iam").get_role(RoleName=name)["Role"]["Arn"]
        except ClientError as error:
            raise JobFailedError(f"Role {role} can't be assumed: there is no such role.") from error
        issued = self.client("sts").assume_role(RoleArn=arn, RoleSessionName=session)["Credentials"]
        return Credentials(issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"])

    def size(self, bucket: str) -> int:
        """Return the bytes of all objects of a bucket."""
        pages = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return sum(item["Size"] for page in pages for item in page.get("Contents", []))

    def launch(self, command: list[str], cwd: Path, env: Mapping[str, str]) -> JobProcess:
        """Start a process that `close` will kill."""
        process = JobProcess(command, cwd, env, cwd / "output.log")
        with self._lock:
            if not self._closed:
                self._processes.add(process)
                return process
        process.kill()
        process.finish(KILLED_GRACE)
        raise JobFailedError("The embedded AWS is going down.")

    def dismiss(self, process: JobProcess) -> None:
        """Forget a process whose group is gone."""
        with self._lock:
            self._processes.discard(process)

    def class_archive(self) -> tuple[spark.ClassArchive, Path | None]:
        """Return the class archive of the JVMs, and where the caller's JVM shall write it.

        One JVM at a time, also where several servers share a cache, as those of the tests do.
        """
        with self._lock:
            archive = spark.class_archive(self._build / "cache")
            if archive.path.is_file() or self._archiving:
                return archive, None
            lock = archive.path.with_suffix(".lock").open("w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                return archive, None
            self._archiving = lock
        return archive, archive.path.with_suffix(f".{os.getpid()}.partial")

    def archived(self, archive: spark.ClassArchive, written: Path) -> None:
        """Take the archive that a JVM wrote when it ended, if it did."""
        if written.is_file():
            archive.publish(written)
        with self._lock:
            if self._archiving:
                self._archiving.close()  # which lets go of the lock
            self._archiving = None


class _Execution:
    """One attempt, step by step."""

    def __init__(self, runtime: JobRuntime, run: JobRun) -> None:
        self._runtime = runtime
        self._run = run
        self._work = runtime.jobs_folder / run.id
        self._tokens = self._work / "tokens"
        self._work.mkdir(parents=True)
        (self._work / "output.log").touch()

    def execute(self) -> tuple[str, str | None]:
        """Run the script; return the final state and its error message."""
        run, runtime = self._run, self._runtime
        self._credentials = runtime.assume(run.spec.role, session=f"glue-{run.id[3:35]}")
        self._s3: S3Client = runtime.client("s3", self._credentials)
        script = self._fetch_code()
        archived = self._uses_iceberg and not runtime.glue_catalog_jar  # an archive holds the classes of one Iceberg
        archive, write_archive_to = runtime.class_archive() if archived else (None, None)
        properties = self._write_spark_properties(archive, write_archive_to)
        command = [sys.executable, script.name, *run.argv()]
        if not run.stop_requested.is_set():
            run.move_to("RUNNING")
        started = time.monotonic()
        process = runtime.launch(command, self._work, self._environ(properties))
        code = self._watch(process, started + runtime.seconds(run.timeout))
        succeeded = code == 0
        if not succeeded:
            process.kill()
        reaper = threading.Thread(target=self._reap, args=(process, succeeded, archive, write_archive_to), daemon=True)
        reaper.start()
        if not succeeded:
            reaper.join()  # a failed job's processes are gone before what they wrote is looked at
        run.execution_seconds = time.monotonic() - started
        self._ship_logs(process)
        if code is None:
            return "TIMEOUT", f"Job run exceeded its timeout of {run.timeout} minutes."
        return ("SUCCEEDED", None) if succeeded else ("FAILED", error_message(_texts(process.lines["error"]), code))

    def _watch(self, process: JobProcess, deadline: float) -> int | None:
        """Return the exit code, or None at the deadline or when a stop is asked for."""
        while not self._run.stop_requested.is_set() and time.monotonic() < deadline:
            code = process.wait(timeout=0.1)
            if code is not None:
                return code
        return None

    def _reap(
        self, process: JobProcess, succeeded: bool, archive: spark.ClassArchive | None, written: Path | None
    ) -> None:
        """See the whole process group gone. The JVM outlives the script by the time that it takes to shut down."""
        if succeeded and written:
            process.yield_to_others()
            ended = process.finish(ARCHIVE_GRACE)
        else:
            ended = process.finish(SHUTDOWN_GRACE if succeeded else KILLED_GRACE)
        self._runtime.dismiss(process)
        if archive and written:
            if not (ended and succeeded):
                written.unlink(missing_ok=True)
            self._runtime.archived(archive, written)
        shutil.rmtree(self._work / "tmp", ignore_errors=True)

    def _fetch_code(self) -> Path:
        """Download script, modules and files into the work directory; return the script."""
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
            path.write_bytes(self._s3.get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))["Body"].read())
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NoSuchBucket"):
                raise JobFailedError(f"{uri} does not exist.") from error
            raise JobFailedError(f"{uri} can't be read by {self._run.spec.role}: {error}") from error
        return path

    def _buckets(self) -> list[str]:
        """Return the buckets that script and arguments name by an s3:// URI."""
        text = " ".join([self._run.spec.script_location, *self._run.arguments.values()])
        return sorted({urlsplit(uri).netloc for uri in _uris(text.replace("=", " ")) if uri.startswith("s3://")})

    @property
    def _uses_iceberg(self) -> bool:
        return "iceberg" in self._run.arguments.get("--datalake-formats", "").split(",")

    def _write_spark_properties(self, archive: spark.ClassArchive | None, write_archive_to: Path | None) -> Path:
        """Write what the driver reads when it starts, tokens and keys included, and return the properties file."""
        buckets, runtime = self._buckets(), self._runtime
        archive_options = archive.options(write_to=write_archive_to) if archive else []
        input_bytes = sum(runtime.size(bucket) for bucket in buckets)
        settings = spark.settings(
            spark.parse_conf(self._run.arguments.get("--conf", "")),
            buckets=buckets,
            endpoint=runtime.sandbox.endpoint,
            credentials=self._credentials,
            work=self._work,
            java_options=spark.jvm_options(self._work, input_bytes, archive_options),
            glue_catalog_jar=runtime.glue_catalog_jar,
        )
        (self._work / "log4j2.properties").write_text(spark.LOG4J)
        properties = self._work / "spark.properties"
        spark.write_properties(properties, settings)
        self._tokens.write_bytes(hadoop_token.token_file(self._credentials, urlsplit(runtime.sandbox.endpoint).netloc))
        return properties

    def _environ(self, properties: Path) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        archives = [str(self._work / Path(uri).name) for uri in _uris(self._run.arguments.get("--extra-py-files", ""))]
        return inherited | {
            "PYTHONPATH": os.pathsep.join([str(self._work), *(path for path in archives if not path.endswith(".py"))]),
            "PYTHONUNBUFFERED": "1",
            "PYSPARK_PYTHON": sys.executable,
            "TMPDIR": str(self._work / "tmp"),
            "AWS_ENDPOINT_URL": self._runtime.sandbox.endpoint,
            "AWS_REGION": self._runtime.sandbox.region,
            "AWS_DEFAULT_REGION": self._runtime.sandbox.region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "HADOOP_TOKEN_FILE_LOCATION": self._tokens.name,  # relative: Hadoop splits it at commas
            **self._credentials.environ(),
            **spark.environ(properties, scratch=self._work / "tmp"),
        }

    def _ship_logs(self, process: JobProcess) -> None:
        """Write the lines to CloudWatch Logs where Glue does; a role that may not is no reason to fail."""
        logs = self._runtime.client("logs", self._credentials)
        try:
            for stream, lines in process.lines.items():
                group = f"{self._run.log_group}/{stream}"
                _create(logs.create_log_group, logs, logGroupName=group)
                _create(logs.create_log_stream, logs, logGroupName=group, logStreamName=self._run.id)
                for start in range(0, len(lines), LOG_BATCH):
                    events = [
                        {"timestamp": line.timestamp, "message": line.text or " "}
                        for line in lines[start : start + LOG_BATCH]
                    ]
                    logs.put_log_events(logGroupName=group, logStreamName=self._run.id, logEvents=events)
        except ClientError as error:
            log.warning("%s: no CloudWatch logs: %s", self._run.id, error)


def _create(operation: Callable[..., Any], logs: Any, **arguments: str) -> None:
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        operation(**arguments)


def _texts(lines: Iterable[LogLine]) -> list[str]:
    return [line.text for line in lines]


def _uris(value: str) -> list[str]:
    return [uri for uri in value.replace(",", " ").split() if "://" in uri]
