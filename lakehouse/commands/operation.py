"""One command at a time on an environment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from lakehouse import aws
from lakehouse.environments import Environment
from lakehouse.errors import CommandInterruptedError, NotDeployedError
from lakehouse.lease_holder import LeaseHolder
from lakehouse.terraform import Outputs
from lakehouse.workflow import refuse_second_run


@contextmanager
def exclusive(
    environment: Environment, command: str, *, start: bool = False, keep: bool = True
) -> Iterator[LeaseHolder]:
    """Lock an environment for one command; if the command is interrupted, say what is left running.

    Yields the lease holder. It has no lease until `take_lease`.

    Args:
        environment: The environment to work on.
        command: The make command, without ENV.
        start: Whether to start the embedded AWS if it is not running.
        keep: Whether an embedded AWS that was started stays.

    """
    command += environment.option
    with environment.lock(command):
        try:
            with (
                environment.connect(start=start, keep=keep),
                LeaseHolder(command, commands_are_gone=environment.one_command_at_a_time) as lease,
            ):
                yield lease
        except KeyboardInterrupt:
            raise CommandInterruptedError(
                f"Interrupted: {command} did not finish.{environment.still_running()}"
            ) from None
        except CommandInterruptedError as interrupted:
            raise CommandInterruptedError(f"{interrupted}{environment.still_running()}") from None


def take_lease(lease: LeaseHolder, outputs: Outputs) -> None:
    """Take the lease of a deployed environment, unless this command has it."""
    _take(lease, outputs.region, outputs.bucket, outputs.workflow)


def take_lease_if_deployed(environment: Environment, lease: LeaseHolder) -> None:
    """Take the lease of an environment if it has one: if any version of the project has deployed it."""
    if environment.may_be_deployed():
        with suppress(NotDeployedError):
            _take(lease, *environment.terraform().location())


def _take(lease: LeaseHolder, region: str, bucket: str, workflow: str) -> None:
    """Take the lease, then refuse if a run that will take it next has already started."""
    if not lease.taken:
        session = aws.session(region)
        lease.take(session, bucket)
        refuse_second_run(session.client("glue", config=aws.CONFIG), workflow)
