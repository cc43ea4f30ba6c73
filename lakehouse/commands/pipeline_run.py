"""Run the pipeline and report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from lakehouse import aws, card_copy, labels, preflight, reconciliation, run_folder, tables
from lakehouse.commands.file_names import add_file_names
from lakehouse.commands.operation import exclusive, take_lease, take_lease_if_deployed
from lakehouse.console import Display
from lakehouse.environments import Environment
from lakehouse.errors import CommandInterruptedError, WorkflowError
from lakehouse.landing import FolderData
from lakehouse.landing_bucket import S3Folder
from lakehouse.landing_input import data_in_bucket, upload
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
from lakehouse.run_facts import RunFacts
from lakehouse.terraform import Outputs
from lakehouse.watching import RunView, head
from lakehouse.workflow import Workflow, WorkflowRun

WIDE = 100
"""Columns of a terminal from which tables name also the table that rows were published in."""


def run(
    environment: Environment, source: Path | S3Folder | None, profile: str | None, *, rebuild: bool = False
) -> None:
    """Run the pipeline; raise an error unless all tables are published and every row is reconciled.

    The local environment is deployed and its landing zone filled first. With `rebuild`, landing files that earlier runs
    have parsed are parsed anew.
    """
    if environment.run_applies:
        preflight.check(environment.project.root, environment.display)
    found = environment.run_input(source)
    requested_profile = environment.profile(profile)
    expected = None
    if isinstance(found, FolderData) and requested_profile:
        expected = expected_rows(found.folder, requested_profile)
    with exclusive(environment, "make run-pipeline", start=True) as lease:
        outputs = environment.deploy_for_run(profile, lambda: take_lease_if_deployed(environment, lease))
        take_lease(lease, outputs)
        name = ""
        if found:
            data = data_in_bucket(environment.display, outputs, found) if isinstance(found, S3Folder) else found
            upload(environment.display, outputs, data)
            name = data.name if isinstance(found, S3Folder) else Path(data.name).name
        facts = RunFacts(lease.owner, environment.project.commit(), name, rebuild="1" if rebuild else "")
        run_workflow(environment, outputs, expected, lease, facts, described=_described(environment.project, found))
        steps = None
        if isinstance(found, FolderData):
            steps = labels.publish(aws.session(outputs.region), outputs, found.folder)
        card_copy.refresh(environment, outputs, steps=steps)


def run_workflow(
    environment: Environment,
    outputs: Outputs,
    expected: dict[str, int] | None,
    lease: LeaseHolder,
    facts: RunFacts,
    *,
    described: str,
) -> None:
    """Start the workflow, follow it to its end, write and print the report.

    A run that resumes another one is reported under the id of that run.
    """
    display = environment.display
    session = aws.session(outputs.region)
    workflow = Workflow(session.client("glue", config=aws.CONFIG), outputs, pause=environment.poll_seconds)
    profile, overridden = workflow.deployed_policies()
    lease.check()
    run_id = workflow.start(lease.id, facts)
    own_id = facts.resumes or run_id
    path = run_folder.create(environment.project, own_id) / run_folder.REPORT
    lease.hand_on(workflow.name, run_id)
    policies = f"{profile} with changed policies" if overridden else profile
    progress = reconciliation.Progress(session, outputs.audit_database, own_id)
    with tied_to_the_command(environment, workflow, run_id, outputs, lease):
        display.tell_event("run", head(own_id, policies, described), run_id=own_id, profile=policies, data=described)
        finished = follow(display, workflow, run_id, progress)
    lease.take_back()
    finished = replace(finished, id=own_id)
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
        rerun, anew = (f"make {target}{environment.option}" for target in ("rerun", "run-pipeline"))
        again = (
            f"To begin again: {anew}" if facts.resumes else "To begin again, run the command again."
        )  # with its DATA
        raise WorkflowError(
            f"{named}\nFix the cause. To continue from the failed job, on the same inputs: {rerun}\n{again}"
        )
    if problems:
        raise WorkflowError("\n  ".join(problems))
    verified = ", row counts as expected" if verify else ""
    cost = f" and {report.dpu_seconds:,} DPU-seconds" if report.dpu_seconds else ""
    display.say(f"Succeeded in {report.seconds} s{cost} with profile {profile}{verified}. Report: {path}")
    display.say(next_steps(environment.option))


def _described(project: Project, data: FolderData | S3Folder | None) -> str:
    """Return which landing data a run reads."""
    if data is None:
        return f"the landing zone of {project.environment}"
    if isinstance(data, S3Folder):
        return str(data)
    folder = data.folder.relative_to(project.root) if data.folder.is_relative_to(project.root) else data.folder
    return f"{folder} (generated)" if data.folder == project.sample else str(folder)


def _problems(report: Report, expected: dict[str, int] | None) -> list[str]:
    """Return why a run of which all jobs succeeded is no success: a heading and a line for each reason."""
    if missing := report.missing():
        return ["All jobs succeeded, but the run is not complete:", *missing]
    if expected and (differing := differences(expected, report.tables)):
        return ["All jobs succeeded, but the row counts differ from expected.json of DATA:", *differing]
    return []


def follow(display: Display, workflow: Workflow, run_id: str, progress: reconciliation.Progress) -> WorkflowRun:
    """Show a run until it ends."""
    view = RunView(display, progress.read)
    with view.shown():
        return workflow.follow(run_id, view.change, view.poll)


@contextmanager
def tied_to_the_command(
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
