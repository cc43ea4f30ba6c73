"""Put all tables back to an earlier run: the snapshots of one run, as one consistent set, or nothing.

Iceberg commits one table at a time. If a commit fails, the tables before it are put back; if the job is killed between
two commits, the same rollback completes it, since it skips the tables that are there already.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

import lineage
import small_frames
import withdrawal
from address import Addresses
from iceberg import MAIN, Snapshot, Table
from policies import IDENTITY_POLICY_OF_TABLE
from problems import BadInputError

NOTHING: Final = "Nothing was changed."
RESTORED: Final = "restored"
"""Outcome in pipeline_runs of a table that was put back; the reason is the id of the run that made it."""
EXPIRED: Final = "expired"
"""Outcome in pipeline_runs of snapshots that must not come back; the reason is one of the following."""
ERASURE: Final = "erasure request"


def snapshots_of(tables: Mapping[str, Table], run_id: str) -> dict[str, Snapshot]:
    """Return the published snapshot of a run by table, the last if there are several; without the tables that lack one.

    A withdrawal or an erasure commits the tables of a run again: then that is its snapshot.
    """
    found = {}
    for name, table in tables.items():
        published = table.published_ids()
        own = [s for s in table.history() if s.id in published and s.report.get("workflow-run-id") == run_id]
        if own:
            found[name] = max(own, key=lambda snapshot: snapshot.committed_at)
    return found


def tagged(tables: Mapping[str, Table], tag: str) -> dict[str, Snapshot]:
    """Return the snapshot that a tag names by table: a label is published after the run, and has no run of its own."""
    return {name: snapshot for name, table in tables.items() if (snapshot := table.tagged(tag))}


def refuse_missing(run_id: str, tables: Iterable[str], found: Mapping[str, Snapshot], records: DataFrame) -> None:
    """Raise a BadInputError if tables lack a snapshot of the run, with the reason for which it expired.

    `records` are the rows of pipeline_runs.
    """
    if not (missing := [name for name in tables if name not in found]):
        return
    what = f"The run {run_id} has no snapshot of {', '.join(missing)} any longer"
    of_run = records.where((F.col("workflow_run_id") == run_id) & (F.col("outcome") == "output"))
    if not (since := of_run.agg(F.max("recorded_at")).head()[0]):  # type: ignore[index]
        raise BadInputError(f"No run {run_id} is on record. {NOTHING} Choose one: make runs")
    written = {row[0] for row in of_run.select("target_table").distinct().collect()}
    if never := [name for name in missing if name not in written]:
        raise BadInputError(f"The run {run_id} never wrote {', '.join(never)}, so it has no complete set. {NOTHING}")
    later = records.where((F.col("outcome") == EXPIRED) & (F.col("recorded_at") > since))
    reasons = later.where(F.col("target_table").isin(missing)).groupBy("reason").agg(F.max("recorded_at")).collect()
    if reasons:
        causes = ", ".join(f"{reason} of {_time(at)}" for reason, at in sorted(map(tuple, reasons)))
        raise BadInputError(f"{what}: removed by {causes}, which no rollback undoes. {NOTHING}")
    raise BadInputError(
        f"{what}: it was never published, or its snapshots have expired, since the tables keep only the last runs: see "
        "the Terraform variable history, or table_optimizers if they are enabled. "
        f"{NOTHING} Run the pipeline on data and code of that run instead."
    )


def refuse_past_erasure(run_id: str, target: Mapping[str, Snapshot], records: DataFrame) -> None:
    """Raise a BadInputError if an erasure began after the snapshots were made, even if it has not yet removed them."""
    erasures = records.where((F.col("outcome") == EXPIRED) & (F.col("reason") == ERASURE))
    last = erasures.agg(F.max("recorded_at")).head()[0]  # type: ignore[index]
    if last and any(snapshot.committed_at < last for snapshot in target.values()):
        raise BadInputError(
            f"The run {run_id} was before the {ERASURE} of {_time(last)}, and would bring erased data back. {NOTHING}"
        )


def refuse_inconsistent(run_id: str, target: Mapping[str, Snapshot]) -> None:
    """Raise a BadInputError unless the snapshots were made from each other."""
    for table, source in lineage.outdated({table: (found.id, found.report) for table, found in target.items()}):
        raise BadInputError(
            f"{table} of the run {run_id} was made from another snapshot of {source} than the one that is left, so "
            f"there is no consistent set. {NOTHING}"
        )


def refuse_other_identity(run_id: str, tables: Mapping[str, Table], target: Mapping[str, Snapshot]) -> None:
    """Raise a BadInputError if a policy that identifies people has changed since: both kinds must not be readable."""
    for name, policy in IDENTITY_POLICY_OF_TABLE.items():
        history = {snapshot.id: snapshot for snapshot in tables[name].history()}
        current = tables[name].branches().get(MAIN)
        then, now = (withdrawal.policy_at(id_, history, policy) for id_ in (target[name].id, current))
        if then != now:
            raise BadInputError(
                f"{policy} was {then} in the run {run_id} and is {now} now: {name} of both would reveal who is behind "
                f"a pseudonym. {NOTHING}"
            )


def refuse_withdrawn(run_id: str, people: Table, target: Snapshot) -> None:
    """Raise a BadInputError if the run shows a customer whom a later run no longer shows, whatever the reason."""
    published = people.published_ids()
    later = [s for s in people.history() if s.id in published and s.committed_at > target.committed_at]
    shown = people.read_snapshot(target.id).select("email")
    for snapshot in later:
        kept = people.read_snapshot(snapshot.id).select("email")
        addresses = Addresses(shown, kept)
        gone = addresses.add_to(shown, "email").join(addresses.add_to(kept, "email"), on="address", how="left_anti")
        if number := gone.select("address").distinct().count():
            raise BadInputError(
                f"The run {run_id} shows {number:,} customers who are not in that of "
                f"{_time(snapshot.committed_at)} any longer ({snapshot.report.get('workflow-run-id')}): a withdrawal "
                f"of consent, or other policies. No rollback undoes that. {NOTHING}"
            )


def restore(tables: Mapping[str, Table], target: Mapping[str, Snapshot]) -> list[str]:
    """Make snapshots the current ones, and return the tables that had others; if a commit fails, undo those before."""
    before = {name: table.branches().get(MAIN) for name, table in tables.items()}
    changed = [name for name in tables if before[name] != target[name].id]
    done: list[str] = []
    try:
        for name in changed:
            tables[name].set_current(target[name].id)
            done.append(name)
    except Exception:
        for name in done:
            if (earlier := before[name]) is not None:
                tables[name].set_current(earlier)
        raise
    return changed


def rows_for_record(target: Mapping[str, Snapshot], run_id: str) -> list[dict[str, Any]]:
    """Return a row of pipeline_runs for each table that was put back."""
    return [
        {
            "target_table": name,
            "outcome": RESTORED,
            "reason": run_id,
            "rows": snapshot.rows,
            "profile": snapshot.report.get("profile", ""),
            "snapshot_id": snapshot.id,
        }
        for name, snapshot in target.items()
    ]


def frame(records: DataFrame, rows: Sequence[Mapping[str, Any]], **common: Any) -> DataFrame:
    """Return rows for a table with the columns of `records`; missing texts are empty, missing numbers null."""
    defaults = {field.name: "" if field.dataType.simpleString() == "string" else None for field in records.schema}
    return small_frames.of(records.sparkSession, records.schema, ({**defaults, **common, **row} for row in rows))


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
