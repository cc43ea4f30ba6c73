"""However many runs there were, the tables keep as many files, snapshots and metadata as after the first few."""

import json
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from py4j.protocol import Py4JError

import retention
import table_contract
from arguments import History
from iceberg import Table
from tests.support.jobs import AT, JOBS, customer, made_of, measured, moved

LAST_TWO = ("--history", json.dumps({"runs": 2}))


def files(lakehouse, table):
    """Return how many files of each kind a table has on disk, whether or not a snapshot refers to them."""
    root = Path(urlsplit(lakehouse.spark.conf.get("spark.sql.catalog.glue_catalog.warehouse")).path)
    _, database, name = lakehouse.name(table).split(".")
    found = Counter(file.suffix for file in (root / database / name).rglob("*") if file.name[0] != ".")
    return {suffix: found[suffix] for suffix in (".parquet", ".avro", ".json")}  # data, manifests, metadata


def snapshots(lakehouse, table):
    return len(Table(lakehouse.spark, lakehouse.name(table)).history())


def land(lakehouse, *names):
    """Land customers with readings, in files of their own."""
    for number, name in enumerate(names):
        lakehouse.land("customer", [customer(name, f"S-{name}")], f"{name}.json")
        lakehouse.land("accelerometer", [moved(name, AT + number)], f"{name}.json")
        lakehouse.land("step_trainer", [measured(f"S-{name}", AT + number)], f"{name}.json")


@pytest.mark.slow
def test_a_hundred_runs_leave_as_many_files_as_fifty(lakehouse, extra_files, monkeypatch):
    """Each commits as the publisher does, to its table, and three times to an audit table."""
    monkeypatch.chdir(extra_files)
    names = ("customer_trusted", "pipeline_runs")
    lakehouse.create_tables("customer_trusted")
    published, records = (Table(lakehouse.spark, lakehouse.name(name)) for name in names)
    contracts = {name: table_contract.load(name) for name in names}
    for table, contract in zip((published, records), contracts.values(), strict=True):
        table.evolve(contract)
    most = {50: Counter(), 100: Counter()}
    for number in range(1, 101):
        run = f"wr_{number}"
        rows = made_of(lakehouse.spark, contracts["customer_trusted"].schema, [{"email": f"{number}@example.com"}])
        published.write(rows, 1, f"run_{run}", {"workflow-run-id": run})
        published.publish(f"run_{run}")
        record = made_of(lakehouse.spark, contracts["pipeline_runs"].schema, [{"workflow_run_id": run, "rows": 1}])
        for _ in range(3):
            records.append(record)
        retention.expire({"customer_trusted": published}, "customer_trusted", History(runs=5), now=AT)
        retention.merge_small_files(records)
        for name, table in zip(names, (published, records), strict=True):
            counted = {**files(lakehouse, name), "snapshots": len(table.history()), "refs": len(table.references())}
            for window, largest in most.items():  # twenty runs: longer than from one merge to the next
                if window - 20 < number <= window:
                    largest |= Counter({(name, kind): count for kind, count in counted.items()})
    assert most[100] == most[50]
    assert most[100]["customer_trusted", "snapshots"] == most[100]["customer_trusted", ".parquet"] == 5
    assert set(published.references()) == {"main", *(f"run_wr_{number}" for number in range(96, 101))}
    assert [row["email"] for row in published.read().collect()] == ["100@example.com"]
    everything = records.read().groupBy("workflow_run_id").count().collect()
    assert sorted(everything) == sorted((f"wr_{number}", 3) for number in range(1, 101))


@pytest.mark.slow
def test_runs_that_are_kept_are_complete_and_the_others_leave_nothing(lakehouse, capsys):
    lakehouse.create_tables()
    people = ("anna", "ben", "cleo", "dora")
    for number in range(1, 5):
        land(lakehouse, *people[:number])
        lakehouse.run_all(*LAST_TWO)
    said = capsys.readouterr().out
    assert "expired snapshots of runs that history no longer keeps: 1 of customer_trusted" in said
    for table in JOBS.values():
        kept = Table(lakehouse.spark, lakehouse.name(table))
        assert len(kept.history()) == len(lakehouse.tags(table)) == files(lakehouse, table)[".parquet"] == 2
        assert [snapshot.rows for snapshot in sorted(kept.history(), key=lambda each: each.committed_at)] == [3, 4]
        assert lakehouse.table(table).count() == 4


@pytest.mark.slow
def test_a_run_that_cannot_expire_others_is_published_and_the_next_one_does(lakehouse, capsys, monkeypatch):
    lakehouse.create_tables()
    land(lakehouse, "anna")
    only = ("--history", json.dumps({"runs": 1}))
    lakehouse.run_all(*only)
    real, expired = Table.expire, []

    def fails(table, ids):
        if expired:
            raise Py4JError("The bucket refuses to delete.")
        expired.append(table.name)
        real(table, ids)

    land(lakehouse, "anna", "ben")
    with monkeypatch.context() as patch:
        patch.setattr(Table, "expire", fails)
        lakehouse.run_all(*only)
    assert "WARNING: earlier runs have not expired" in capsys.readouterr().out
    assert {table: lakehouse.table(table).count() for table in JOBS.values()} == dict.fromkeys(JOBS.values(), 2)
    lakehouse.run_all(*only)
    assert {table: snapshots(lakehouse, table) for table in JOBS.values()} == dict.fromkeys(JOBS.values(), 1)
