"""Keep the history of the tables bounded: earlier runs expire, and small files of the audit tables are merged.

Both only after a run has published all tables and applied withdrawals: until then, earlier snapshots are what shows who
has withdrawn.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from arguments import History
from iceberg import Snapshot, Table, branch_of

DAY: Final = 24 * 60 * 60 * 1000  # milliseconds
RUN_TAG: Final = "run_"
APPENDS: Final = 50
"""Snapshots of an audit table after which its small files are merged: each append adds a file and a snapshot."""
MERGED_BYTES: Final = 128 * 1024**2
"""Size of a merged file; those that reach three quarters of it are not rewritten again."""


@dataclass(frozen=True)
class Kept:
    """The runs that stay."""

    ids: frozenset[str]
    since: int
    """Time of the first commit of the earliest of them, epoch milliseconds."""

    def outdated(self, snapshots: Iterable[Snapshot], refs: Mapping[str, int]) -> set[int]:
        """Return the ids of the snapshots of a table to expire.

        A snapshot stays if it is of a kept run or later, or has a branch, the tag of a kept run, or a tag that no run
        has made.
        """
        tags = {branch_of(id_, "") for id_ in self.ids}
        named = {id_ for name, id_ in refs.items() if name in tags or not name.startswith(RUN_TAG)}
        return {
            snapshot.id
            for snapshot in snapshots
            if snapshot.committed_at < self.since and run_of(snapshot) not in self.ids and snapshot.id not in named
        }


def kept(published: Iterable[Snapshot], history: History, *, now: int) -> Kept:
    """Return which runs stay, given the published snapshots of a table that every run publishes."""
    last: dict[str, int] = {}
    first: dict[str, int] = {}
    for snapshot in sorted(published, key=lambda each: each.committed_at):
        last[run_of(snapshot)] = snapshot.committed_at
        first.setdefault(run_of(snapshot), snapshot.committed_at)
    latest = sorted(last, key=lambda run: last[run], reverse=True)[: history.runs]
    young = [run for run in latest if last[run] >= now - history.days * DAY] or latest[:1]
    return Kept(frozenset(young), min(first[run] for run in young))


def expire(tables: Mapping[str, Table], publisher: str, history: History, *, now: int) -> dict[str, int]:
    """Expire the snapshots of runs that are not kept, and return how many by table.

    A run that is killed meanwhile leaves the rest to the next one. The history of the table `publisher` says which runs
    there were.
    """
    seen = tables[publisher].published_ids()
    published = [snapshot for snapshot in tables[publisher].history() if snapshot.id in seen]
    staying = kept(published, history, now=now)
    if all(run_of(snapshot) in staying.ids for snapshot in published):  # in most runs of a young lakehouse
        return {}
    expired = {}
    # The publisher's last: as long as it shows runs that do not stay, there may be some of them in the other tables.
    for name in sorted(tables, key=lambda name: name == publisher):
        table = tables[name]
        if outdated := staying.outdated(table.history(), table.references()):
            table.expire(outdated)
            expired[name] = len(outdated)
    return expired


def merge_small_files(table: Table) -> bool:
    """Merge the files of a table that only grows, if many appends have added small ones; tell whether it did.

    The snapshot before stays until the next time, for readers that are under way.
    """
    snapshots = {snapshot.id for snapshot in table.history()}
    if len(snapshots) <= APPENDS:
        return False
    table.expire(snapshots - set(table.references().values()))
    table.merge_files(MERGED_BYTES)
    return True


def run_of(snapshot: Snapshot) -> str:
    """Return the run of a snapshot; one without a report is a run of its own."""
    report = snapshot.report
    return report.get("workflow-run-id") or report.get("job-run-id") or str(snapshot.id)
