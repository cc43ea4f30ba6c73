"""The lease of a lakehouse: one operation at a time, from its first look to its last write.

One object in the bucket says which operation holds the lakehouse. S3 writes it conditionally (`If-None-Match`,
`If-Match`), so of two that want it one gets it. The holder renews it once a minute; one that is not renewed expires.
Times are S3's own, so no other clock matters.

An operation is known by an id that is handed on: a command passes it to the workflow run that it starts, and the jobs
of that run renew the lease and release it. Command line and jobs run this very file: lakehouse/lease.py links to it.
"""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

KEY: Final = "operations/lease.json"
PROPERTY: Final = "lease"
"""Run property of a Glue workflow that holds the id of the operation which started the run."""
DURATION: Final = 900
"""Seconds without renewal after which a lease expires: longer than Glue takes to start the next job of a run."""
RENEWAL: Final = 60
ATTEMPTS: Final = 5  # when another writer of the same lease comes first
ENDED: Final = frozenset({"COMPLETED", "STOPPED", "ERROR"})
"""States of a workflow run that nothing follows."""
JOB_RUN_ENDED: Final = frozenset({"SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"})
GONE: Final = ("NoSuchKey", "NoSuchBucket", "404")
LOST_RACE: Final = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409")


class LeaseError(Exception):
    """Another operation holds the lakehouse, or has taken it over; the message says which."""


@dataclass(frozen=True)
class Operation:
    """Who works on the lakehouse, and on what."""

    id: str
    owner: str
    """User and machine, or the job."""
    purpose: str
    """The command, in the operator's words."""
    since: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"))
    command: bool = False
    """Whether a command is behind it, which may go on when its run has ended."""
    workflow: str = ""
    job: str = ""
    run_id: str = ""
    """Of the workflow's run or of the job's, when the operation has got that far."""


@dataclass(frozen=True)
class Held:
    """The lease as it was read."""

    operation: Operation
    etag: str
    remaining: timedelta
    """Until it expires; negative when it has expired or was released."""

    @property
    def free(self) -> bool:
        """Whether anybody may take it."""
        return self.remaining <= timedelta()

    def __str__(self) -> str:
        """Return who holds the lease, since when, and how to go on."""
        held = self.operation
        run = held.run_id and f", {'workflow' if held.workflow else 'job'} run {held.run_id}"
        remedy = f"Wait for its end; unless renewed, the lease expires in {-(-self.remaining.seconds // 60)} minutes."
        if held.workflow and held.run_id:
            remedy += f" To stop it: aws glue stop-workflow-run --name {held.workflow} --run-id {held.run_id}"
        return f"{held.purpose} by {held.owner} is under way since {held.since}{run}. {remedy}"


