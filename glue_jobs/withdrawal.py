"""A withdrawal takes effect on earlier states of the tables too: those that still show the person expire.

Withdrawn has who is in an earlier state of customer_trusted and not in the present one, whatever the reason: another
record, other policies, or no record any more. Expired is what shows such a person, and what was made of that. The
same holds for states that would undo the pseudonyms of the present one, since they show what these stand for.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import reduce
from typing import Final

import boto3
from pyspark.sql import DataFrame

import address
from policies import Policies
from publishing import MAIN, Snapshot, Table, reads

PEOPLE: Final = "customer_trusted"
IDENTITY: Final = {"customers_curated": "curated_identity", "machine_learning_curated": "training_subject"}
"""Policy that says how a table names people; two states that differ in it must not be seen side by side."""


def expire(tables: Mapping[str, Table]) -> dict[str, int]:
    """Expire the states of the tables, given in the order of the pipeline, that must not be seen any longer.

    Returns how many of each table. None expire while the present state of a table is made of one of them: that table's
    own job will come. Those of the customers go last, so that a run that is killed before is made good by the next.
    """
    histories = {name: {state.id: state for state in table.history()} for name, table in tables.items()}
    present = {name: table.branches().get(MAIN) for name, table in tables.items()}
    stale = _showing_withdrawn(tables[PEOPLE], histories, present) if PEOPLE in tables else {}
    if any(present[name] in ids for name, ids in stale.items()):
        return {}
    for name, policy in IDENTITY.items():
        if name in tables and (now := histories[name].get(present[name] or 0)):
            others = {id_ for id_, state in histories[name].items() if _policy(state, policy) != _policy(now, policy)}
            stale.setdefault(name, set()).update(others)
    doomed = {name: _with_successors(ids, histories[name]) for name, ids in stale.items() if ids}
    _restate(tables, histories, present, doomed)
    for name in sorted(doomed, key=list(tables).index, reverse=True):
        tables[name].expire(doomed[name])
    return {name: len(ids) for name, ids in doomed.items()}


def delete_old_versions(bucket: str, prefixes: list[str]) -> None:
    """Delete for good what is deleted or replaced below these prefixes of a versioned bucket."""
    from forget_objects import Bucket  # noqa: PLC0415 - and with it pyarrow, which a run without a withdrawal can spare

    objects = Bucket(boto3.client("s3"), bucket)
    for prefix in prefixes:
        objects.delete([version for version in objects.versions(prefix) if not version.live])


def _showing_withdrawn(
    people: Table, histories: Mapping[str, Mapping[int, Snapshot]], present: Mapping[str, int | None]
) -> dict[str, set[int]]:
    """Return the ids of the states that show who has withdrawn, and of those that were made of such."""
    earlier = [id_ for id_ in histories[PEOPLE] if id_ != present[PEOPLE]]
    if not earlier:
        return {}
    shown: DataFrame = reduce(
        DataFrame.union, (people.at(id_).selectExpr(f"{id_}L as state", "email") for id_ in earlier)
    )
    now = address.spellings(people.read().select("email")).select("address")
    gone = address.spellings(shown.select("email")).join(now, on="address", how="left_anti")
    found = shown.join(gone, on=shown["email"] == gone["spelling"], how="left_semi").select("state").distinct()
    stale = {PEOPLE: {row["state"] for row in found.collect()}}
    if not stale[PEOPLE]:
        return {}
    for name, history in histories.items():
        if name != PEOPLE:  # one that does not say what it was made of may show anybody
            stale[name] = {
                id_
                for id_, state in history.items()
                if not (inputs := reads(state))
                or any(
                    id_ in stale[table] or id_ not in histories[table]
                    for table, id_ in inputs.items()
                    if table in stale
                )
            }
    return stale


def _with_successors(ids: set[int], history: Mapping[int, Snapshot]) -> set[int]:
    """Add the states that replaced one of these: their manifests describe its files, with bounds of the columns."""
    return ids | {id_ for id_, state in history.items() if state.parent in ids}


def _restate(
    tables: Mapping[str, Table],
    histories: Mapping[str, Mapping[int, Snapshot]],
    present: Mapping[str, int | None],
    doomed: Mapping[str, set[int]],
) -> None:
    """Let an equal state succeed each present one that is to expire, and note it where it was read."""
    successors: dict[int, int] = {}
    for name, table in tables.items():
        now = present[name]
        if now is None:
            continue
        state = histories[name][now]
        read = {source: successors[id_] for source, id_ in reads(state).items() if id_ in successors}
        if read or now in doomed.get(name, ()):
            noted = {f"snapshot-read.{source}": str(id_) for source, id_ in read.items()}
            successors[now] = table.restate({**state.report, **noted})


def _policy(state: Snapshot, policy: str) -> str | None:
    """Return what a policy was when a state was made; None where it does not say."""
    policies = json.loads(state.report.get("policies", "null"))
    return None if policies is None else str((asdict(Policies()) | policies)[policy])
