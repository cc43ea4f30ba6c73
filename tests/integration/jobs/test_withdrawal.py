"""A withdrawal takes effect on earlier snapshots too: no file shows the person any longer."""

import time
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest

import publishing
import withdrawal
from iceberg import Table
from problems import BadInputError
from tests.support.decoded import decoded
from tests.support.jobs import AT, JOBS, customer, measured, moved

TABLES = list(JOBS.values())
SHOWN = {*TABLES, "training_split"}
DEVICE = "device-of-"
CLEAR = ("--profile", "strict")
PSEUDONYM = (*CLEAR, "--policies", '{"training_subject": "pseudonym"}')
CURATED_PSEUDONYM = (*CLEAR, "--policies", '{"curated_identity": "pseudonym"}')


def land(lakehouse, *people, **changes):
    """Land a customer with readings for each person; `changes` are of a person's record."""
    for at, name in enumerate(people):
        record = customer(name, f"{DEVICE}{name}", **{"lastUpdateDate": AT + at} | changes.get(name, {}))
        lakehouse.land("customer", [record], f"{name}.json")
        lakehouse.land("accelerometer", [moved(name, AT + at), moved(name, AT + 100 + at)], f"{name}.json")
        lakehouse.land("step_trainer", [measured(f"{DEVICE}{name}", AT + at)], f"{name}.json")


def traces(lakehouse, *texts):
    """Return the tables with a file that holds one of the texts, even if no snapshot refers to it."""
    folder = Path(urlsplit(lakehouse.spark.conf.get("spark.sql.catalog.glue_catalog.warehouse")).path)
    database = folder / lakehouse.database
    return {
        file.relative_to(database).parts[0]
        for file in database.rglob("*")
        if file.is_file()
        for content in decoded(file.read_bytes())
        if any(text.encode() in content for text in texts)
    }


def states(lakehouse):
    """Return the number of unexpired snapshots with rows of each table."""
    found = {table: lakehouse.spark.table(f"{lakehouse.name(table)}.snapshots") for table in TABLES}
    return {table: rows.where("summary['total-records'] > 0").count() for table, rows in found.items()}


@pytest.mark.slow
def test_no_file_shows_withdrawn_people_and_other_history_stays(lakehouse, capsys):
    lakehouse.create_tables()
    land(lakehouse, "ben")
    lakehouse.run_all()
    land(lakehouse, "anna", "ben")
    lakehouse.run_all()
    lakehouse.spark.sql(f"ALTER TABLE {lakehouse.name('machine_learning_curated')} CREATE TAG paper")
    assert traces(lakehouse, "anna") == SHOWN
    before = capsys.readouterr().out
    lakehouse.land("customer", [customer("Anna", "another", None)], "withdrawn.json")
    lakehouse.run_all("--policies", '{"customer_records": "latest"}')
    assert traces(lakehouse, "anna", "Anna") == set()
    assert traces(lakehouse, "ben") == SHOWN
    assert states(lakehouse) == dict.fromkeys(TABLES, 2)  # of ben alone, and that of now
    assert lakehouse.branches("machine_learning_curated") == {"main"}
    current = Table(lakehouse.spark, lakehouse.name("machine_learning_curated")).snapshot()
    tags = lakehouse.tags("machine_learning_curated")
    assert len(tags) == 2, "of the run with ben alone and of this one; that of the run with anna is gone"
    assert current.id in tags.values()
    assert lakehouse.is_consistent()
    assert "expired" not in before
    assert "expired snapshots that show withdrawn people or undo pseudonyms: 2 of" in capsys.readouterr().out
    assert [row[0] for row in lakehouse.rows("machine_learning_curated")] == [f"{DEVICE}ben"] * 1


@pytest.mark.slow
def test_killed_run_is_completed_by_the_next(lakehouse, monkeypatch):
    lakehouse.create_tables()
    land(lakehouse, "anna", "ben")
    lakehouse.run_all()
    land(lakehouse, "anna", "ben", anna={"shareWithResearchAsOfDate": 0})
    for step, survives in (("recommit", TABLES[1]), ("expire", TABLES[-1]), ("expire", TABLES[0])):
        real = getattr(Table, step)

        def killed(table, argument, real=real, survives=survives):
            if table.name.endswith(survives):
                raise KeyboardInterrupt
            return real(table, argument)

        with monkeypatch.context() as patch:
            patch.setattr(Table, step, killed)
            with pytest.raises(KeyboardInterrupt):
                lakehouse.run_all()
        assert lakehouse.is_consistent(), f"killed while it would {step} {survives}"
    lakehouse.run_all()
    assert traces(lakehouse, "anna") == set()
    assert lakehouse.is_consistent()
    heads = {table: Table(lakehouse.spark, lakehouse.name(table)).snapshot() for table in TABLES}
    named = {(source, id_) for head in heads.values() for source, id_ in head.inputs.items()}
    assert named <= {(table, head.id) for table, head in heads.items()}, "not by an id that has expired"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "shown", "first", "then"),
    [
        ("machine_learning_curated", DEVICE, CLEAR, PSEUDONYM),
        ("machine_learning_curated", DEVICE, PSEUDONYM, CLEAR),
        ("customers_curated", "@example.com", CLEAR, CURATED_PSEUDONYM),
    ],
)
def test_no_state_undoes_the_pseudonyms_of_another(lakehouse, table, shown, first, then):
    lakehouse.create_tables()
    land(lakehouse, "anna", "ben")
    for arguments in (first, first, then, then):
        lakehouse.run_all(*arguments)
    assert states(lakehouse)[table] == 2
    assert states(lakehouse)["customer_trusted"] == 4
    assert (table in traces(lakehouse, shown)) == (then == CLEAR)
    assert lakehouse.is_consistent()


