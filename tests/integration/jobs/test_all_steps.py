"""All steps in one job: the same tables, published as one run; a step that fails is named and nothing is published."""

from contextlib import suppress
from functools import partial

import pytest

import step_trainer_landing_to_trusted
from iceberg import Table
from tests.support.jobs import AT, JOBS, customer, measured, moved

pytestmark = pytest.mark.slow


class Killed(BaseException):
    """As by `kill -9`: nothing catches it."""


@pytest.fixture
def landed(lakehouse):
    lakehouse.create_tables()
    lakehouse.land("customer", [customer("anna", "S1"), customer("ben", "S2", None), customer("cleo", "S3")])
    lakehouse.land("accelerometer", [moved("anna", AT), moved("ben", AT), moved("cleo", AT + 1)])
    lakehouse.land("step_trainer", [measured("S1", AT), measured("S2", AT), measured("S3", AT + 2)])
    return lakehouse


def runs(lakehouse):
    """Return the workflow run of the last snapshot of each table."""
    return {lakehouse.snapshots(table)[-1]["lakehouse.workflow-run-id"] for table in JOBS.values()}


def test_either_orchestration_follows_on_the_other(landed):
    landed.run_all()
    rows = {table: landed.rows(table) for table in JOBS.values()}
    landed.run("all_steps", "--WORKFLOW_RUN_ID", "wr_of_one_job")
    assert {table: landed.rows(table) for table in JOBS.values()} == rows
    assert runs(landed) == {"wr_of_one_job"}
    landed.run_all()
    assert {table: landed.rows(table) for table in JOBS.values()} == rows


def test_started_by_hand_its_steps_are_one_run_and_a_failed_step_publishes_nothing(landed, monkeypatch):
    run_id = landed.run("all_steps")
    assert runs(landed) == {run_id}
    before = {table: landed.rows(table) for table in JOBS.values()}
    landed.land("accelerometer", [moved("anna", AT + 5)], "more.json")
    monkeypatch.setattr(step_trainer_landing_to_trusted, "transform", lambda rows: rows.limit(0))
    with pytest.raises(SystemExit, match=r"^step_trainer_trusted: "):
        landed.run("all_steps")
    assert {table: landed.rows(table) for table in JOBS.values()} == before


@pytest.mark.parametrize("step", ["publish", "tag", "expire"])
def test_killed_after_a_commit_of_its_publication_it_is_made_good_by_a_retry(landed, monkeypatch, step):
    """Whichever table it was: the retry runs all steps again, on tables of which some are those of the run already."""
    landed.run("all_steps", "--WORKFLOW_RUN_ID", "wr_before")
    landed.land("customer", [customer("anna", "S1"), customer("ben", "S2"), customer("cleo", "S3", None)])
    real, struck = getattr(Table, step), []
    run = partial(landed.run, "all_steps", "--WORKFLOW_RUN_ID", "wr_killed", "--history", '{"runs": 1, "days": 9}')
    for commits in (1, 2, 3):
        before = iter(range(commits - 1))

        def killed(table, *arguments, before=before):
            real(table, *arguments)
            if next(before, None) is None:
                struck.append(table.name)
                raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(Table, step, killed)
            with suppress(Killed):
                run()
    assert struck
    run()
    assert runs(landed) == {"wr_killed"}
    assert {row["email"] for row in landed.table("customer_trusted").collect()} == {
        row["email"] for row in [customer("anna", "S1"), customer("ben", "S2")]
    }
    assert {table: landed.branches(table) for table in JOBS.values()} == {table: {"main"} for table in JOBS.values()}
    healed = {table: landed.rows(table) for table in JOBS.values()}
    landed.run_all()
    assert {table: landed.rows(table) for table in JOBS.values()} == healed