class Lease:
    """The lease of one bucket, as one operation sees it; errors of S3 come as botocore's ClientError.

    `s3` must be a client that nothing else uses: while the lease is written, all that it writes is conditional.
    """

    def __init__(self, s3: Any, glue: Any, bucket: str, operation: Operation) -> None:
        self.operation = operation
        self._s3 = s3
        self._glue = glue
        self._bucket = bucket
        self._progress = {name: value for name in ("workflow", "job", "run_id") if (value := getattr(operation, name))}
        self._stop = threading.Event()
        self._lost: Exception | None = None
        self._thread: threading.Thread | None = None

    def take(self, *, commands_are_gone: bool = False) -> None:
        """Take the lease and keep it renewed, or raise a LeaseError that says who holds it.

        Free is what nobody has, has released or has let expire; what the same operation holds, which is then taken on
        as it began; and what is held by a run that has ended, unless a command is behind it that may still live.
        """
        for _ in range(ATTEMPTS):
            found = self.read()
            if found and found.operation.id == self.operation.id:
                self._take_on(found.operation)
            elif found and not found.free:
                command_lives = found.operation.command and not commands_are_gone
                if command_lives or not self._run_has_ended(found.operation):
                    raise LeaseError(str(found))
            if self._write(found):
                break
        else:
            raise LeaseError(f"Other operations want the lease of {self._bucket} too. Try again.")
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise a LeaseError if the lease was lost: what comes next must not be done."""
        if self._lost:
            raise LeaseError(f"{self._lost} This operation has lost its lease: it goes no further.")

    def hand_on(self, *, workflow: str = "", run_id: str = "") -> None:
        """Renew once more and leave the lease to the operation's next job, a command to its run of the workflow."""
        if workflow:
            self._progress = {"command": False, "workflow": workflow, "run_id": run_id}
        self._end(DURATION)

    def release(self) -> None:
        """Release the lease, if the operation still has it."""
        self._end(0)

    def read(self) -> Held | None:
        """Return the lease; None if there never was one."""
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=KEY)
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
        """Write the lease for the last time. Where that fails it expires by itself, and no work is undone for it."""
        self._stop.set()
        if self._thread:
            self._thread.join()
        try:
            self._renew(duration)
        except (LeaseError, BotoCoreError, ClientError) as error:
            _complain(error)

    def _keep(self) -> None:
        while not self._stop.wait(RENEWAL):
            try:
                self._renew()
            except LeaseError as error:
                self._lost = error
                return
            except (BotoCoreError, ClientError) as error:  # there is time for some more attempts
                _complain(error)

    def _take_on(self, found: Operation) -> None:
        """Be the operation as it began, at the run that it has got to."""
        self.operation = replace(found, **self._progress)

    def _run_has_ended(self, operation: Operation) -> bool:
        """Whether nothing runs that an operation has started, as far as Glue knows."""
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
                return  # the bucket has gone
            if found is None or found.operation.id != self.operation.id:
                raise LeaseError(f"The lease went to another operation. {found or ''}".strip())
            if found.free and not duration:
                return  # a job has released it
            self._take_on(found.operation)
            if self._write(found, duration):
                return

    def _write(self, found: Held | None, duration: int = DURATION) -> bool:
        """Write the lease over the state that was found; False if somebody else was faster."""
        condition = {"If-Match": found.etag} if found else {"If-None-Match": "*"}

        def add_condition(params: dict[str, Any], **_: Any) -> None:
            params["headers"].update(condition)

        # As a header: the boto3 of Glue need not know the parameter.
        self._s3.meta.events.register("before-call.s3.PutObject", add_condition)
        try:
            body = json.dumps({**asdict(self.operation), "seconds": duration}).encode()
            self._s3.put_object(Bucket=self._bucket, Key=KEY, Body=body, ContentType="application/json")
        except ClientError as error:
            if error.response["Error"]["Code"] in LOST_RACE:
                return False
            raise
        finally:
            self._s3.meta.events.unregister("before-call.s3.PutObject", add_condition)
        return True


def _complain(error: Exception) -> None:
    print(f"The lease was not renewed: {error}", file=sys.stderr, flush=True)


def for_job_run(
    bucket: str, *, given: str, job: str, job_run_id: str, workflow: str = "", workflow_run_id: str = ""
) -> Lease:
    """Return the lease for the run of a job.

    The operation is the one `given` by the command that started the job, that of its workflow run, or the run itself; a
    retry belongs to the same one.
    """
    glue = boto3.client("glue")
    own = workflow_run_id or job_run_id.partition("_attempt_")[0]
    if workflow and not given:
        run = glue.get_workflow_run_properties(Name=workflow, RunId=workflow_run_id)
        given = run.get("RunProperties", {}).get(PROPERTY, "")
    purpose = f"The workflow {workflow}" if workflow else f"The job {job}"
    operation = Operation(given or own, job, purpose)
    if workflow:
        operation = replace(operation, workflow=workflow, run_id=workflow_run_id)
    else:
        operation = replace(operation, job=job, run_id=job_run_id)
    return Lease(boto3.client("s3"), glue, bucket, operation)
