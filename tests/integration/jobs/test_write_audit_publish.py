"""Tables become visible only after their audit and all together, and a rerun repairs a failed run."""

import importlib
import json
import uuid

import pytest
from pyspark.sql import functions as F

import audits
import iceberg
import pipeline
from tests.support.jobs import AT, JOBS, NO_QUARANTINE_LIMIT, customer, measured, moved

TABLES = list(JOBS.values())


def in_each(value):
    """Return a mapping from each table to the same value."""
    return dict.fromkeys(TABLES, value)


def visible(lakehouse):
    """Return the rows of each table that readers see."""
    return {table: lakehouse.rows(table) for table in TABLES}


def test_nothing_is_visible_before_the_last_job(first_run):
    branch = "run_" + first_run.id
    assert first_run.visible == dict.fromkeys(TABLES, 0)
    assert first_run.branches == {table: {branch} for table in TABLES[:4]} | {TABLES[4]: set()}


def test_after_the_last_job_everything_is_visible_and_the_branch_is_gone(first_run):
    assert {table: first_run.lakehouse.table(table).count() for table in TABLES} == {
        "customer_trusted": 2,
        "accelerometer_trusted": 2,
        "customers_curated": 1,
        "step_trainer_trusted": 2,
        "machine_learning_curated": 1,
    }
    assert {table: first_run.lakehouse.branches(table) for table in TABLES} == in_each({"main"})


def test_a_tag_of_the_run_is_what_readers_see(first_run):
    for table in [*TABLES, "training_split"]:
        [row] = (
            first_run.lakehouse.spark.table(f"{first_run.lakehouse.name(table)}.refs").where("name = 'main'").collect()
        )
        assert first_run.lakehouse.tags(table) == {f"run_{first_run.id}": row["snapshot_id"]}
    assert first_run.lakehouse.rows("training_split") == [("S1", first_run.lakehouse.rows("training_split")[0][1])]


def test_each_table_was_made_from_those_of_its_own_run(first_run):
    refs = {t: first_run.lakehouse.spark.table(f"{first_run.lakehouse.name(t)}.refs").first() for t in TABLES}
    read = {}
    for table in TABLES:
        (summary,) = first_run.lakehouse.snapshots(table)
        read[table] = {key.split(".")[-1]: int(id_) for key, id_ in summary.items() if ".snapshot-read." in key}
    upstream = {
        "customer_trusted": [],
        "accelerometer_trusted": ["customer_trusted"],
        "customers_curated": ["customer_trusted", "accelerometer_trusted"],
        "step_trainer_trusted": ["customers_curated", "customer_trusted"],
        "machine_learning_curated": ["step_trainer_trusted", "accelerometer_trusted", "customers_curated"],
    }
    assert read == {table: {source: refs[source]["snapshot_id"] for source in upstream[table]} for table in TABLES}


def keep_all(rows):
    return rows.withColumn("drop_reason", F.lit(None).cast("string"))


BUGS = {  # job: the function with a bug, what the bug makes of its result, the rules that it breaks
    "customer_landing_to_trusted": (
        "classify",
        keep_all,
        ["every record has a consent to research that is not in the future"],
    ),
    "accelerometer_landing_to_trusted": ("classify", keep_all, ["every reading is of a trusted customer"]),
    "customer_trusted_to_curated": (
        "classify",
        keep_all,
        ["every record is of a trusted customer with a trusted accelerometer reading, and occurs once"],
    ),
    "step_trainer_landing_to_trusted": (
        "classify",
        keep_all,
        ["every reading is of a curated customer's Step Trainer"],
    ),
    "machine_learning_curated": (
        "transform",
        lambda rows: rows.withColumn("serialnumber", F.lit("anna@example.com")),
        [
            "no text is an e-mail address, or the name, phone number or birthday of a customer",
            "every matching pair of trusted readings occurs exactly as often as it exists, and nothing else occurs",
        ],
    ),
}


@pytest.mark.parametrize("job", BUGS)
def test_table_that_fails_its_audit_is_not_seen_and_leaves_nothing_behind(first_run, monkeypatch, job):
    lakehouse, table = first_run.lakehouse, JOBS[job]
    function, bug, rules = BUGS[job]
    module = importlib.import_module(job)
    real = getattr(module, function)
    monkeypatch.setattr(module, function, lambda *given, **named: bug(real(*given, **named)))
    tables = [table, *(name for name, of in pipeline.BESIDE.items() if of == table)]
    runs = lakehouse.table("pipeline_runs").count()
    before = {name: (lakehouse.rows(name), lakehouse.data_files(name)) for name in tables}
    with pytest.raises(SystemExit) as refused:
        lakehouse.run(job, *NO_QUARANTINE_LIMIT)
    message = str(refused.value)
    assert message.startswith(f"{table}: {table} breaks its rules, so it was not published:\n")
    assert [line.split(" rows: ")[1] for line in message.splitlines() if " rows: " in line] == rules
    for personal in ("@", "anna", "ben", "555-", "S1"):
        assert personal not in message
    assert {name: (lakehouse.rows(name), lakehouse.data_files(name)) for name in tables} == before
    assert all(lakehouse.branches(name) <= {"main"} for name in tables)
    assert lakehouse.table("pipeline_runs").count() > runs


