"""What a snapshot's summary says of a table."""

from __future__ import annotations

from dataclasses import replace

from pyiceberg.table.snapshots import Operation, Snapshot, Summary

from lakehouse.tables import TABLES, Publication, of_run, outdated, rows


def snapshot(**properties: str) -> Snapshot:
    return Snapshot(
        snapshot_id=1,
        sequence_number=1,
        timestamp_ms=1,
        manifest_list="s3://lake/snap.avro",
        summary=Summary(Operation.OVERWRITE, **properties),
    )


PUBLISHED = {
    "customer_trusted": Publication(10, "wr_2", 1, 20, {"customer_landing": 20}),
    "accelerometer_trusted": Publication(30, "wr_1", 2, 40, {"accelerometer_landing": 40}, {"customer_trusted": 1}),
    "customers_curated": Publication(5, "", 3, 10, {}, {"customer_trusted": 1, "accelerometer_trusted": 2}),
}


def test_a_publication_is_read_from_the_summary() -> None:
    summary = {
        "total-records": "482",
        "added-records": "482",
        "lakehouse.workflow-run-id": "wr_1",
        "lakehouse.rows-in": "956",
        "lakehouse.rows-read.customer_landing": "956",
        "lakehouse.snapshot-read.customer_trusted": "77",
    }
    assert Publication.of(snapshot(**summary)) == Publication(
        482, "wr_1", 1, 956, {"customer_landing": 956}, {"customer_trusted": 77}
    )


def test_a_snapshot_that_no_job_made_has_rows_only() -> None:
    assert Publication.of(snapshot(**{"total-records": "3"})) == Publication(3, "", 1)
    assert Publication.of(snapshot()) == Publication(0, "", 1)


def test_rows_of_another_run_are_not_this_runs() -> None:
    assert of_run(PUBLISHED, "wr_2") == {"customer_trusted": PUBLISHED["customer_trusted"]}


def test_tables_that_do_not_belong_together_are_named() -> None:
    assert outdated(PUBLISHED) == []
    changed = PUBLISHED | {"customer_trusted": Publication(11, "wr_3", 4)}
    assert outdated(changed) == [
        f"{table} was made from another snapshot of customer_trusted than the published one"
        for table in ("accelerometer_trusted", "customers_curated")
    ]
    again = replace(changed["customer_trusted"], commits_again=PUBLISHED["customer_trusted"].snapshot_id)
    assert outdated(changed | {"customer_trusted": again}) == [], "a withdrawal has committed the same rows again"


def test_rows_come_zone_by_zone() -> None:
    counted = rows(PUBLISHED)
    assert counted == {
        "customer_landing": 20,
        "accelerometer_landing": 40,
        "customer_trusted": 10,
        "accelerometer_trusted": 30,
        "customers_curated": 5,
    }
    assert list(counted) == [table for table in TABLES if table in counted]
