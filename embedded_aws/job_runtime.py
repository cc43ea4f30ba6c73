"""Runs Glue job runs for real: each in a thread, its script in its own process."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from moto.s3.models import FakeKey

from embedded_aws import spark
from embedded_aws.callers import Callers
from embedded_aws.connection import Credentials
from embedded_aws.job_execution import KILLED_GRACE, JobExecution, JobFailedError
from embedded_aws.job_process import JobProcess
from embedded_aws.job_run import JobRun

log = logging.getLogger(__name__)

SECONDS_PER_MINUTE: Final = 60.0


class JobRuntime:
    """Starts and stops job runs, and holds what they share: processes to kill at the end, and the class archive."""

    def __init__(
        self,
        build: Path,
        callers: Callers,
        seconds_per_minute: float = SECONDS_PER_MINUTE,
        glue_catalog_jar: Path | None = None,
    ) -> None:
        self._build = build
        self._callers = callers
        self._seconds_per_minute = seconds_per_minute
        self.aws = callers.aws
        self.glue_catalog_jar = glue_catalog_jar
        self._lock = threading.Lock()
        self._processes: set[JobProcess] = set()
        self._archive_lock: IO[str] | None = None
        self._closed = False

    def start(self, run: JobRun, on_finished: Callable[[JobRun], None]) -> None:
        """Start a run and return; `on_finished` is called in the run's thread at its end."""
        threading.Thread(target=self._run, args=(run, on_finished), name=run.id, daemon=True).start()

    def stop(self, run: JobRun) -> None:
        """Request that a run stops; it becomes STOPPED when its processes are gone."""
        if not run.finished:
            run.move_to("STOPPING")
            run.stop_requested.set()

    def close(self) -> None:
        """Kill all running jobs at the end of the server, and wait until they are gone."""
        with self._lock:
            self._closed = True
            processes = list(self._processes)
        for process in processes:
            process.kill()
        for process in processes:
            process.finish(KILLED_GRACE)

    def client(self, service: Any, credentials: Credentials | None = None) -> Any:
        """Return a boto3 client of this embedded AWS, by default with the root user's credentials."""
        return self._callers.client(service, credentials or self.aws.credentials)

    def read_object(self, credentials: Credentials, bucket: str, key: str) -> bytes:
        """Return the content of an object; a ClientError if it does not exist, or is denied to the caller."""
        content: bytes = self._callers.read_object(credentials, bucket, key).value
        return content

    def list_objects(self, bucket: str) -> list[FakeKey]:
        """Return all objects of a bucket."""
        objects, _ = self._callers.list_objects(self.aws.credentials, bucket, "")
        return objects

    def _run(self, run: JobRun, on_finished: Callable[[JobRun], None]) -> None:
        state, error = "FAILED", None
        try:
            state, error = JobExecution(self, run).execute()
        except JobFailedError as failure:
            error = str(failure)
        except (ClientError, BotoCoreError) as failure:
            error = f"A request with the job's role {run.spec.role} failed: {failure}"
        except OSError as failure:  # a write to a full disk names no file
            log.exception("Job run %s", run.id)
            reason = failure.strerror or failure
            error = f"{failure.filename or self._build} cannot be used: {reason}. Fix the cause and run again."
        except Exception as failure:  # a defect here must end the run, not leave it RUNNING forever
            log.exception("Job run %s", run.id)
            error = f"The embedded AWS failed: {failure!r}"
        if run.stop_requested.is_set():
            state, error = "STOPPED", None
        run.move_to(state, error)
        log.info("%s %s %s", run.spec.name, run.id, state)
        on_finished(run)

    # For an execution

    @property
    def jobs_folder(self) -> Path:
        """Folder of the runs' work folders."""
        return self._build / "local" / "jobs"

    def seconds(self, minutes: float) -> float:
        """Return the seconds that a timeout lasts."""
        return minutes * self._seconds_per_minute

    def launch(self, command: list[str], cwd: Path, env: Mapping[str, str]) -> JobProcess:
        """Start a process that `close` will kill."""
        process = JobProcess(command, cwd, env, cwd / "output.log")
        with self._lock:
            if not self._closed:
                self._processes.add(process)
                return process
        process.kill()
        process.finish(KILLED_GRACE)
        raise JobFailedError("The embedded AWS is shutting down.")

    def dismiss(self, process: JobProcess) -> None:
        """Drop a process whose group is gone."""
        with self._lock:
            self._processes.discard(process)

    def class_archive(self) -> tuple[spark.ClassArchive, Path | None]:
        """Return the class archive of the JVMs, and the path to write it to if the caller's JVM is to write it.

        Only one JVM writes it at a time, even where several servers share a cache, as those of the tests do.
        """
        with self._lock:
            archive = spark.class_archive(self._build / "cache")
            if archive.path.is_file() or self._archive_lock:
                return archive, None
            lock = archive.path.with_suffix(".lock").open("w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                return archive, None
            self._archive_lock = lock
        return archive, archive.path.with_suffix(f".{os.getpid()}.partial")

    def publish_archive(self, archive: spark.ClassArchive, written: Path) -> None:
        """Publish the archive that a JVM wrote when it ended, if it wrote one, and let the next JVM try."""
        if written.is_file():
            archive.publish(written)
        with self._lock:
            if self._archive_lock:
                self._archive_lock.close()  # which releases the lock
            self._archive_lock = None
