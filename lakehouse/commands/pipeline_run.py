"""Run the pipeline and report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from lakehouse import aws, preflight, reconciliation, tables
from lakehouse.commands.file_names import add_file_names
from lakehouse.commands.operation import exclusive, take_lease, take_lease_if_deployed
from lakehouse.environments import Environment
from lakehouse.errors import CommandInterruptedError, WorkflowError
from lakehouse.landing import LandingData
from lakehouse.landing_input import upload
from lakehouse.lease_holder import LeaseHolder
from lakehouse.project import Project
from lakehouse.report import (
    FAILED,
    Report,
    differences,
    expected_rows,
    explain_failure,
    in_repository,
    next_steps,
    reconciliation_table,
    rows_table,
)
from lakehouse.terraform import Outputs
from lakehouse.watching import RunView, head
from lakehouse.workflow import Workflow

WIDE = 100
"""Columns of a terminal from which tables name also the table that rows were published in."""


def run(environment: Environment, folder: Path | None, profile: str | None) -> None:
    """Run the pipeline; raise an error unless all tables are published and every row is reconciled.

    The local environment is deployed and its landing zone filled first.
    """
    if environment.run_applies:
        preflight.check(environment.project.root, environment.display)
    data = environment.run_input(folder)
    requested_profile = environment.profile(profile)
    expected = expected_rows(data.folder, requested_profile) if data and requested_profile else None
    with exclusive(environment, "make run-pipeline", start=True) as lease:
        outputs = environment.deploy_for_run(profile, lambda: take_lease_if_deployed(environment, lease))
        take_lease(lease, outputs)
        if data:
            upload(environment.display, outputs, data)
        _run_workflow(environment, outputs, data, expected, lease)


def _run_workflow(
    environment: Environment,
    outputs: Outputs,
    data: LandingData | None,
    expected: dict[str, int] | None,
    lease: LeaseHolder,
) -> None:
    """Start the workflow, follow it to its end, write and print the report."""
    display, path = environment.display, environment.project.build / "run.json"
    session = aws.session(outputs.region)
    workflow = Workflow(session.client("glue", config=aws.CONFIG), outputs, pause=environment.poll_seconds)
    profile, overridden = workflow.deployed_policies()
    lease.check()
    run_id = workflow.start(lease.id)
    lease.hand_on(workflow.name, run_id)
    source = _described(environment.project, data)
    policies = f"{profile} with changed policies" if overridden else profile
    with _tied_to_the_command(environment, workflow, run_id, outputs, lease):
        display.tell_event("run", head(run_id, policies, source), run_id=run_id, profile=policies, data=source)
        progress = reconciliation.Progress(session, outputs.audit_database, run_id)
        view = RunView(display, progress.read)
        with view.shown():
            finished = workflow.follow(run_id, view.change, view.poll)
    lease.take_back()
    published = tables.publications(session, outputs.database)
    reconciled = progress.read()
    report = Report.of(finished, profile, published, reconciled)
    verify = None if overridden else expected
    problems = _problems(report, verify) if finished.succeeded else []
    if problems:
        report = replace(report, status=FAILED)
    report.write(path)
    display.tell_event("report", None, **report.as_json())
    if report.tables:
        display.show(rows_table(report.tables, report))
        display.show(reconciliation_table(report.reconciliations, wide=display.console.width >= WIDE))
    for line in report.empty():
        display.warn(line)
    if not finished.succeeded:
        explained = explain_failure(finished, published, environment.log_of, environment.option)
        message = in_repository(environment.project.root, explained)
        named = add_file_names(display, outputs, message)
        raise WorkflowError(f"{named}\nFix the cause and run the command again.")
    if problems:
        raise WorkflowError("\n  ".join(problems))
    verified = ", row counts as expected" if verify else ""
    cost = f" and {report.dpu_seconds:,} DPU-seconds" if report.dpu_seconds else ""
    display.say(f"Succeeded in {report.seconds} s{cost} with profile {profile}{verified}. Report: {path}")
    display.say(next_steps(environment.option))


def _described(project: Project, data: LandingData | None) -> str:
    """Return which landing data a run reads."""
    if data is None:
        return f"the landing zone of {project.environment}"
    folder = data.folder.relative_to(project.root) if data.folder.is_relative_to(project.root) else data.folder
    return f"{folder} (generated)" if data.folder == project.sample else str(folder)


def _problems(report: Report, expected: dict[str, int] | None) -> list[str]:
    """Return why a run of which all jobs succeeded is no success: a heading and a line for each reason."""
    if missing := report.missing():
        return ["All jobs succeeded, but the run is not complete:", *missing]
    if expected and (differing := differences(expected, report.tables)):
        return ["All jobs succeeded, but the row counts differ from expected.json of DATA:", *differing]
    return []


@contextmanager
def _tied_to_the_command(
    environment: Environment, workflow: Workflow, run_id: str, outputs: Outputs, lease: LeaseHolder
) -> Iterator[None]:
    """Let the environment decide what happens to a run if the command ends before it."""
    try:
        yield
    except KeyboardInterrupt:
        raise CommandInterruptedError(environment.interrupt_run(workflow, run_id, outputs, lease)) from None
    except BaseException:
        environment.abandon_run(workflow, run_id)
        raise
