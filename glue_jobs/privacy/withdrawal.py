"""A withdrawal takes effect on earlier states of the tables too: those that still show the person expire.

Withdrawn has who is in an earlier state of customer_trusted and not in the present one, whatever the reason: another
record, other policies, or no record any more. Expired is what shows such a person, and what was made of that. The
same holds for states that would undo the pseudonyms of the present one, since they show what these stand for.
"""

import json
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from pyspark.sql import DataFrame

from address import Addresses
from policies import IDENTITY, Policies
from problems import BadInputError
from publishing import MAIN, Snapshot, Table, reads

PEOPLE: Final = "customer_trusted"


def expire(tables: Mapping[str, Table], purge: Callable[[str], None]) -> dict[str, int]:
    """Expire the states of the tables, given in the order of the pipeline, that must not be seen any longer.

    `purge` takes the name of a table and deletes for good what was deleted of it. Returns how many expired of each.
    None do while the present state of a table is made of one of them: that table's own job will come. Those of the
    customers go last, so that a run that is killed before is made good by the next.
    """
    states = _States(tables)
    stale = _showing_withdrawn(states)
    if any(states.present(name) in ids for name, ids in stale.items()):
        return {}
    for name, ids in _of_other_identity(states).items():
        stale[name] = stale.get(name, set()) | ids
    doomed = {name: _with_successors(ids, states.history(name)) for name, ids in stale.items() if ids}
    if doomed:
        _restate(states, doomed)
    for name in sorted(doomed, key=list(tables).index, reverse=True):
        tables[name].expire(doomed[name])
        purge(name)
    return {name: len(ids) for name, ids in doomed.items()}


def delete_old_versions(bucket: str, prefix: str) -> None:
    """Delete for good what is deleted or replaced below a prefix of a versioned bucket."""
    from forget_objects import Bucket  # noqa: PLC0415 - and with it pyarrow, which a run without a withdrawal can spare

    objects = Bucket(boto3.client("s3"), bucket)
    try:
        objects.delete([version for version in objects.versions(prefix) if not version.live])
    except (BotoCoreError, ClientError) as error:
        raise BadInputError(
            f"Old versions below s3://{bucket}/{prefix} cannot be deleted: {error}. They may show people who have "
            "withdrawn. The tables are published; delete these versions, or wait for the lifecycle rule to do so."
        ) from error


class _States:
    """The states of the tables that can be read, asked for once: Spark takes its time to answer."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self.tables = tables
        self._histories: dict[str, dict[int, Snapshot]] = {}
        self._present: dict[str, int | None] = {}

    def history(self, name: str) -> dict[int, Snapshot]:
        """Return all states of a table by their ids."""
        if name not in self._histories:
            self._histories[name] = {state.id: state for state in self.tables[name].history()}
        return self._histories[name]

    def present(self, name: str) -> int | None:
        """Return the id of the state that readers see."""
        if name not in self._present:
            self._present[name] = self.tables[name].branches().get(MAIN)
        return self._present[name]

    def earlier(self, name: str) -> list[int]:
        """Return the ids of the others that have rows; of a table that is not here there are none."""
        history = self.history(name) if name in self.tables else {}
        return [id_ for id_, state in history.items() if state.rows and id_ != self.present(name)]


def _showing_withdrawn(states: _States) -> dict[str, set[int]]:
    """Return the ids of the states that show who has withdrawn, and of those that were made of such."""
    earlier = states.earlier(PEOPLE)
    if not earlier:
        return {}
    people = states.tables[PEOPLE]
    shown = reduce(DataFrame.union, (people.at(id_).selectExpr(f"{id_}L as state", "email") for id_ in earlier))
    now = people.read().select("email")
    addresses = Addresses(shown.select("email"), now)
    gone = addresses.beside(shown, "email").join(addresses.beside(now, "email"), on="address", how="left_anti")
    stale = {PEOPLE: {row["state"] for row in gone.select("state").distinct().collect()}}
    if not stale[PEOPLE]:
        return {}
    for name in states.tables:
        if name != PEOPLE:
            history = states.history(name)
            stale[name] = {id_ for id_, state in history.items() if state.rows and _is_made_of(state, stale, states)}
    return stale


def _is_made_of(state: Snapshot, stale: Mapping[str, set[int]], states: _States) -> bool:
    """Tell whether a state was made of a stale one, or may have been: it does not say of what, or that is gone."""
    inputs = {name: id_ for name, id_ in reads(state).items() if name in stale}
    return not inputs or any(id_ in stale[name] or id_ not in states.history(name) for name, id_ in inputs.items())


def _of_other_identity(states: _States) -> dict[str, set[int]]:
    """Return the ids of the states that name people otherwise than the present state of the table."""
    found = {}
    for name, policy in IDENTITY.items():
        if (earlier := states.earlier(name)) and (present := states.present(name)):
            history = states.history(name)
            now = _policy(present, history, policy)
            found[name] = {id_ for id_ in earlier if _policy(id_, history, policy) != now}
    return found


def _with_successors(ids: set[int], history: Mapping[int, Snapshot]) -> set[int]:
    """Add the states that replaced one of these: their manifests describe its files, with bounds of the columns."""
    return ids | {id_ for id_, state in history.items() if state.parent in ids}


def _restate(states: _States, doomed: Mapping[str, set[int]]) -> None:
    """Let an equal state succeed each present one that is to expire, and note it where it was read."""
    successors: dict[int, int] = {}
    for name, table in states.tables.items():
        if (present := states.present(name)) is None:
            continue
        state = states.history(name)[present]
        read = {source: successors[id_] for source, id_ in reads(state).items() if id_ in successors}
        if read or present in doomed.get(name, ()):
            noted = {f"snapshot-read.{source}": str(id_) for source, id_ in read.items()}
            successors[present] = table.restate({**state.report, **noted})


def _policy(id_: int | None, history: Mapping[int, Snapshot], policy: str) -> str | None:
    """Return what a policy was when a state was made, or that before it if another client made it; None if unknown."""
    while (state := history.get(id_ or 0)) and "policies" not in state.report:
        id_ = state.parent
    return str({**Policies(), **json.loads(state.report["policies"])}[policy]) if state else None
