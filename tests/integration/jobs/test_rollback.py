"""A rollback puts all tables back to one run, or changes nothing and says why."""

import pytest

import restoring
from iceberg import Table
from tests.integration.jobs.test_withdrawal import land
from tests.support.jobs import JOBS, Lakehouse

TABLES = list(JOBS.values())
PSEUDONYM = ("--policies", '{"training_subject": "pseudonym"}')

pytestmark = pytest.mark.slow


@pytest.fixture
def history(lakehouse: Lakehouse) -> Lakehouse:
    """Two runs, wr_1 and wr_2; the second also shows ben."""
    lakehouse.create_tables()
    for number, people in enumerate((["anna"], ["anna", "ben"]), start=1):
        land(lakehouse, *people)
        run(lakehouse, f"wr_{number}")
    return lakehouse


def run(lakehouse: Lakehouse, run_id: str, *arguments: str) -> None:
    for job in JOBS:
        lakehouse.run(job, "--WORKFLOW_RUN_ID", run_id, *arguments)


def roll_back(lakehouse: Lakehouse, run_id: str) -> str:
    return lakehouse.run("rollback", "--run", run_id, "--started_by", "ada@laptop")


def shown(lakehouse: Lakehouse) -> dict[str, str]:
    """Return the run that each table shows."""
    snapshots = {name: Table(lakehouse.spark, lakehouse.name(name)).snapshot() for name in TABLES}
    return {name: snapshot.report["workflow-run-id"] for name, snapshot in snapshots.items()}


def refused(lakehouse: Lakehouse, run_id: str, says: str) -> None:
    before = {name: Table(lakehouse.spark, lakehouse.name(name)).branches() for name in TABLES}
    with pytest.raises(SystemExit, match=rf"^rollback: .*{says}.*Nothing was changed\."):
        roll_back(lakehouse, run_id)
    assert {name: Table(lakehouse.spark, lakehouse.name(name)).branches() for name in TABLES} == before


def test_all_tables_go_back_and_forward_again_and_it_is_on_record(history: Lakehouse, monkeypatch) -> None:
    later = {name: history.rows(name) for name in TABLES}
    job_run = roll_back(history, "wr_1")
    assert shown(history) == dict.fromkeys(TABLES, "wr_1")
    assert history.is_consistent()
    split = history.table("training_split")
    by_tag = {
        run_id: history.spark.read.option("tag", f"run_{run_id}").table(history.name("training_split"))
        for run_id in ("wr_1", "wr_2")
    }
    assert split.exceptAll(by_tag["wr_1"]).isEmpty()
    assert (split.count(), by_tag["wr_1"].count(), by_tag["wr_2"].count()) == (1, 1, 2)
    assert {name: len(history.rows(name)) for name in TABLES} == dict.fromkeys(TABLES, 1) | {"accelerometer_trusted": 2}
    recorded = history.table("pipeline_runs").where(f"job_run_id = '{job_run}'").collect()
    assert {(row["target_table"], row["outcome"], row["reason"]) for row in recorded} == {
        (name, "restored", "wr_1") for name in TABLES
    }
    assert {row["started_by"] for row in recorded} == {"ada@laptop"}
    assert sum(row["rows"] for row in recorded) == 6

    real, calls = Table.set_current, []

    def broken(table: Table, snapshot_id: int) -> None:
        calls.append(table.name)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        real(table, snapshot_id)

    with monkeypatch.context() as patch:
        patch.setattr(Table, "set_current", broken)
        with pytest.raises(SystemExit, match="rollback failed: "):
            roll_back(history, "wr_2")
    assert len(calls) == 5, "two were put back"
    assert shown(history) == dict.fromkeys(TABLES, "wr_1")

    def killed(table: Table, snapshot_id: int) -> None:
        real(table, snapshot_id)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Table, "set_current", killed)
        with pytest.raises(KeyboardInterrupt):
            roll_back(history, "wr_2")
    assert set(shown(history).values()) == {"wr_1", "wr_2"}
    roll_back(history, "wr_2")
    assert shown(history) == dict.fromkeys(TABLES, "wr_2")
    assert {name: history.rows(name) for name in TABLES} == later
    run(history, "wr_3")  # the pipeline goes on from there
    assert {name: history.rows(name) for name in TABLES} == later

    table = Table(history.spark, history.name("customers_curated"))
    table.expire({each.id for each in table.history() if each.report.get("workflow-run-id") == "wr_1"})
    refused(history, "wr_1", "no snapshot of customers_curated .* expired, since the tables keep only the last runs")


def test_what_must_not_come_back_is_refused_with_its_reason(lakehouse: Lakehouse) -> None:
    lakehouse.create_tables()
    land(lakehouse, "anna", "ben")
    run(lakehouse, "wr_1")
    refused(lakehouse, "wr_9", "No run wr_9 is on record")
    land(lakehouse, "anna", "ben", anna={"shareWithResearchAsOfDate": 0})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("withdrawal.expire", lambda *_: {})  # as if it was killed before
        run(lakehouse, "wr_2")
    refused(lakehouse, "wr_1", r"shows 1 customers who are not in that of .* any longer \(wr_2\): a withdrawal")
    run(lakehouse, "wr_3")
    refused(lakehouse, "wr_1", r"no snapshot of .*customer_trusted.* removed by withdrawal of consent of 20")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("withdrawal.expire", lambda *_: {})
        run(lakehouse, "wr_4", *PSEUDONYM)
    refused(lakehouse, "wr_3", "training_subject was serial_number in the run wr_3 and is pseudonym now")
    run(lakehouse, "wr_5", *PSEUDONYM)
    refused(lakehouse, "wr_3", "no snapshot of machine_learning_curated .* by change of training_subject of 20")

    records = lakehouse.table("pipeline_runs")
    erasure = [{"target_table": "customer_trusted", "outcome": "expired", "reason": "erasure request"}]
    after = records.agg({"recorded_at": "max"}).head()[0] + 10**9
    restoring.frame(records, erasure, recorded_at=after).writeTo(lakehouse.name("pipeline_runs")).append()
    refused(lakehouse, "wr_5", "was before the erasure request of 20")
