"""How a command holds the lease of an environment, which its jobs join."""

from __future__ import annotations

import getpass
import socket
import uuid
from types import TracebackType
from typing import Self

import boto3

from lakehouse.aws import CONFIG
from lakehouse.errors import OperationInProgressError
from lakehouse.lease import Lease, LeaseError, Operation


class LeaseHolder:
    """A command as the holder of a lease: from the moment that there is a bucket to the end of the command."""

    def __init__(self, purpose: str, *, commands_are_gone: bool) -> None:
        """`commands_are_gone`: no other command can be running, so a lease held by one is stale."""
        self._operation = new_operation(purpose)
        self._commands_are_gone = commands_are_gone
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
        """Id of the operation: jobs that get it join this lease."""
        return self._operation.id

    @property
    def owner(self) -> str:
        """User and machine of this command."""
        return self._operation.owner

    @property
    def taken(self) -> bool:
        """Whether the command has the lease."""
        return self._lease is not None

    def take(self, session: boto3.Session, bucket: str) -> None:
        """Take the lease of a bucket, or raise an OperationInProgressError that names its holder."""
        s3, glue = session.client("s3", config=CONFIG), session.client("glue", config=CONFIG)
        lease = Lease(s3, glue, bucket, self._operation)
        try:
            lease.take(commands_are_gone=self._commands_are_gone)
        except LeaseError as error:
            raise OperationInProgressError(f"Nothing was touched: {error}") from error
        self._lease = lease

    def check(self) -> None:
        """Raise an OperationInProgressError if the lease was lost to another command."""
        try:
            if self._lease:
                self._lease.check()
        except LeaseError as error:
            raise OperationInProgressError(str(error)) from error

    def hand_on(self, workflow: str, run_id: str) -> None:
        """Leave the lease to a workflow run, which releases it even if this command is gone by then."""
        if self._lease:
            self._handed_on = True
            self._lease.hand_on(workflow=workflow, run_id=run_id)

    def take_back(self) -> None:
        """Note that the workflow run has ended: the command releases what the run may have kept."""
        self._handed_on = False


def new_operation(purpose: str) -> Operation:
    """Return a new operation of this user on this machine; `purpose` is the command as it was typed."""
    return Operation(uuid.uuid4().hex, f"{getpass.getuser()}@{socket.gethostname()}", purpose, command=True)
