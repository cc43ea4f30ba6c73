"""Publishing of a table: in one commit with a report, idempotent, or not at all."""

import json
import time

import pyarrow.parquet
import pytest

import iceberg
import publishing
import table_contract
from iceberg import Snapshot, refuse_clock_behind
from policies import PROFILES
from problems import AuditError, BadInputError

AT = 1_655_564_376_361
AGREED = {"email": "a@example.com", "serialNumber": "S1", "shareWithResearchAsOfDate": AT, "phone": "5551234567"}
DECLINED = {"email": "b@example.com", "serialNumber": "S2"}
JOB = "customer_landing_to_trusted"


def test_report_is_in_the_snapshot(lakehouse):
    lakehouse.create_tables("customer_trusted")
    lakehouse.land("customer", [AGREED, AGREED, DECLINED])
    lakehouse.run(JOB, "--profile", "strict", "--policies", '{"customer_records": "each"}')
    (summary,) = lakehouse.snapshots("customer_trusted")
    policies = json.loads(summary.pop("lakehouse.policies"))
    assert summary.pop("lakehouse.job-run-id").startswith("jr_")
    derived = {key for key in summary if key.startswith("lakehouse.derived-from.")}
    assert {key.removeprefix("lakehouse.derived-from.") for key in derived} == {
        "code",
        "policies",
        "time",
        "subject-key",
        "landing.customer_landing",
    }
    for key in derived:
        del summary[key]
    assert len(json.loads(summary.pop("lakehouse.counts"))) == 5
    assert policies == json.loads(PROFILES["strict"].to_json()) | {"customer_records": "each"}
    assert {key: value for key, value in summary.items() if key.startswith("lakehouse.")} == {
        "lakehouse.job": JOB,
        "lakehouse.workflow-run-id": "",
        "lakehouse.profile": "strict",
        "lakehouse.rows-in": "3",
        "lakehouse.rows-out": "1",
        "lakehouse.beside": "",
        "lakehouse.rows-read.customer_landing": "3",
        "lakehouse.rows-parsed.customer_landing": "3",
    }
    assert summary["total-records"] == "1"


def test_rerun_gives_the_same_rows(lakehouse):
    lakehouse.create_tables("customer_trusted")
    lakehouse.land("customer", [AGREED | {"phone": str(number)} for number in range(30)])
    lakehouse.run(JOB)
    first = lakehouse.rows("customer_trusted")
    lakehouse.run(JOB)
    assert len(first) == 30
    assert lakehouse.rows("customer_trusted") == first
    assert [summary["total-records"] for summary in lakehouse.snapshots("customer_trusted")] == ["30", "30"]


def test_small_result_is_one_file_however_many_partitions_computed_it(lakehouse):
    lakehouse.create_tables("customer_trusted")
    lakehouse.land("customer", [AGREED | {"phone": str(number)} for number in range(30)])
    lakehouse.run(JOB)
    (file,) = lakehouse.spark.table(f"{lakehouse.name('customer_trusted')}.files").collect()
    assert file["record_count"] == 30
    assert file["file_format"] == "PARQUET"


def test_empty_result_empties_the_table_and_is_reported(lakehouse):
    lakehouse.create_tables("customer_trusted")
    for landed in ([AGREED], [DECLINED], [DECLINED]):
        lakehouse.land("customer", landed)
        lakehouse.run(JOB)
    reported = [(s["lakehouse.rows-out"], s["total-records"]) for s in lakehouse.snapshots("customer_trusted")]
    assert reported == [("0", "0"), ("0", "0")]  # the snapshot with the withdrawn customer has expired
    assert lakehouse.rows("customer_trusted") == []


@pytest.mark.slow
def test_no_consent_at_all_is_no_error_in_any_job_but_a_warning(lakehouse, capsys):
    lakehouse.create_tables()
    lakehouse.land("customer", [DECLINED])
    lakehouse.land("accelerometer", [{"user": "b@example.com", "timestamp": AT, "x": 0, "y": 0, "z": 0}])
    lakehouse.land("step_trainer", [{"sensorReadingTime": AT, "serialNumber": "S2", "distanceFromObject": 1}])
    assert set(lakehouse.run_all("--profile", "strict").values()) == {0}
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("WARNING: ")] == [
        f"WARNING: {table} is empty although its input is not: 1 rows read, 1 x {reason}"
        for table, reason in (
            ("customer_trusted", "no consent to research"),
            ("accelerometer_trusted", "not of a trusted customer"),
            ("step_trainer_trusted", "not of a curated customer's Step Trainer"),
        )
    ]
    outputs = lakehouse.table("pipeline_runs").where("outcome = 'output'").collect()
    said = dict.fromkeys(
        ("customer_trusted", "accelerometer_trusted", "step_trainer_trusted"), "empty although its input is not"
    )
    silent = dict.fromkeys(("customers_curated", "machine_learning_curated"), "")  # their input is empty too
    assert {row["target_table"]: row["reason"] for row in outputs} == said | silent
    (steps,) = lakehouse.snapshots("step_trainer_trusted")
    assert {key: value for key, value in steps.items() if ".rows-" in key} == {
        "lakehouse.rows-in": "1",
        "lakehouse.rows-out": "0",
        "lakehouse.rows-read.step_trainer_landing": "1",
        "lakehouse.rows-read.customer_landing": "1",
        "lakehouse.rows-read.customer_trusted": "0",
        "lakehouse.rows-read.customers_curated": "0",
        "lakehouse.rows-parsed.step_trainer_landing": "1",
        "lakehouse.rows-parsed.customer_landing": "0",
    }


