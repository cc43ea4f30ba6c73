"""One command at a time on an environment: a lock on this machine, and the lease that its jobs take on."""

from __future__ import annotations

import fcntl
import getpass
import json
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from types import TracebackType
from typing import Self

import boto3

from lakehouse.aws import CONFIG
from lakehouse.errors import OperationUnderWayError
from lakehouse.lease import Lease, LeaseError, Operation
from lakehouse.project import Project

NOTHING_TOUCHED = "Nothing was touched."


@contextmanager
def machine_lock(project: Project, purpose: str) -> Iterator[None]:
    """Let one command of a checkout work on its embedded AWS at a time, also while there is no bucket for a lease yet.

    The operating system gives the lock free when the command is gone, however it went.
    """
    if not project.is_local:
        yield
        return
    path = project.root / "build" / "operation.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise OperationUnderWayError(f"{_described(file.read())} {NOTHING_TOUCHED}") from None
        file.truncate(0)
        json.dump(asdict(_operation(purpose)), file)
        file.flush()
        yield


def _described(text: str) -> str:
    try:
        held = json.loads(text)
    except ValueError:  # it is being written
        return "Another command has just begun. Wait for its end."
    return f"{held['purpose']} by {held['owner']} is under way since {held['since']}. Wait for its end, or stop it."


class Claim:
    """What a command holds of an environment: nothing until there is a bucket, then its lease, to the command's end."""

    def __init__(self, purpose: str, *, is_local: bool) -> None:
        self._operation = _operation(purpose)
        self._is_local = is_local
        self._lease: Lease | None = None
        self._handed_on = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lease and not self._handed_on:
            self._lease.release()

    @property
    def id(self) -> str:
        """What jobs that the command starts are told, so that they take on its lease."""
        return self._operation.id

    @property
    def taken(self) -> bool:
        """Whether the command has the lease."""
        return self._lease is not None

    def take(self, session: boto3.Session, bucket: str) -> None:
        """Take the lease of a bucket, or raise an OperationUnderWayError that says who has it."""
        s3, glue = session.client("s3", config=CONFIG), session.client("glue", config=CONFIG)
        lease = Lease(s3, glue, bucket, self._operation)
        try:
            lease.take(commands_are_gone=self._is_local)  # else they would hold the machine's lock
        except LeaseError as error:
            raise OperationUnderWayError(f"{error} {NOTHING_TOUCHED}") from error
        self._lease = lease

    def check(self) -> None:
        """Raise an OperationUnderWayError if another command has taken over meanwhile."""
        try:
            if self._lease:
                self._lease.check()
        except LeaseError as error:
            raise OperationUnderWayError(str(error)) from error

    def hand_on(self, workflow: str, run_id: str) -> None:
        """Leave the lease to a run of the workflow, which releases it, also when this command is gone by then."""
        if self._lease:
            self._handed_on = True
            self._lease.hand_on(workflow=workflow, run_id=run_id)

    def take_back(self) -> None:
        """Note that the run has ended: the command releases what the run may have kept."""
        self._handed_on = False


def _operation(purpose: str) -> Operation:
    return Operation(uuid.uuid4().hex, f"{getpass.getuser()}@{socket.gethostname()}", purpose, command=True)
