"""All steps in one job: the same tables, published as one run; a step that fails is named and nothing is published."""

import pytest

import step_trainer_landing_to_trusted
from tests.support.jobs import AT, JOBS, customer, measured, moved

pytestmark = pytest.mark.slow


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
