"""Compare two runs, or what two profiles make of the landing zone without publishing either."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from lakehouse import aws, comparison, reconciliation, tables
from lakehouse.commands.operation import exclusive, take_lease
from lakehouse.commands.pipeline_run import follow, tied_to_the_command
from lakehouse.commands.rollback import describe, run_job
from lakehouse.comparison import Change, Count, Pairs
from lakehouse.console import Display
from lakehouse.environments import Environment
from lakehouse.errors import LakehouseError, WorkflowError
from lakehouse.history import TRAINING, History, Run
from lakehouse.lease_holder import LeaseHolder
from lakehouse.report import explain_failure
from lakehouse.run_facts import RunFacts
from lakehouse.run_ids import short
from lakehouse.tables import PROFILES
from lakehouse.terraform import Outputs
from lakehouse.workflow import Workflow

SHOWN = 20
SHOWN_PSEUDONYM = 12


def compare(environment: Environment, first: str, second: str, profiles: str) -> None:
    """Compare two recorded runs, or run two profiles, one after the other, up to their audits."""
    if bool(profiles) == bool(first or second):
        raise LakehouseError(
            "Give either RUN and WITH, two runs, or PROFILES, two profiles. Nothing was run. For example: "
            f"make compare{environment.option} PROFILES={','.join((PROFILES[0], PROFILES[-1]))}"
        )
    if profiles:
        _compare_profiles(environment, parse_profiles(profiles))
    else:
        _compare_runs(environment, first or "latest", second or "latest")


def parse_profiles(text: str) -> tuple[str, str]:
    """Return the two profiles of PROFILES."""
    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or len(set(names)) != 2 or set(names) - set(PROFILES):
        raise LakehouseError(
            f"PROFILES={text!r} is not two of {', '.join(PROFILES)}, separated by a comma. Nothing was run."
        )
    return names[0], names[1]


def _compare_runs(environment: Environment, first: str, second: str) -> None:
    with environment.connect():
        outputs = environment.terraform().outputs()
        session = aws.session(outputs.region)
        history = History.of(environment.project, session, outputs)
        ids = history.find(first), history.find(second)
        if ids[0] == ids[1]:
            raise LakehouseError(
                f"RUN and WITH are the same run, {short(ids[0])}. Choose another: make runs{environment.option}"
            )
        runs = history.run(ids[0]), history.run(ids[1])
        training = tables.catalog_of(session).load_table((outputs.database, TRAINING))
        pairs = (comparison.pairs_of_two_people(training, runs[0]), comparison.pairs_of_two_people(training, runs[1]))
        changes = comparison.customers(runs, comparison.decisions(session, outputs.audit_database, runs))
    names = short(ids[0]), short(ids[1])
    for run in runs:
        environment.display.say(describe(run))
    _print(environment.display, names, comparison.counts(runs), changes, pairs)


def _compare_profiles(environment: Environment, profiles: tuple[str, str]) -> None:
    found: list[tuple[Run, Pairs]] = []
    display = environment.display
    with exclusive(environment, "make compare") as lease:
        outputs = environment.terraform().outputs()
        take_lease(lease, outputs)
        session = aws.session(outputs.region)
        run_id = ""
        try:
            for profile in profiles:
                display.say(f"Profile {profile}, without publishing:")
                run_id = _run_unpublished(environment, outputs, lease, profile)
                run = History.of(environment.project, session, outputs).run(run_id)
                # The next run discards the branches that these snapshots are on.
                training = tables.catalog_of(session).load_table((outputs.database, TRAINING))
                found.append((run, comparison.pairs_of_two_people(training, run)))
        finally:
            if run_id:
                run_job(environment, outputs, lease, {"--discard": run_id})
        (first, first_pairs), (second, second_pairs) = found
        runs = first, second
        changes = comparison.customers(runs, comparison.decisions(session, outputs.audit_database, runs))
    _print(display, profiles, comparison.counts(runs), changes, (first_pairs, second_pairs))
    display.say("Nothing was published: all tables are as an earlier run left them.")


def _run_unpublished(environment: Environment, outputs: Outputs, lease: LeaseHolder, profile: str) -> str:
    """Run the workflow with a profile up to its last audit; return the id of the run."""
    session = aws.session(outputs.region)
    workflow = Workflow(session.client("glue", config=aws.CONFIG), outputs, pause=environment.poll_seconds)
    lease.check()
    facts = RunFacts(lease.owner, environment.project.commit(), compares=profile)
    run_id = workflow.start(lease.id, facts)
    lease.hand_on(workflow.name, run_id)
    progress = reconciliation.Progress(session, outputs.audit_database, run_id)
    with tied_to_the_command(environment, workflow, run_id, outputs, lease):
        finished = follow(environment.display, workflow, run_id, progress)
    lease.take_back()
    if not finished.succeeded:
        raise WorkflowError(explain_failure(finished, {}, environment.log_of, environment.option))
    return run_id


def _print(
    display: Display, names: tuple[str, str], counts: list[Count], changes: list[Change], pairs: tuple[Pairs, Pairs]
) -> None:
    table = Table("Table", "Outcome", "Reason", *names, "Difference", title="Rows")
    for column in table.columns[3:]:
        column.justify = "right"
    for count in counts:
        difference = "" if not count.difference else f"{count.difference:+,}"
        table.add_row(count.table, count.outcome, Text(count.reason), *map(_number, count.rows), difference)
    display.console.print(table)
    for side in (0, 1):
        only = [change for change in changes if change.kept_in == side]
        display.say(f"Customers only in {names[side]}: {len(only):,}")
        for change in only[:SHOWN]:
            why = change.reason or "not on record"
            display.say(f"  {change.pseudonym[:SHOWN_PSEUDONYM]}… in {names[1 - side]}: {why}")
        if len(only) > SHOWN:
            display.say(f"  and {len(only) - SHOWN:,} more")
    for name, found in zip(names, pairs, strict=True):
        what = f"not known, since {found.why_unknown}" if found.rows is None else f"{found.rows:,}"
        display.say(f"Training rows of {name} that pair two people: {what}")


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