def test_row_count_that_changes_too_much_is_refused(first_run):
    lakehouse, job = first_run.lakehouse, "customer_trusted_to_curated"
    limit = ("--row_count_change", json.dumps({"drop": 0, "growth": 0.5}))
    rows = lakehouse.rows("customers_curated")
    with pytest.raises(SystemExit, match="customers_curated went from 1 to 1 rows since the last run"):
        lakehouse.run(job, *limit)
    assert lakehouse.branches("customers_curated") == {"main"}
    assert lakehouse.rows("customers_curated") == rows


def test_table_that_is_altered_during_the_run_is_refused(lakehouse, monkeypatch):
    lakehouse.create_tables("customer_trusted")
    lakehouse.land("customer", [customer("anna", "S1")])
    write = iceberg.Table.write

    def alter_after_the_write(table, *given):
        written = write(table, *given)
        lakehouse.spark.sql(f"ALTER TABLE {table.name} ADD COLUMN shoesize int")
        return written

    monkeypatch.setattr(iceberg.Table, "write", alter_after_the_write)
    with pytest.raises(
        SystemExit, match=r"schema differs from customer_trusted\.sql: missing nothing; unexpected shoesize int"
    ):
        lakehouse.run("customer_landing_to_trusted")
    assert lakehouse.branches("customer_trusted") == set()
    assert lakehouse.data_files("customer_trusted") == set()


def test_last_job_of_a_workflow_run_publishes_nothing_without_the_tables_of_the_others(first_run):
    lakehouse, table = first_run.lakehouse, "machine_learning_curated"
    before = visible(lakehouse)
    with pytest.raises(SystemExit) as refused:
        lakehouse.run(table, "--WORKFLOW_RUN_ID", "wr_of_one_job")
    assert str(refused.value) == (
        "machine_learning_curated: The workflow run wr_of_one_job has no step_trainer_trusted, customers_curated, "
        "accelerometer_trusted, customer_trusted to publish, so it publishes nothing: a job did "
        "not run, or another run has discarded its table. Run the whole workflow again."
    )
    iceberg.Table(lakehouse.spark, lakehouse.name(table)).discard_branches(
        ["run_wr_of_one_job"]
    )  # as the next run does
    assert visible(lakehouse) == before


class Crash(Exception):  # noqa: N818 no error of a job
    """An error that a job does not expect."""


def land(lakehouse, *more):
    names = ("anna", "ben", "cleo")
    ben = customer("ben", "of ben", None)
    lakehouse.land("customer", [customer("anna", "of anna"), ben, customer("cleo", "of cleo"), *more])
    lakehouse.land("accelerometer", [moved(name, AT + n) for n, name in enumerate(names)])
    lakehouse.land("step_trainer", [measured(f"of {name}", AT + n) for n, name in enumerate(names)])


def who(lakehouse):
    """Return the customer of each row by table."""
    of = {"email": "@example.com", "user": "@example.com", "serialnumber": "of "}
    columns = dict(zip(TABLES, ("email", "user", "email", "serialnumber", "serialnumber"), strict=True))
    return {
        table: sorted(row[0].replace(of[column], "") for row in lakehouse.table(table).select(column).collect())
        for table, column in columns.items()
    }


