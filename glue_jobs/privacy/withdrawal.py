"""Apply withdrawals of consent to earlier snapshots of the tables: those that still show the person expire.

A customer has withdrawn if an earlier snapshot of customer_trusted shows them and the current one does not, whatever
the reason: another record, other policies, or no record any longer. Snapshots that show such a customer expire, and so
do those that were made from them. Snapshots that would undo current pseudonyms, since they show the values behind them,
expire too.
"""

import json
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import reduce
from typing import Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from pyspark.sql import DataFrame

import lineage
import pipeline
from address import Addresses
from iceberg import MAIN, Snapshot, Table
from policies import IDENTITY_POLICY_OF_TABLE, Policies
from problems import BadInputError

CUSTOMER_TABLE: Final = "customer_trusted"
WITHDRAWAL: Final = "withdrawal of consent"
TO_PURGE: Final = "lakehouse.to-purge"
"""Property of a table that has files of expired snapshots."""


def expire(tables: Mapping[str, Table], purge: Callable[[str], None]) -> dict[str, dict[str, int]]:
    """Expire the snapshots that must no longer be readable, and return how many expired by table and reason.

    `tables` are in the order of the pipeline; `purge` takes the name of a table and deletes for good what no snapshot
    of it shows any longer. Nothing expires while the current snapshot of a table was made from one of them: the job of
    that table will run later. If this run is killed, the next one completes the work: snapshots of customer_trusted
    expire last, so it finds them again, and a table to purge says so.
    """
    snapshots = _Snapshots(tables)
    stale = _showing_withdrawn(snapshots)
    if any(snapshots.current(name) in ids for name, ids in stale.items()):
        return {}
    withdrawn = {name: _with_successors(ids, snapshots.history(name)) for name, ids in stale.items()}
    for name, ids in _of_other_identity(snapshots).items():
        stale[name] = stale.get(name, set()) | ids
    to_expire = {name: _with_successors(ids, snapshots.history(name)) for name, ids in stale.items() if ids}
    if to_expire:
        _recommit(snapshots, to_expire)
    unfinished = {name for name, table in tables.items() if table.has_property(TO_PURGE)}
    for name in sorted({*to_expire, *unfinished}, key=list(tables).index, reverse=True):
        if name in to_expire:
            tables[name].set_property(TO_PURGE)
            tables[name].expire(to_expire[name])
        purge(name)
        tables[name].remove_property(TO_PURGE)
    return {
        name: {
            reason: len(of_reason)
            for reason, of_reason in (
                (WITHDRAWAL, ids & withdrawn.get(name, set())),
                (f"change of {IDENTITY_POLICY_OF_TABLE.get(name)}", ids - withdrawn.get(name, set())),
            )
            if of_reason
        }
        for name, ids in to_expire.items()
    }


def delete_unreachable(
    bucket: str, prefix: str, referenced: Callable[[], Collection[str]], *, before: datetime
) -> None:
    """Delete for good what no reader of a table reaches below its prefix of a versioned bucket.

    That is noncurrent versions, delete markers, and files to which nothing refers, as a killed job leaves them. A file
    that is not older than `before` may belong to a commit in progress.
    """
    from bucket_objects import Bucket  # noqa: PLC0415 - of the erasure, which only a withdrawal needs

    objects = Bucket(boto3.client("s3"), bucket)
    try:
        versions = list(objects.versions(prefix))  # listed before the files that the table refers to
        kept = {uri.partition("://")[2].removeprefix(f"{bucket}/") for uri in referenced()}
        if kept.isdisjoint(version.key for version in versions if version.live):
            raise BadInputError(
                f"The table refers to no file below s3://{bucket}/{prefix}, so none was deleted. Some may show people "
                "who have withdrawn. The tables are published. Move the table back to its location and run again."
            )
        objects.delete([v for v in versions if not v.live or (v.key not in kept and v.modified < before)])
    except (BotoCoreError, ClientError) as error:
        raise BadInputError(
            f"Files below s3://{bucket}/{prefix} to which nothing refers cannot be deleted: {error}. They may show "
            "people who have withdrawn. The tables are published. Fix the cause and run again."
        ) from error


