"""A withdrawal takes effect on earlier snapshots too: no file shows the person any longer."""

from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest

import withdrawal
from publishing import Table
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
    real = Table.expire
    for survives in (TABLES[-1], TABLES[0]):

        def killed(table, ids, survives=survives):
            if table.name.endswith(survives):
                raise KeyboardInterrupt
            real(table, ids)

        with monkeypatch.context() as patch:
            patch.setattr(Table, "expire", killed)
            with pytest.raises(KeyboardInterrupt):
                lakehouse.run_all()
    lakehouse.run_all()
    assert traces(lakehouse, "anna") == set()
    assert lakehouse.is_consistent()


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


def test_old_versions_of_the_tables_go_and_no_other(served, monkeypatch):
    for name, value in served.environ().items():
        monkeypatch.setenv(name, value)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="of-versions")
    s3.put_bucket_versioning(Bucket="of-versions", VersioningConfiguration={"Status": "Enabled"})
    for key in ("warehouse/db/t/a", "warehouse/db/t/b", "warehouse/db/other/a", "customer/landing/a"):
        for content in (b"old", b"new"):
            s3.put_object(Bucket="of-versions", Key=key, Body=content)
    s3.delete_object(Bucket="of-versions", Key="warehouse/db/t/b")
    withdrawal.delete_old_versions("of-versions", "warehouse/db/t/")
    answer = s3.list_object_versions(Bucket="of-versions")
    assert "DeleteMarkers" not in answer
    assert [(v["Key"], v["IsLatest"]) for v in answer["Versions"]] == [
        ("customer/landing/a", True),
        ("customer/landing/a", False),
        ("warehouse/db/other/a", True),
        ("warehouse/db/other/a", False),
        ("warehouse/db/t/a", True),
    ]
