"""The lease of a lakehouse: one operation at a time, from its first read to its last write.

One object in the bucket names the operation that holds the lakehouse. Conditional writes of S3 (`If-None-Match`,
`If-Match`) let exactly one of several contenders take it. The holder renews it once a minute; without renewal it
expires. All times are those of S3, so no other clock matters.

A run that the arrival of files started waits for the end of another operation, since nobody else would start it again;
any other contender is refused.

An operation has an id that is passed on: a command passes it to the workflow run that it starts, and the jobs of that
run renew and release the lease. Command line and jobs share this file: lakehouse/lease.py links to it.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

KEY: Final = "operations/lease.json"
PROPERTY: Final = "lease"
"""Run property of a Glue workflow with the id of the operation that started the run."""
DURATION: Final = 900
"""Seconds without renewal after which a lease expires: longer than Glue takes to start the next job of a run."""
RENEWAL: Final = 60
ATTEMPTS: Final = 5  # when another writer of the lease wins the race
POLL: Final = 15
"""Seconds between two looks at a lease that is waited for."""
ENDED: Final = frozenset({"COMPLETED", "STOPPED", "ERROR"})
"""Final states of a workflow run."""
JOB_RUN_ENDED: Final = frozenset({"SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"})
GONE: Final = ("NoSuchKey", "NoSuchBucket", "404")
LOST_RACE: Final = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409")


_begun: Final[set[str]] = set()
"""Ids of the operations that had the lease in this process: having read something, they do not wait for it again."""


class LeaseError(Exception):
    """Another operation holds the lease or has taken it over; the message names it."""


@dataclass(frozen=True)
class Operation:
    """An operation on the lakehouse: its owner, purpose and progress."""

    id: str
    owner: str
    """User and machine, or the job."""
    purpose: str
    """The command as the operator typed it."""
    since: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"))
    command: bool = False
    """Whether a command started it, which may continue after its run has ended."""
    workflow: str = ""
    job: str = ""
    run_id: str = ""
    """Id of the workflow run or job run, once it has started."""


@dataclass(frozen=True)
class Held:
    """The lease as read from S3."""

    operation: Operation
    etag: str
    remaining: timedelta
    """Time until it expires; negative if it has expired or was released."""

    @property
    def free(self) -> bool:
        """Whether any operation may take it."""
        return self.remaining <= timedelta()

    def __str__(self) -> str:
        """Describe who holds the lease, since when, and how to proceed."""
        held = self.operation
        run = held.run_id and f", {'workflow' if held.workflow else 'job'} run {held.run_id}"
        remedy = f"Wait for its end; unless renewed, the lease expires in {-(-self.remaining.seconds // 60)} minutes."
        if held.workflow and held.run_id:
            remedy += f" To stop it: aws glue stop-workflow-run --name {held.workflow} --run-id {held.run_id}"
        return f"{held.purpose} by {held.owner} has been running since {held.since}{run}. {remedy}"


class Lease:
    """The lease of one lakehouse for one operation; S3 errors are raised as botocore's ClientError.

    `bucket` is that of the lakehouse, with its prefix if it shares the bucket (see s3_root, which a shared file cannot
    import).

    `s3` must be a dedicated client: while the lease is written, every write of the client is conditional.

    With `waits`, `take` waits for the end of another operation. The timeout of the job limits the wait.
    """

    def __init__(self, s3: Any, glue: Any, bucket: str, operation: Operation, *, waits: bool = False) -> None:
        self.operation = operation
        self._waits = waits
        self._s3 = s3
        self._glue = glue
        self._bucket = bucket
        name, _, prefix = bucket.partition("/")
        self._address = {"Bucket": name, "Key": f"{prefix}/{KEY}" if prefix else KEY}
        self._progress = {name: value for name in ("workflow", "job", "run_id") if (value := getattr(operation, name))}
        self._stop = threading.Event()
        self._lost: Exception | None = None
        self._thread: threading.Thread | None = None

    def take(self, *, commands_are_gone: bool = False) -> None:
        """Take the lease and keep it renewed, or raise a LeaseError that names its holder."""
        told = ""
        while True:
            try:
                self._take(commands_are_gone)
                break
            except LeaseError as error:
                if not self._waits:
                    raise
                holder = str(error).partition(" Wait for its end")[0]  # what follows changes with the time
                if holder != told:
                    print(f"Waiting for the lease: {holder}", flush=True)
                told = holder
                time.sleep(POLL)
        _begun.add(self.operation.id)
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)
        self._thread.start()

    def _take(self, commands_are_gone: bool) -> None:
        """Take the lease, or raise a LeaseError.

        The lease is free if it was never taken, was released or has expired; if the same operation holds it, which is
        then resumed; or if a run holds it that has ended, unless a command started the run and may still be alive.
        """
        for _ in range(ATTEMPTS):
            found = self.read()
            if found and found.operation.id == self.operation.id:
                self._resume(found.operation)
            elif found and not found.free:
                command_lives = found.operation.command and not commands_are_gone
                if command_lives or not self._run_has_ended(found.operation):
                    raise LeaseError(str(found))
            if self._write(found):
                break
        else:
            raise LeaseError(f"Other operations are taking the lease of {self._bucket} at the same time. Try again.")

    def check(self) -> None:
        """Raise a LeaseError if the lease was lost; call it before a step that needs the lease."""
        if self._lost:
            raise LeaseError(f"{self._lost} This operation has lost its lease and stops.")

    def hand_on(self, *, workflow: str = "", run_id: str = "") -> None:
        """Renew once more and leave the lease to the next job of the operation, or to the workflow run of a command."""
        if workflow:
            self._progress = {"command": False, "workflow": workflow, "run_id": run_id}
        self._end(DURATION)

    def release(self) -> None:
        """Release the lease if the operation still holds it."""
        self._end(0)

    def read(self) -> Held | None:
        """Return the lease; None if it was never taken."""
        try:
            answer = self._s3.get_object(**self._address)
        except ClientError as error:
            if error.response["Error"]["Code"] in GONE:
                return None
            raise
        date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        now = parsedate_to_datetime(date) if date else datetime.now(UTC)
        content = json.loads(answer["Body"].read())
        expires = answer["LastModified"] + timedelta(seconds=content.pop("seconds"))
        return Held(Operation(**content), answer["ETag"], expires - now)

    def _end(self, duration: int) -> None:
        """Write the lease for the last time. A failure is only logged: the lease expires by itself."""
        self._stop.set()
        if self._thread:
            self._thread.join()
        try:
            self._renew(duration)
        except (LeaseError, BotoCoreError, ClientError) as error:
            _log_failed_renewal(error)

    def _keep(self) -> None:
        while not self._stop.wait(RENEWAL):
            try:
                self._renew()
            except LeaseError as error:
                self._lost = error
                return
            except (BotoCoreError, ClientError) as error:  # there is time to try again
                _log_failed_renewal(error)

    def _resume(self, found: Operation) -> None:
        """Resume the operation as recorded in the lease, with the progress of this process."""
        self.operation = replace(found, **self._progress)

    def _run_has_ended(self, operation: Operation) -> bool:
        """Tell whether the run that an operation started has ended, according to Glue."""
        try:
            if operation.workflow:
                run = self._glue.get_workflow_run(Name=operation.workflow, RunId=operation.run_id)
                return run["Run"]["Status"] in ENDED
            if operation.job:
                job_run = self._glue.get_job_run(JobName=operation.job, RunId=operation.run_id)
                return job_run["JobRun"]["JobRunState"] in JOB_RUN_ENDED
        except self._glue.exceptions.EntityNotFoundException:
            pass
        return True

    def _renew(self, duration: int = DURATION) -> None:
        for _ in range(ATTEMPTS):
            found = self.read()
            if found is None and not duration:
                return  # the bucket is gone
            if found is None or found.operation.id != self.operation.id:
                raise LeaseError(f"Another operation has taken the lease. {found or ''}".strip())
            if found.free and not duration:
                return  # a job released it
            self._resume(found.operation)
            if self._write(found, duration):
                return

    def _write(self, found: Held | None, duration: int = DURATION) -> bool:
        """Write the lease over the state that was read; False if another writer was faster."""
        condition = {"If-Match": found.etag} if found else {"If-None-Match": "*"}

        def add_condition(params: dict[str, Any], **_: Any) -> None:
            params["headers"].update(condition)

        # As a header: the boto3 version of Glue may lack the parameter.
        self._s3.meta.events.register("before-call.s3.PutObject", add_condition)
        try:
            body = json.dumps({**asdict(self.operation), "seconds": duration}).encode()
            self._s3.put_object(**self._address, Body=body, ContentType="application/json")
        except ClientError as error:
            if error.response["Error"]["Code"] in LOST_RACE:
                return False
            raise
        finally:
            self._s3.meta.events.unregister("before-call.s3.PutObject", add_condition)
        return True


def _log_failed_renewal(error: Exception) -> None:
    print(f"The lease was not renewed: {error}", file=sys.stderr, flush=True)


def for_job_run(
    bucket: str, *, given: str, job: str, job_run_id: str, workflow: str = "", workflow_run_id: str = ""
) -> Lease:
    """Return the lease for a job run.

    The operation is the one `given` by the command that started the job, that of its workflow run, or else the job run
    itself. A retry belongs to the same operation. The first job of a run that arrival started waits for the lease.
    """
    glue = boto3.client("glue")
    own = workflow_run_id or job_run_id.partition("_attempt_")[0]
    waits = False
    if workflow and not given:
        run = glue.get_workflow_run_properties(Name=workflow, RunId=workflow_run_id)
        given = run.get("RunProperties", {}).get(PROPERTY, "")
        waits = not given and own not in _begun and _begins_by_arrival(glue, workflow, workflow_run_id)
    purpose = f"The workflow {workflow}" if workflow else f"The job {job}"
    operation = Operation(given or own, job, purpose)
    if workflow:
        operation = replace(operation, workflow=workflow, run_id=workflow_run_id)
    else:
        operation = replace(operation, job=job, run_id=job_run_id)
    return Lease(boto3.client("s3"), glue, bucket, operation, waits=waits)


def _begins_by_arrival(glue: Any, workflow: str, run_id: str) -> bool:
    """Tell whether a workflow run was started by events, and no job of it has succeeded yet."""
    run = glue.get_workflow_run(Name=workflow, RunId=run_id)["Run"]
    return "StartingEventBatchCondition" in run and not run.get("Statistics", {}).get("SucceededActions")
