"""Which runs the tables keep, and which snapshots expire with the others."""

import pytest

import retention
from arguments import History
from iceberg import Snapshot
from retention import DAY

NOW = 1_000 * DAY


def of_run(run, at, number=0):
    """Return a snapshot of a run, committed `at` days after the epoch."""
    return Snapshot(1_000 * at + number, 1, {"workflow-run-id": run, "job-run-id": f"jr_{run}"}, at * DAY)


RUNS = [of_run(f"wr_{day}", day) for day in (996, 997, 998, 999)]


@pytest.mark.parametrize(
    ("history", "ids"),
    [
        (History(runs=2), {"wr_998", "wr_999"}),
        (History(runs=9), {"wr_996", "wr_997", "wr_998", "wr_999"}),
        (History(days=3), {"wr_997", "wr_998", "wr_999"}),
        (History(runs=1, days=3), {"wr_999"}),
    ],
)
def test_runs_are_kept_up_to_a_number_and_an_age(history, ids):
    assert retention.kept(RUNS, history, now=NOW).ids == ids


def test_the_last_run_is_kept_however_old_it_is():
    assert retention.kept(RUNS, History(days=1), now=NOW + 50 * DAY).ids == {"wr_999"}


def test_a_run_that_committed_again_counts_once_by_its_last_commit():
    again = of_run("wr_996", 1_000)
    assert retention.kept([*RUNS, again], History(runs=2), now=NOW).ids == {"wr_996", "wr_999"}


def test_snapshots_of_other_runs_expire_unless_a_branch_or_a_tag_of_a_user_names_them():
    kept = retention.kept(RUNS, History(runs=1), now=NOW)
    refs = {
        "main": RUNS[3].id,
        "run_wr_996": RUNS[0].id,
        "paper": RUNS[1].id,
        "run_wr_998": RUNS[2].id,
        "run_wr_999": RUNS[3].id,
    }
    assert kept.outdated(RUNS, refs) == {RUNS[0].id, RUNS[2].id}


def test_a_label_that_was_published_after_a_kept_run_stays_and_so_does_what_its_tag_shows():
    kept = retention.kept(RUNS, History(runs=2), now=NOW)
    labelled, early = Snapshot(1, 1, {}, 999 * DAY + 5), Snapshot(2, 1, {}, 900 * DAY)
    assert kept.outdated([labelled, early], {"main": labelled.id}) == {early.id}
    assert kept.outdated([labelled, early], {"main": labelled.id, "run_wr_998": early.id}) == set()


class Killed(BaseException):
    """The process is gone."""


class FakeTable:
    """A table of which the runs have committed one snapshot each; `expire` may kill the job afterwards."""

    def __init__(self, kills):
        self.snapshots = list(RUNS)
        self.kills = kills

    def history(self):
        return self.snapshots

    def published_ids(self):
        return {snapshot.id for snapshot in self.snapshots}

    def references(self):
        return {"main": RUNS[-1].id}

    def expire(self, ids):
        self.snapshots = [snapshot for snapshot in self.snapshots if snapshot.id not in ids]
        if self.kills:
            self.kills.pop()
            raise Killed


@pytest.mark.parametrize("publisher", ["first", "middle", "last"])
def test_what_a_killed_run_has_not_expired_the_next_one_does(publisher):
    kills = [True] * 3
    tables = {name: FakeTable(kills) for name in ("first", "middle", "last")}
    while kills:
        with pytest.raises(Killed):
            retention.expire(tables, publisher, History(runs=1), now=NOW)
    retention.expire(tables, publisher, History(runs=1), now=NOW)
    assert {name: table.snapshots for name, table in tables.items()} == dict.fromkeys(tables, RUNS[-1:])
