"""Put all tables back to an earlier run."""

from __future__ import annotations

from lakehouse import aws, card_copy, tables
from lakehouse.commands.operation import exclusive, take_lease
from lakehouse.environments import Confirm, Environment
from lakehouse.errors import LakehouseError
from lakehouse.history import TRAINING, History, Run
from lakehouse.job_runs import run_to_end
from lakehouse.lease_holder import LeaseHolder
from lakehouse.report import rows_table
from lakehouse.run_ids import short
from lakehouse.tables import TABLE_OF_JOB
from lakehouse.terraform import Outputs
from lakehouse.workflow import SUCCEEDED, JobRun

ATTEMPTS = 3
"""Runs of the job after which to give up: one that is killed between two tables is completed by the next."""
BUSY = "Another rollback has just started. Nothing was changed. Wait for it to end, then run the command again."


def rollback(environment: Environment, given: str, confirm: Confirm) -> None:
    """Put all tables back to the snapshots of an earlier run, or say why that is not possible."""
    if not given:
        raise LakehouseError(
            "RUN is missing: the run to put the tables back to. Nothing was changed. "
            f"Choose one: make runs{environment.option}"
        )
    display = environment.display
    with exclusive(environment, "make rollback") as lease:
        outputs = environment.terraform().outputs()
        take_lease(lease, outputs)
        session = aws.session(outputs.region)
        history = History.of(environment.project, session, outputs)
        run = history.run(history.find(given))
        before = {found.workflow_run_id for found in tables.publications(session, outputs.database).values()}
        display.say(f"Rollback of {environment.name} to the run {describe(run)}")
        environment.confirm_deletion(confirm, f"Put all tables of {environment.name} back to the run {short(run.id)}?")
        lease.check()
        run_job(environment, outputs, lease, {"--run": run.id})
        published = tables.publications(session, outputs.database)
        card_copy.refresh(environment, outputs)
    display.console.print(rows_table(tables.rows(published)))
    if wrong := [name for name in TABLE_OF_JOB.values() if name not in tables.of_run(published, run.id)]:
        raise LakehouseError(f"{', '.join(wrong)} are not those of the run {run.id}. Run the same command again.")
    if forward := sorted(before - {run.id, ""}):
        display.say(f"To go forward again: make rollback{environment.option} RUN={forward[0]}")
    display.say("The next run of the pipeline publishes from the landing zone again, over this state.")


def run_job(environment: Environment, outputs: Outputs, lease: LeaseHolder, arguments: dict[str, str]) -> None:
    """Run the rollback job until it has succeeded; raise a LakehouseError with its message if it refuses."""
    glue = aws.session(outputs.region).client("glue", config=aws.CONFIG)
    given = {**arguments, "--lease": lease.id, "--started_by": lease.owner, "--commit": environment.project.commit()}
    ended = JobRun("rollback")
    for _ in range(ATTEMPTS):
        ended = run_to_end(
            glue,
            outputs.rollback_job,
            {name: value for name, value in given.items() if value},
            script="rollback",
            pause=environment.poll_seconds,
            on_change=lambda now: environment.display.say(f"  {now.name} {now.state}"),
            busy=BUSY,
        )
        if ended.state == SUCCEEDED:
            return
        if any(said in (ended.message or "") for said in ("rollback: ", "rollback failed: ")):
            break  # by itself, with its reason
        lease.check()
    message = (ended.message or "it left no message").strip()
    raise LakehouseError(f"The rollback job ended as {ended.state}: {message}\nLog: {environment.log_of(ended)}")


def describe(run: Run) -> str:
    """Return a run in a line: id, time, profile and training rows."""
    when = f" of {run.started:%Y-%m-%d %H:%M} UTC" if run.started else ""
    rows = f", {run.rows[TRAINING]:,} training rows" if TRAINING in run.rows else ""
    return f"{short(run.id)}{when}, profile {run.profile or 'unknown'}{rows}"
