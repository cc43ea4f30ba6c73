"""Every row that a job reads is published, dropped for a reason or quarantined; otherwise nothing is published."""

import pytest
from pyspark.sql import functions as F

import customer_trusted_to_curated
import reconciliation
from problems import AuditError
from reconciliation import RowCount
from tests.support.jobs import JOBS, READ


@pytest.fixture(scope="module")
def figures(first_run):
    return first_run.lakehouse.table("pipeline_runs").where(f"workflow_run_id = '{first_run.id}'").collect()


def test_every_outcome_of_every_row_is_recorded(figures):
    recorded = {}
    for row in figures:
        if row["source_table"]:
            recorded.setdefault(row["source_table"], {})[f"{row['outcome']} {row['reason']}".strip()] = row["rows"]
    assert recorded == READ
    for counts in recorded.values():
        assert 2 * counts["read"] == sum(counts.values())


def test_output_is_recorded_with_the_snapshot_that_readers_see(first_run, figures):
    refs = {
        table: first_run.lakehouse.spark.table(f"{first_run.lakehouse.name(table)}.refs").collect()
        for table in JOBS.values()
    }
    outputs = {row["target_table"]: row for row in figures if row["outcome"] == "output"}
    assert {table: row["rows"] for table, row in outputs.items()} == {
        "customer_trusted": 2,
        "accelerometer_trusted": 2,
        "customers_curated": 1,
        "step_trainer_trusted": 2,
        "machine_learning_curated": 1,
    }
    for job, table in JOBS.items():
        assert {ref["snapshot_id"] for ref in refs[table]} == {outputs[table]["snapshot_id"]}
        assert (outputs[table]["job"], outputs[table]["job_run_id"]) == (job, first_run.jobs[job])


@pytest.mark.parametrize(
    ("function", "bug", "message"),
    [
        ("classify", lambda rows: rows.limit(1), "2 rows of customer_trusted were read and 1 are accounted for"),
        ("classify", lambda rows: rows.union(rows), "2 rows of customer_trusted were read and 4 are accounted for"),
        ("transform", lambda rows: rows.limit(0), "1 rows were to be published, but customers_curated has 0"),
        ("transform", lambda rows: rows.union(rows), "1 rows were to be published, but customers_curated has 2"),
    ],
    ids=["classify loses a row", "classify repeats rows", "transform loses a row", "transform repeats a row"],
)
def test_job_that_loses_or_repeats_a_row_writes_nothing(first_run, monkeypatch, function, bug, message):
    before = first_run.lakehouse.data_files("customers_curated")
    real = getattr(customer_trusted_to_curated, function)
    monkeypatch.setattr(customer_trusted_to_curated, function, lambda *given: bug(real(*given)))
    with pytest.raises(SystemExit, match=message):
        first_run.lakehouse.run("customer_trusted_to_curated")
    assert first_run.lakehouse.data_files("customers_curated") == before
    assert first_run.lakehouse.branches("customers_curated") == {"main"}


def test_rows_add_up(spark):
    classified = spark.createDataFrame(
        [("a", None)] * 3 + [("b", None)] + [("c", "late")] * 2, "name string, drop_reason string"
    )
    tallies = reconciliation.tally({"things": classified}, may_repeat=["things"])
    quarantined = {"things": {"broken": 1}}
    counts = reconciliation.reconcile(tallies, read={"things": 7}, quarantined=quarantined)
    assert counts == [
        RowCount("things", "read", "", 7),
        RowCount("things", "published", "", 2),
        RowCount("things", "dropped", "exact duplicate", 2),
        RowCount("things", "dropped", "late", 2),
        RowCount("things", "quarantined", "broken", 1),
    ]
    for read in (6, 8):
        with pytest.raises(AuditError, match=f"{read} rows of things were read and 7 are accounted for"):
            reconciliation.reconcile(tallies, read={"things": read}, quarantined=quarantined)


def test_only_rows_that_are_equal_in_all_columns_are_duplicates(spark):
    rows = [(None, 1.0, None), (None, None, 1.0), (1.0, None, None), (None, None, None), (None, 0.0, 1.0)]
    shape = "x double, y double, z double"
    once = spark.createDataFrame(rows, shape)
    twice = once.union(spark.createDataFrame([*rows[:4], (None, -0.0, 1.0)], shape))  # -0.0 = 0.0 in SQL too
    assert twice.distinct().count() == len(rows)
    classified = {name: rows.withColumn("drop_reason", F.lit(None)) for name, rows in {"a": once, "b": twice}.items()}
    tallies = reconciliation.tally(classified, may_repeat=["a", "b"])
    assert {name: [(row["distinct"], row["copies"]) for row in rows] for name, rows in tallies.items()} == {
        "a": [(5, 5)],
        "b": [(5, 10)],
    }
    tallies = reconciliation.tally(classified, may_repeat=["a"])
    assert [(row["distinct"], row["copies"]) for row in tallies["b"]] == [(10, 10)], "only of tables that may repeat"


@pytest.mark.parametrize(
    ("counts", "count", "reason"),
    [
        ([RowCount("a", "read", "", 3), RowCount("a", "dropped", "x", 3)], 0, "empty although its input is not"),
        ([RowCount("a", "read", "", 0), RowCount("b", "read", "", 1)], 0, "empty although its input is not"),
        ([RowCount("a", "read", "", 0), RowCount("b", "read", "", 0)], 0, ""),
        ([RowCount("a", "read", "", 3), RowCount("a", "published", "", 1), RowCount("a", "dropped", "x", 2)], 1, ""),
    ],
)
def test_output_without_a_row_of_input_with_some_is_recorded_as_such(counts, count, reason):
    assert reconciliation.output(counts, count) == RowCount("", "output", reason, count)


def test_reasons_for_which_rows_were_lost_come_with_their_counts_the_most_first():
    lost = [
        RowCount("a", "dropped", "x", 3),
        RowCount("b", "quarantined", "y", 1_000),
        RowCount("b", "dropped", "x", 4),
    ]
    assert (
        reconciliation.describe_losses([RowCount("a", "read", "", 9), RowCount("a", "published", "", 9), *lost])
        == "1,000 x y, 7 x x"
    )
