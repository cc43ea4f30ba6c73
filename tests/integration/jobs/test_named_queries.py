"""The named queries that Terraform saves in Athena, translated to Spark SQL and run on the tables of a run."""

from collections import Counter
from string import Template

import pytest
import sqlglot
from sqlglot import exp

from tests.support.jobs import JOBS, READ, UNUSABLE
from tests.support.project import REPOSITORY

QUERIES = REPOSITORY / "terraform" / "modules" / "query" / "queries"


@pytest.fixture
def ask(first_run):
    """Return the rows of a named query, each as a mapping."""
    spark, lakehouse = first_run.lakehouse.spark, first_run.lakehouse
    quarantine = lakehouse.folder.as_uri() + "/quarantine"
    spark.read.option("recursiveFileLookup", "true").json(quarantine).createOrReplaceTempView("quarantine")

    def in_spark(node):
        if isinstance(node, exp.Normalize):
            return node.this  # Spark has no such function, and the data is ASCII
        if not isinstance(node, exp.Table) or not node.db:
            return node
        if node.name == "quarantine":
            return exp.to_table("quarantine")
        path = f"glue_catalog.{node.db}.{node.name.replace('$', '.')}"
        return (
            exp.alias_(exp.Table(this=exp.Var(this=path)), node.alias, table=True) if node.alias else exp.Var(this=path)
        )

    def rows(query):
        names = {"database": lakehouse.database, "audit_database": f"{lakehouse.database}_audit"}
        sql = Template((QUERIES / f"{query}.sql").read_text()).safe_substitute(names)
        translated = sqlglot.parse_one(sql, dialect="athena").transform(in_spark).sql("spark")
        return [row.asDict() for row in spark.sql(translated).collect()]

    return rows


@pytest.mark.parametrize("query", ["customers_without_consent", "readings_without_customer"])
def test_what_must_be_empty_is_empty(ask, query):
    assert ask(query) == []


def test_rows_per_table(ask):
    assert {row["table_name"]: int(row["row_count"]) for row in ask("rows_per_table")} == {
        "customer_landing": 7,
        "accelerometer_landing": 6,
        "step_trainer_landing": 6,
        "customer_trusted": 2,
        "accelerometer_trusted": 2,
        "customers_curated": 1,
        "step_trainer_trusted": 2,
        "machine_learning_curated": 1,
    }


def test_rows_are_accounted_for(ask, first_run):
    rows = {row["source_table"]: row for row in ask("rows_accounted_for") if row["workflow_run_id"] == first_run.id}
    assert {table: (row["rows_read"], row["unaccounted"]) for table, row in rows.items()} == {
        table: (outcomes["read"], 0) for table, outcomes in READ.items()
    }
    reasons = [row for row in ask("rows_dropped_by_reason") if row["workflow_run_id"] == first_run.id]
    assert {(row["source_table"], f"{row['outcome']} {row['reason']}"): row["row_count"] for row in reasons} == {
        (table, outcome): count
        for table, outcomes in READ.items()
        for outcome, count in outcomes.items()
        if " " in outcome
    }


def test_quarantine_by_reason(ask):
    found = {row["reason"]: row for row in ask("quarantine_by_reason")}
    assert found.keys() == {reason for reasons in UNUSABLE.values() for reason in reasons.values()}
    assert all(row["records"] == row["runs"] >= 1 and row["first_seen"] <= row["last_seen"] for row in found.values())
    assert all(row["last_file"].endswith("/landing/part.json") for row in found.values())


def test_consent_decisions_of_the_last_run(ask):
    rows = ask("consent_decisions_of_last_run")
    assert Counter((row["decision"], row["reason"]) for row in rows) == {
        ("kept", ""): 2,
        ("dropped", "no consent to research"): 1,
        ("dropped", "consent lies in the future"): 1,
    }


def test_runs_per_table(ask, first_run):
    rows = [row for row in ask("runs_per_table") if row["job_run_id"] in first_run.jobs.values()]
    assert {row["table_name"]: row["rows_out"] for row in rows} == {
        "customer_trusted": "2",
        "accelerometer_trusted": "2",
        "customers_curated": "1",
        "step_trainer_trusted": "2",
        "machine_learning_curated": "1",
    }
    assert {row["table_name"]: row["job_run_id"] for row in rows} == {
        JOBS[job]: run for job, run in first_run.jobs.items()
    }


def test_every_query_is_tried_here():
    tried = {"rows_per_table", "rows_accounted_for", "rows_dropped_by_reason", "quarantine_by_reason"}
    tried |= {
        "customers_without_consent",
        "readings_without_customer",
        "consent_decisions_of_last_run",
        "runs_per_table",
    }
    assert {file.stem for file in QUERIES.iterdir()} == tried
