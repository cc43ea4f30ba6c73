"""Run the pipeline and report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rich.live import Live

from lakehouse import aws, dataset_card, labels, reconciliation, tables
from lakehouse.commands.file_names import add_file_names
from lakehouse.commands.operation import exclusive, take_lease, take_lease_if_deployed
from lakehouse.console import Display
from lakehouse.environments import Environment
from lakehouse.errors import CommandInterruptedError, WorkflowError
from lakehouse.landing_input import upload
from lakehouse.lease_holder import LeaseHolder
from lakehouse.report import (
    FAILED,
    Report,
    differences,
    expected_rows,
    explain_failure,
    jobs_table,
    reconciliation_table,
    rows_table,
)
from lakehouse.terraform import Outputs
from lakehouse.workflow import Workflow, WorkflowRun


def run(environment: Environment, folder: Path | None, profile: str | None) -> None:
    """Run the pipeline; raise an error unless all tables are published and every row is reconciled.

    The local environment is deployed and its landing zone filled first.
    """
    data = environment.run_input(folder)
    requested_profile = environment.profile(profile)
    expected = expected_rows(data.folder, requested_profile) if data and requested_profile else None
    with exclusive(environment, "make run-pipeline", start=True) as lease:
        outputs = environment.deploy_for_run(profile, lambda: take_lease_if_deployed(environment, lease))
        take_lease(lease, outputs)
        if data:
            upload(environment.display, outputs, data)
        _run_workflow(environment, outputs, expected, lease)
        if data:
            labels.publish(aws.session(outputs.region), outputs, data.folder)
        dataset_card.refresh(environment, outputs)


def _run_workflow(
    environment: Environment, outputs: Outputs, expected: dict[str, int] | None, lease: LeaseHolder
) -> None:
    """Start the workflow, follow it to its end, write and print the report."""
    display, path = environment.display, environment.project.build / "run.json"
    session = aws.session(outputs.region)
    workflow = Workflow(session.client("glue", config=aws.CONFIG), outputs, pause=environment.poll_seconds)
    profile, overridden = workflow.deployed_policies()
    lease.check()
    run_id = workflow.start(lease.id)
    lease.hand_on(workflow.name, run_id)
    finished = _follow(environment, workflow, run_id, outputs, lease)
    lease.take_back()
    published = tables.publications(session, outputs.database)
    reconciled = reconciliation.of_run(session, outputs.audit_database, finished.id)
    report = Report.of(finished, profile, published, reconciled)
    verify = None if overridden else expected
    problems = _problems(report, verify) if finished.succeeded else []
    if problems:
        report = replace(report, status=FAILED)
    report.write(path)
    display.console.print(rows_table(report.tables, report))
    if report.reconciliations:
        display.console.print(reconciliation_table(report.reconciliations))
    for line in report.empty():
        display.warn(line)
    if not finished.succeeded:
        message = explain_failure(finished, published, environment.log_of)
        raise WorkflowError(add_file_names(display, outputs, message))
    if problems:
        raise WorkflowError("\n  ".join(problems))
    verified = ", row counts as expected" if verify else ""
    cost = f" and {report.dpu_seconds:,} DPU-seconds" if report.dpu_seconds else ""
    display.say(f"Succeeded in {report.seconds} s{cost} with profile {profile}{verified}. Report: {path}")


def _problems(report: Report, expected: dict[str, int] | None) -> list[str]:
    """Return why a run of which all jobs succeeded is no success: a heading and a line for each reason."""
    if missing := report.missing():
        return ["All jobs succeeded, but the run is not complete:", *missing]
    if expected and (differing := differences(expected, report.tables)):
        return ["All jobs succeeded, but the row counts differ from expected.json of DATA:", *differing]
    return []


def _follow(
    environment: Environment, workflow: Workflow, run_id: str, outputs: Outputs, lease: LeaseHolder
) -> WorkflowRun:
    """Show a run until it ends."""
    try:
        with _watch(environment.display, run_id) as show:
            return workflow.follow(run_id, show)
    except KeyboardInterrupt:
        raise CommandInterruptedError(environment.interrupt_run(workflow, run_id, outputs, lease)) from None
    except BaseException:
        environment.abandon_run(workflow, run_id)
        raise


@contextmanager
def _watch(display: Display, run_id: str) -> Iterator[Callable[[WorkflowRun], None]]:
    """Yield a function that shows the state of a run: in a live table on a terminal, else a line for each change."""
    display.say(f"Workflow run {run_id}")
    if display.console.is_terminal:
        with Live(console=display.console, refresh_per_second=4, transient=True) as live:
            yield lambda run: live.update(jobs_table(run))
    else:
        yield _print_changes(display)


def _print_changes(display: Display) -> Callable[[WorkflowRun], None]:
    """Return a function that prints a line for each job of which the state has changed."""
    states: dict[str, str] = {}

    def show(run: WorkflowRun) -> None:
        for job in run.jobs:
            if job.id and states.get(job.name) != job.state:
                states[job.name] = job.state
                took = f" ({job.seconds:.1f} s)" if job.seconds is not None else ""
                display.say(f"  {job.name} {job.state}{took}")

    return show