def test_new_column_of_the_contract_is_added_to_the_table(lakehouse):
    name = lakehouse.name("customer_trusted")
    lakehouse.create_tables("customers_curated")
    lakehouse.spark.sql(f"CREATE TABLE {name} (email string, phone string) USING iceberg")
    lakehouse.spark.createDataFrame([("old", "1")], "email string, phone string").writeTo(name).append()
    lakehouse.land("customer", [AGREED])
    lakehouse.run(JOB)
    (row,) = lakehouse.table("customer_trusted").collect()
    assert (row["email"], row["serialnumber"], row["sharewithresearchasofdate"]) == ("a@example.com", "S1", AT)
    comments = {column.name: column.description for column in lakehouse.spark.catalog.listColumns(name)}
    assert comments["serialnumber"].endswith("Personal data: yes.")


@pytest.mark.parametrize("columns", ["email string, shoesize int", "email string, registrationdate string"])
def test_table_that_contradicts_the_contract_is_left_alone(lakehouse, columns):
    lakehouse.create_tables("customers_curated")
    lakehouse.spark.sql(f"CREATE TABLE {lakehouse.name('customer_trusted')} ({columns}) USING iceberg")
    lakehouse.land("customer", [AGREED])
    with pytest.raises(SystemExit, match=r"does not fit customer_trusted\.sql: (shoesize|registrationdate) "):
        lakehouse.run(JOB)
    assert lakehouse.snapshots("customer_trusted") == []


def test_missing_table_is_an_error_with_its_remedy(lakehouse):
    lakehouse.create_tables("customers_curated")
    lakehouse.land("customer", [AGREED])
    with pytest.raises(SystemExit, match=r"There is no table glue_catalog\.db_\w+\.customer_trusted\. Terraform"):
        lakehouse.run(JOB)


@pytest.mark.parametrize("landed", [None, [], ["", "  "]], ids=["no folder", "an empty file", "blank lines"])
def test_landing_without_a_row_is_an_error_and_keeps_what_was_published(lakehouse, landed):
    lakehouse.create_tables("customer_trusted")
    lakehouse.folder.mkdir()
    if landed is not None:
        lakehouse.land("customer", landed)
    with pytest.raises(SystemExit, match=r"landing data at s3://\w+/customer/landing/.* Upload some"):
        lakehouse.run(JOB)
    assert lakehouse.snapshots("customer_trusted") == []


def test_all_files_below_the_landing_folder_are_read_and_hidden_ones_not(lakehouse):
    lakehouse.create_tables("customer_trusted")
    lakehouse.land("customer", [AGREED])
    lakehouse.land("customer", [AGREED | {"phone": "1"}], file="2022/06/second.json")
    lakehouse.land("customer", ["no JSON"], file="_started")
    lakehouse.run(JOB)
    assert len(lakehouse.rows("customer_trusted")) == 2


@pytest.mark.parametrize("published", [None, Snapshot(1, 1, {}, AT), Snapshot(1, 1, {}, AT + 60_000)])
def test_clock_of_the_last_run_may_be_a_minute_ahead(published):
    refuse_clock_behind("customer_trusted", published, AT)


def test_clock_behind_the_last_run_is_an_error_that_says_by_how_much():
    with pytest.raises(BadInputError, match="customer_trusted was published 90 minutes after"):
        refuse_clock_behind("customer_trusted", Snapshot(1, 1, {}, AT + 90 * 60_000), AT)


def test_nothing_is_written_while_the_clock_is_behind_the_last_run(lakehouse, monkeypatch):
    lakehouse.create_tables("customer_trusted")
    lakehouse.land("customer", [AGREED])
    lakehouse.run(JOB)
    published = lakehouse.rows("customer_trusted")
    lakehouse.land("customer", [AGREED, AGREED | {"email": "c@example.com"}])
    an_hour_ago = time.time_ns() - 3_600_000_000_000
    monkeypatch.setattr("job_run.time.time_ns", lambda: an_hour_ago)
    with pytest.raises(SystemExit, match="clock"):
        lakehouse.run(JOB)
    assert lakehouse.rows("customer_trusted") == published


