"""Publication of the tables that a run has written; snapshots that nobody may see any longer expire with it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

import derivation
import kept_rows
import lineage
import pipeline
import published_card
import restoring
import retention
import withdrawal
from arguments import History
from iceberg import Snapshot
from job_run import JobRun
from problems import AuditError, describe_error


def publish(run: JobRun, tables: Sequence[str]) -> None:
    """Publish those of the tables that are on the run's branch, after a check that they are consistent.

    A workflow run has written all tables. Some may be published already, if its last job is retried. Afterwards
    snapshots expire that show people who have withdrawn, or that history no longer keeps, each table gets a tag of the
    run, and the dataset card is written. Raises an AuditError if tables are missing or were not made from each other,
    and a LeaseError if another operation has taken the lease; then nothing is published.
    """
    is_of_workflow = bool(run.arguments.workflow_run_id)
    written = {name: s for name in tables if (s := run.table(name).snapshot(run.branch))}
    if is_of_workflow:
        others = {name: run.table(name).snapshot() for name in tables if name not in written}
        refuse_incomplete(run.arguments.workflow_run_id, others)
    sources = {source for snapshot in written.values() for source in snapshot.inputs} - written.keys()
    visible = {name: s for name in sources if (s := run.table(name).snapshot())}
    refuse_inconsistent(written, visible)
    run.lease.check()
    if is_of_workflow:
        _delete_superseded(run, written)
    for name in written:
        run.table(name).publish(run.branch)
    print(f"published: {', '.join(written)}", flush=True)
    _expire_withdrawn(run)
    # That commits current rows again and expires the snapshots of tags, maybe of an attempt that was killed.
    for name in tables:
        run.table(name).tag(run.branch)
    if is_of_workflow and run.arguments.history:
        _limit_growth(run, run.arguments.history)
    if pipeline.publishes(run.writes):
        published_card.write(run.spark, database=run.arguments.database, bucket=run.bucket)


def _delete_superseded(run: JobRun, written: Mapping[str, Snapshot]) -> None:
    """Delete what jobs have kept for others than the rows that are about to be published, as of a killed run."""
    heads = {name: written.get(name) or run.table(name).snapshot() for name in pipeline.WRITTEN}
    reports = {name: snapshot.report for name, snapshot in heads.items() if snapshot}
    states = [state] if (state := lineage.derivation(reports[run.writes])) else []
    kept_rows.PEOPLE.delete_others(run.bucket, states)
    sources = {name: pipeline.TABLES[name]["accounts_for"] for name in reports}
    decided = {derivation.of_decisions(lineage.derived_from(reports[name]), sources[name]) for name in reports}
    kept_rows.DECISIONS.delete_others(run.bucket, decided)


def _expire_withdrawn(run: JobRun) -> None:
    """Expire earlier snapshots that show people who have withdrawn, or that reveal who is behind a pseudonym."""
    tables = {name: run.table(name) for name in (*pipeline.WRITTEN, *pipeline.BESIDE)}
    if not run.arguments.workflow_run_id:  # some tables may not exist yet
        tables = {name: table for name, table in tables.items() if table.exists()}
    expired = withdrawal.expire(tables, partial(_purge, run))
    if expired:
        counts = ", ".join(f"{sum(reasons.values())} of {name}" for name, reasons in expired.items())
        print(f"expired snapshots that show withdrawn people or undo pseudonyms: {counts}", flush=True)
        rows = [
            {"target_table": name, "outcome": restoring.EXPIRED, "reason": reason, "rows": count}
            for name, reasons in expired.items()
            for reason, count in reasons.items()
        ]
        records = run.audit_table("pipeline_runs").read()
        run.record("pipeline_runs", restoring.frame(records, rows, recorded_at=run.now, **run.columns()))


def _purge(run: JobRun, table: str) -> None:
    """Delete for good the files of a table that no reader reaches any longer."""
    prefix = run.location(table).removeprefix(f"s3://{run.bucket}/")
    began = datetime.fromtimestamp(run.now / 1000, UTC)
    withdrawal.delete_unreachable(run.bucket, prefix, run.table(table).files, before=began)


def _limit_growth(run: JobRun, history: History) -> None:
    """Expire the runs before those that the tables keep, and merge small files of the audit tables.

    The run has been published: if this fails, the next run does it.
    """
    run.lease.check()
    tables = {name: run.table(name) for name in (*pipeline.WRITTEN, *pipeline.BESIDE)}
    try:
        if expired := retention.expire(tables, run.writes, history, now=run.now):
            counts = ", ".join(f"{count} of {name}" for name, count in expired.items())
            print(f"expired snapshots of runs that history no longer keeps: {counts}", flush=True)
        for name in pipeline.AUDIT:
            if retention.merge_small_files(run.audit_table(name)):
                print(f"merged small files of {name}", flush=True)
    except (Py4JError, PySparkException) as error:
        print(f"WARNING: earlier runs have not expired: {describe_error(error)} The next run tries again.", flush=True)


def refuse_incomplete(workflow_run_id: str, others: Mapping[str, Snapshot | None]) -> None:
    """Raise an AuditError unless the workflow run has already published the tables that are not on its branch."""
    own = {name for name, seen in others.items() if seen and seen.report.get("workflow-run-id") == workflow_run_id}
    if missing := [name for name in others if name not in own]:
        raise AuditError(
            f"The workflow run {workflow_run_id} has no {', '.join(missing)} to publish, so it publishes nothing: "
            "a job did not run, or another run has discarded its table. Run the whole workflow again."
        )


def refuse_inconsistent(written: Mapping[str, Snapshot], visible: Mapping[str, Snapshot]) -> None:
    """Raise an AuditError if publishing would show a table beside other rows of an input than it was made from.

    Both arguments are by table: `written` is what is to be published, `visible` what readers see otherwise. Of
    the visible tables only those that were made from a written table matter.
    """
    shown = {table: (snapshot.id, snapshot.report) for table, snapshot in {**visible, **written}.items()}
    for table, source in lineage.outdated(shown):
        if table in written or source in written:
            raise AuditError(
                f"{table} was made from another snapshot of {source} than would be published with it: {source} was "
                "written by another run in the meantime. Nothing was published. Run the whole workflow again."
            )