@pytest.mark.slow
def test_failure_of_any_job_shows_nothing_and_the_next_run_heals(lakehouse, monkeypatch):
    """It gives the result of an undisturbed run: a new consent and a withdrawal take effect on every table."""
    lakehouse.create_tables()
    land(lakehouse)
    strict = ("--profile", "strict")
    lakehouse.run_all(*strict)
    before = visible(lakehouse)
    published = {table: lakehouse.data_files(table) for table in TABLES}
    assert who(lakehouse) == in_each(["anna", "cleo"])

    later = {"lastUpdateDate": AT + 1}
    land(lakehouse, customer("anna", "of anna", None, **later), customer("ben", "of ben", **later))

    def crash(*_, **__):
        raise Crash

    for job in JOBS:
        with monkeypatch.context() as patch:
            patch.setattr(audits, "check_rules", crash)  # after the write: the branch is left behind, as by a kill
            with pytest.raises(Crash):
                lakehouse.run(job, "--WORKFLOW_RUN_ID", f"wr_{uuid.uuid4().hex}", *strict)
    assert {table: len(lakehouse.branches(table)) for table in TABLES} == in_each(2)
    assert visible(lakehouse) == before
    stale = {table: lakehouse.data_files(table) - published[table] for table in TABLES}
    assert stale["customer_trusted"]

    lakehouse.run_all(*strict)
    assert who(lakehouse) == in_each(["ben", "cleo"])
    assert {table: lakehouse.branches(table) for table in TABLES} == in_each({"main"})
    for table in TABLES:
        assert not lakehouse.data_files(table) & stale[table]


@pytest.mark.slow
def test_last_job_that_is_tried_again_publishes_what_it_had_not(lakehouse, monkeypatch):
    """It was killed after two tables were published and, when retried, after one more."""
    lakehouse.create_tables()
    land(lakehouse)
    run_id = ("--WORKFLOW_RUN_ID", f"wr_{uuid.uuid4().hex}")
    *others, last = JOBS
    for job in others:
        lakehouse.run(job, *run_id)
    for done in (2, 1):
        real, calls = iceberg.Table.publish, iter(range(100))

        def crash(table, branch, real=real, calls=calls, done=done):
            if next(calls) == done:
                raise Crash
            real(table, branch)

        with monkeypatch.context() as patch:
            patch.setattr(iceberg.Table, "publish", crash)
            with pytest.raises(Crash):
                lakehouse.run(last, *run_id)
    lakehouse.run(last, *run_id)
    assert who(lakehouse) == in_each(["anna", "cleo"])
    assert {table: lakehouse.branches(table) for table in TABLES} == in_each({"main"})


@pytest.mark.slow
def test_last_job_that_is_killed_after_a_withdrawal_and_tried_again_leaves_the_tags_of_the_run(lakehouse, monkeypatch):
    """A withdrawal expires the snapshots of tags; the retry finds no withdrawal any more."""
    lakehouse.create_tables()
    land(lakehouse)
    lakehouse.run_all()
    lakehouse.land("customer", [customer("ben", "S2")])
    run_id = f"wr_{uuid.uuid4().hex}"
    *others, last = JOBS
    for job in others:
        lakehouse.run(job, "--WORKFLOW_RUN_ID", run_id)

    def crash(*_):
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(iceberg.Table, "tag", crash)
        with pytest.raises(Crash):
            lakehouse.run(last, "--WORKFLOW_RUN_ID", run_id)
    lakehouse.run(last, "--WORKFLOW_RUN_ID", run_id)
    for table in [*TABLES, "training_split"]:
        current = iceberg.Table(lakehouse.spark, lakehouse.name(table)).snapshot()
        assert lakehouse.tags(table).get(f"run_{run_id}") == current.id, table


@pytest.mark.slow
def test_job_that_is_started_alone_publishes_at_once_unless_its_source_changes_meanwhile(lakehouse, monkeypatch):
    """Each record counts on its own here: ben's later one is enough, and gone when it is removed."""
    lakehouse.create_tables()
    land(lakehouse, customer("ben", "of ben", lastUpdateDate=AT + 1))
    for job, table in JOBS.items():
        lakehouse.run(job)
        assert lakehouse.branches(table) == {"main"}
    assert who(lakehouse) == in_each(["anna", "ben", "cleo"])
    land(lakehouse)
    lakehouse.run_all()
    assert who(lakehouse) == in_each(["anna", "cleo"])
    records = [customer("anna", "of anna", None), customer("ben", "of ben"), customer("cleo", "of cleo")]
    lakehouse.land("customer", records)  # anna's own record now withdraws, and ben's consents
    lakehouse.run_all()
    assert who(lakehouse) == in_each(["ben", "cleo"])

    before = lakehouse.rows("machine_learning_curated")
    module = importlib.import_module("machine_learning_curated")
    real, curated = module.classify, lakehouse.name("customers_curated")

    def change_the_source(*given, **named):
        lakehouse.spark.sql(f"INSERT OVERWRITE {curated} SELECT * FROM {curated}")  # noqa: S608
        return real(*given, **named)

    monkeypatch.setattr(module, "classify", change_the_source)
    refused = "machine_learning_curated was made from another snapshot of customers_curated than would be published"
    with pytest.raises(SystemExit, match=refused):
        lakehouse.run("machine_learning_curated")
    assert lakehouse.rows("machine_learning_curated") == before
