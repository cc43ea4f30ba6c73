"""The rights of a person: erasure (forget) and access (export)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lakehouse import aws, card_copy, private_files
from lakehouse.commands import run_report
from lakehouse.commands.file_names import add_file_names
from lakehouse.commands.operation import exclusive, take_lease
from lakehouse.environments import Confirm, Environment, ask
from lakehouse.erasure import ErasureJob, read_addresses, summarize
from lakehouse.errors import LakehouseError
from lakehouse.lease_holder import LeaseHolder
from lakehouse.workflow import JobRun


def forget(
    environment: Environment,
    email: str,
    confirm: Confirm,
    *,
    dry_run: bool,
    file: Path | None = None,
    accept: Sequence[str] = (),
) -> None:
    """Erase one person, or those of a file: dry run, question, erasure, report.

    `accept` are keys of objects that need not be searched.
    """
    emails = read_addresses(email, file)
    subjects = _describe(emails)
    with _erasure_job(environment, "make forget") as (job, lease):
        request, resumed = job.request(emails, accept)
        environment.display.say(f"Request {request}{', resumed' if resumed else ''}: {subjects} in {environment.name}")
        report = _run(environment, job, request, dry_run=True)
        found, begun = report["erased"]["found"], report["erased"]["resumed"]
        if dry_run or not (found or begun):
            return
        if found:
            ask(confirm, f"Erase {subjects} from {environment.name} for good?")
        lease.check()
        job.request(emails, accept, request)  # the dry run deleted it, unless an erasure had begun
        _run(environment, job, request, dry_run=False)
        if number := run_report.discard(environment.project):
            again = f"make report{environment.option}"
            environment.display.say(
                f"Deleted {number} reports, which counted the erased rows. To make one again: {again}"
            )
        card_copy.refresh(environment, environment.terraform().outputs())


def export(environment: Environment, email: str) -> None:
    """Write all data about a person to a file, each item with its source."""
    emails = read_addresses(email, None)
    with _erasure_job(environment, "make export") as (job, _):
        request, _ = job.request(emails)
        environment.display.say(f"Request {request}: {_describe(emails)} in {environment.name}")
        path = environment.project.build / f"export-{request}.json"
        private_files.write(path, job.export(request, _print_state(environment)))
        environment.display.say(
            f"All data about this person: {path}. It is personal data: hand it over, then delete the file."
        )


@contextmanager
def _erasure_job(environment: Environment, command: str) -> Iterator[tuple[ErasureJob, LeaseHolder]]:
    """Hold the lease of the environment for the erasure job; errors name their files on a terminal."""
    with exclusive(environment, command) as lease:
        outputs = environment.terraform().outputs()
        take_lease(lease, outputs)
        session = aws.session(outputs.region)
        job = ErasureJob(
            session.client("glue", config=aws.CONFIG),
            session.client("s3", config=aws.CONFIG),
            outputs,
            environment.poll_seconds,
            lease.id,
        )
        try:
            yield job, lease
        except LakehouseError as error:
            raise type(error)(add_file_names(environment.display, outputs, str(error))) from error


def _run(environment: Environment, job: ErasureJob, request: str, *, dry_run: bool) -> dict[str, Any]:
    """Run the job for a request; print its report, write it to a file and return it."""
    report = job.run(request, dry_run=dry_run, on_change=_print_state(environment))
    path = environment.project.build / f"forget-{request}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    environment.display.say("\n".join([*summarize(report), f"Report: {path}"]))
    return report


def _print_state(environment: Environment) -> Callable[[JobRun], None]:
    return lambda run: environment.display.say(f"  {run.name} {run.state}")


def _describe(emails: Sequence[str]) -> str:
    """Return the address of one person, or the number of several."""
    return emails[0] if len(emails) == 1 else f"{len(emails)} people"