@pytest.mark.slow
def test_nothing_expires_while_another_table_still_shows_the_person(lakehouse):
    lakehouse.create_tables()
    land(lakehouse, "anna", "ben")
    lakehouse.run_all()
    land(lakehouse, "anna", "ben", anna={"shareWithResearchAsOfDate": 0})
    for job in JOBS:
        assert states(lakehouse)["customer_trusted"] == (1 if job == next(iter(JOBS)) else 2)
        lakehouse.run(job)
    assert traces(lakehouse, "anna") == set()
    assert lakehouse.is_consistent()


def test_what_no_snapshot_shows_goes_and_nothing_else(served, monkeypatch):
    for name, value in served.environ().items():
        monkeypatch.setenv(name, value)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="of-versions")
    s3.put_bucket_versioning(Bucket="of-versions", VersioningConfiguration={"Status": "Enabled"})
    for key in ("warehouse/db/t/a", "warehouse/db/t/b", "warehouse/db/other/a", "customer/landing/a"):
        for content in (b"old", b"new"):
            s3.put_object(Bucket="of-versions", Key=key, Body=content)
    s3.delete_object(Bucket="of-versions", Key="warehouse/db/t/b")
    s3.put_object(Bucket="of-versions", Key="warehouse/db/t/of-a-killed-job", Body=b"old")
    time.sleep(1.1)  # S3 tells seconds
    began = datetime.now(UTC)
    time.sleep(1.1)
    s3.put_object(Bucket="of-versions", Key="warehouse/db/t/of-a-commit-in-progress", Body=b"new")

    def left():
        answer = s3.list_object_versions(Bucket="of-versions")
        assert "DeleteMarkers" not in answer
        return [(version["Key"], version["IsLatest"]) for version in answer["Versions"]]

    purge = partial(withdrawal.delete_unreachable, "of-versions", "warehouse/db/t/", before=began)
    with pytest.raises(BadInputError, match="refers to no file below s3://of-versions/warehouse/db/t/, so none was"):
        purge(lambda: {"s3://of-versions/elsewhere/db/t/a"})
    purge(lambda: {"s3a://of-versions/warehouse/db/t/a", "s3://of-versions/warehouse/db/t/never-written"})
    assert left() == [
        ("customer/landing/a", True),
        ("customer/landing/a", False),
        ("warehouse/db/other/a", True),
        ("warehouse/db/other/a", False),
        ("warehouse/db/t/a", True),
        ("warehouse/db/t/of-a-commit-in-progress", True),
    ]


def test_a_table_tells_all_files_that_it_refers_to(lakehouse):
    lakehouse.create_tables("customer_trusted")
    table = Table(lakehouse.spark, lakehouse.name("customer_trusted"))
    merge = "'write.delete.mode' = 'merge-on-read', 'write.metadata.delete-after-commit.enabled' = 'false'"
    lakehouse.spark.sql(f"ALTER TABLE {table.name} SET TBLPROPERTIES ({merge}, 'format-version' = '2')")
    for number, people in enumerate((["anna"], ["anna", "ben"]), start=1):
        records = ", ".join(f"named_struct('email', '{person}')" for person in people)
        columns = [f"cast(email as {f.dataType.simpleString()}) as `{f.name}`" for f in table.read().schema]
        rows = lakehouse.spark.sql(f"SELECT explode(array({records})) AS r").selectExpr("r.email").selectExpr(*columns)
        table.write(rows, len(people), f"run_{number}", {})
        table.publish(f"run_{number}")
    lakehouse.spark.sql(f"DELETE FROM {table.name} WHERE email = 'anna'")  # noqa: S608 - our own name
    folder = Path(urlsplit(lakehouse.spark.conf.get("spark.sql.catalog.glue_catalog.warehouse")).path)
    there = {
        f for f in (folder / lakehouse.database / "customer_trusted").rglob("*") if f.suffix in (".parquet", ".avro")
    }
    assert len([file for file in there if file.suffix == ".parquet"]) == 3, "two of rows, and one of deletions"
    found = {Path(urlsplit(uri).path) for uri in table.files()}
    assert {file for file in found if file.suffix in (".parquet", ".avro")} == there
    assert any(file.name.endswith(".metadata.json") for file in found)


@pytest.mark.slow
def test_a_run_that_was_killed_before_it_purged_is_completed_by_the_next(lakehouse, monkeypatch):
    lakehouse.create_tables()
    land(lakehouse, "anna", "ben")
    lakehouse.run_all()
    land(lakehouse, "anna", "ben", anna={"shareWithResearchAsOfDate": 0})
    purged = []
    for dies in (TABLES[-1], TABLES[0], None):

        def purge(_, table, dies=dies):
            if table == dies:
                raise KeyboardInterrupt
            purged.append(table)

        monkeypatch.setattr(publishing, "_purge", purge)
        with pytest.raises(KeyboardInterrupt) if dies else nullcontext():
            lakehouse.run_all()
    assert set(purged) >= SHOWN
    assert not any(Table(lakehouse.spark, lakehouse.name(table)).has_property(withdrawal.TO_PURGE) for table in SHOWN)