def test_table_that_was_replaced_during_the_run_is_noticed_though_the_run_does_not_write_it():
    """The run has a new customer_trusted; the visible accelerometer_trusted was made from the old one."""

    def snapshot(number, **read):
        return Snapshot(number, 1, {f"snapshot-read.{table}": str(of) for table, of in read.items()}, 0)

    run = {"customer_trusted": snapshot(2), "machine_learning_curated": snapshot(5, accelerometer_trusted=4)}
    fits = {"accelerometer_trusted": snapshot(4, customer_trusted=2)}
    publishing.refuse_inconsistent(run, fits)
    publishing.refuse_inconsistent({"customer_trusted": snapshot(3)}, {})
    publishing.refuse_inconsistent({"customers_curated": snapshot(7)}, {**fits, "customer_trusted": snapshot(9)})
    with pytest.raises(AuditError, match="accelerometer_trusted was made from another snapshot of customer_trusted"):
        publishing.refuse_inconsistent(run, {"accelerometer_trusted": snapshot(4, customer_trusted=1)})


def test_workflow_run_publishes_all_tables_or_none():
    seen = Snapshot(1, 1, {"workflow-run-id": "wr_1"}, 0)
    publishing.refuse_incomplete("wr_1", {})
    publishing.refuse_incomplete("wr_1", {"customer_trusted": seen, "customers_curated": seen})
    others = [None, Snapshot(1, 1, {"workflow-run-id": "wr_0"}, 0), Snapshot(1, 1, {}, 0)]
    for other in others:
        with pytest.raises(AuditError, match="The workflow run wr_1 has no customers_curated to publish, so it"):
            publishing.refuse_incomplete("wr_1", {"customer_trusted": seen, "customers_curated": other})


def test_what_is_discarded_takes_no_history_with_it(lakehouse):
    lakehouse.create_tables("customer_trusted")
    table = iceberg.Table(lakehouse.spark, lakehouse.name("customer_trusted"))
    for number in (1, 2):
        table.write(table.read(), 0, f"run_{number}", {})
        table.publish(f"run_{number}")
    table.write(table.read(), 0, "run_3", {})
    written = table.snapshot("run_3")

    def snapshots():
        return {row["snapshot_id"] for row in lakehouse.spark.table(f"{table.name}.snapshots").collect()}

    before = snapshots()
    # By default 5 days.
    age = "'history.expire.max-snapshot-age-ms' = '1', 'history.expire.min-snapshots-to-keep' = '1'"
    lakehouse.spark.sql(f"ALTER TABLE {table.name} SET TBLPROPERTIES ({age})")
    table.discard_branches(["run_3"])
    assert snapshots() == before - {written.id}


def test_table_that_another_run_published_meanwhile_is_not_published(lakehouse):
    lakehouse.create_tables("customer_trusted")
    table = iceberg.Table(lakehouse.spark, lakehouse.name("customer_trusted"))
    table.write(table.read(), 0, "run_1", {})
    table.publish("run_1")
    table.write(table.read(), 0, "run_2", {})
    current = table.recommit({})
    with pytest.raises(AuditError, match="customer_trusted was published by another run since this run wrote it"):
        table.publish("run_2")
    assert table.branches().keys() == {"main", "run_2"}
    assert table.branches()["main"] == current


def test_readers_of_one_subject_can_skip_most_row_groups(lakehouse, extra_files, monkeypatch):
    monkeypatch.chdir(extra_files)
    lakehouse.create_tables("accelerometer_trusted")
    table = iceberg.Table(lakehouse.spark, lakehouse.name("accelerometer_trusted"))
    table.evolve(table_contract.load("accelerometer_trusted"))
    columns = ("id % 500", "id", "rand()", "rand()", "rand()")
    rows = lakehouse.spark.range(100_000).selectExpr(
        *(f"cast({value} as {field.dataType.simpleString()}) as `{field.name}`"
          for value, field in zip(columns, table.read().schema, strict=True))
    )  # fmt: skip
    table.write(rows, 100_000, "run_1", {})
    table.publish("run_1")
    (file,) = lakehouse.data_files("accelerometer_trusted")
    metadata = pyarrow.parquet.read_metadata(file)
    bounds = [metadata.row_group(number).column(0).statistics for number in range(metadata.num_row_groups)]
    assert sum(each.min <= "250" <= each.max for each in bounds) == 1
    assert len(bounds) >= 3