class _Snapshots:
    """The unexpired snapshots of the tables, each queried once, since Spark queries are slow."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self.tables = tables
        self._histories: dict[str, dict[int, Snapshot]] = {}
        self._current: dict[str, int | None] = {}

    def history(self, name: str) -> dict[int, Snapshot]:
        """Return all snapshots of a table by id."""
        if name not in self._histories:
            self._histories[name] = {snapshot.id: snapshot for snapshot in self.tables[name].history()}
        return self._histories[name]

    def current(self, name: str) -> int | None:
        """Return the id of the snapshot that readers see."""
        if name not in self._current:
            self._current[name] = self.tables[name].branches().get(MAIN)
        return self._current[name]

    def earlier(self, name: str) -> list[int]:
        """Return the ids of the noncurrent snapshots with rows; none if the table is not given."""
        history = self.history(name) if name in self.tables else {}
        return [id_ for id_, snapshot in history.items() if snapshot.rows and id_ != self.current(name)]

    def earlier_of_other_rows(self, name: str) -> dict[int, list[int]]:
        """Return the `earlier` snapshots whose rows may not be the current ones, by one of those that have equal rows.

        Runs that found nothing new have committed the same rows again.
        """
        alike: dict[str | int, list[int]] = {}
        for id_ in self.earlier(name):
            alike.setdefault(lineage.derivation(self.history(name)[id_].report) or id_, []).append(id_)
        if current := self.history(name).get(self.current(name) or 0):
            alike.pop(lineage.derivation(current.report) or current.id, None)
        return {ids[0]: ids for ids in alike.values()}


def _showing_withdrawn(snapshots: _Snapshots) -> dict[str, set[int]]:
    """Return the ids of the snapshots that show withdrawn customers, and of those that were made from them."""
    earlier = snapshots.earlier_of_other_rows(CUSTOMER_TABLE)
    if not earlier:
        return {}
    people = snapshots.tables[CUSTOMER_TABLE]
    shown = reduce(
        DataFrame.union, (people.read_snapshot(id_).selectExpr(f"{id_}L as snapshot", "email") for id_ in earlier)
    )
    now = people.read().select("email")
    addresses = Addresses(shown.select("email"), now)
    gone = addresses.add_to(shown, "email").join(addresses.add_to(now, "email"), on="address", how="left_anti")
    found = {row["snapshot"] for row in gone.select("snapshot").distinct().collect()}
    stale = {CUSTOMER_TABLE: {id_ for same in found for id_ in earlier[same]}}
    if not stale[CUSTOMER_TABLE]:
        return {}
    for name in snapshots.tables:
        if name != CUSTOMER_TABLE:
            history = snapshots.history(name)
            stale[name] = {
                id_ for id_, snapshot in history.items() if snapshot.rows and _is_stale(snapshot, stale, snapshots)
            }
    return stale


def _is_stale(snapshot: Snapshot, stale: Mapping[str, set[int]], snapshots: _Snapshots) -> bool:
    """Tell whether a snapshot was made from a stale one, or may have been: its inputs are unknown or expired."""
    inputs = {name: id_ for name, id_ in snapshot.inputs.items() if name in stale}
    return not inputs or any(id_ in stale[name] or id_ not in snapshots.history(name) for name, id_ in inputs.items())


def _of_other_identity(snapshots: _Snapshots) -> dict[str, set[int]]:
    """Return the ids of the snapshots that identify people differently from the current snapshot of their table."""
    found = {}
    beside = {name: policy for name, of in pipeline.BESIDE.items() if (policy := IDENTITY_POLICY_OF_TABLE.get(of))}
    for name, policy in {**IDENTITY_POLICY_OF_TABLE, **beside}.items():
        if (earlier := snapshots.earlier(name)) and (current := snapshots.current(name)):
            history = snapshots.history(name)
            now = policy_at(current, history, policy)
            found[name] = {id_ for id_ in earlier if policy_at(id_, history, policy) != now}
    return found


def _with_successors(ids: set[int], history: Mapping[int, Snapshot]) -> set[int]:
    """Add the snapshots that directly replaced these: their manifests describe the old files, with column bounds."""
    return ids | {id_ for id_, snapshot in history.items() if snapshot.parent in ids}


def _recommit(snapshots: _Snapshots, to_expire: Mapping[str, set[int]]) -> None:
    """Commit each current snapshot that is to expire again, and update the reports of the tables made from it."""
    successors: dict[int, int] = {}
    for name, table in snapshots.tables.items():
        if (current := snapshots.current(name)) is None:
            continue
        snapshot = snapshots.history(name)[current]
        if before := lineage.commits_again(snapshot.report):  # maybe by a run that was killed before it went on
            successors[before] = current
        inputs = {source: successors[id_] for source, id_ in snapshot.inputs.items() if id_ in successors}
        if inputs or current in to_expire.get(name, ()):
            again = {lineage.COMMITS_AGAIN: str(current)}  # until the tables that were made from it name the new one
            successors[current] = table.recommit({**snapshot.report, **again, **lineage.input_entries(inputs)})


def policy_at(id_: int | None, history: Mapping[int, Snapshot], policy: str) -> str | None:
    """Return the policy that a snapshot, or the last one before it with a report, was made with; None if unknown."""
    while (snapshot := history.get(id_ or 0)) and "policies" not in snapshot.report:
        id_ = snapshot.parent
    return str({**Policies(), **json.loads(snapshot.report["policies"])}[policy]) if snapshot else None
