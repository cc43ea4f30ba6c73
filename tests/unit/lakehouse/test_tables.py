"""What a snapshot's summary says of a table."""

from __future__ import annotations

from dataclasses import replace

from pyiceberg.table.snapshots import Operation, Snapshot, Summary

from lakehouse import lineage
from lakehouse.tables import TABLES, Publication, of_run, outdated, rows


def snapshot(**properties: str) -> Snapshot:
    return Snapshot(
        snapshot_id=1,
        sequence_number=1,
        timestamp_ms=1,
        manifest_list="s3://lake/snap.avro",
        summary=Summary(Operation.OVERWRITE, **properties),
    )


OF_CUSTOMERS = {"derived-from.code": "c1"}
MADE_FROM_CUSTOMERS = {
    **lineage.input_entries({"customer_trusted": 1}),
    f"derived-from.{lineage.TABLE}customer_trusted": lineage.derivation(OF_CUSTOMERS),
}
PUBLISHED = {
    "customer_trusted": Publication(10, "wr_2", 1, 20, {"customer_landing": 20}, report=OF_CUSTOMERS),
    "accelerometer_trusted": Publication(30, "wr_1", 2, 40, {"accelerometer_landing": 40}, report=MADE_FROM_CUSTOMERS),
    "customers_curated": Publication(
        5, "", 3, 10, report={**MADE_FROM_CUSTOMERS, **lineage.input_entries({"accelerometer_trusted": 2})}
    ),
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
        482, "wr_1", 1, 956, {"customer_landing": 956}, report=lineage.report(summary)
    )


def test_a_snapshot_that_no_job_made_has_rows_only() -> None:
    assert Publication.of(snapshot(**{"total-records": "3"})) == Publication(3, "", 1)
    assert Publication.of(snapshot()) == Publication(0, "", 1)


def test_rows_of_another_run_are_not_this_runs() -> None:
    assert of_run(PUBLISHED, "wr_2") == {"customer_trusted": PUBLISHED["customer_trusted"]}


def test_tables_that_do_not_belong_together_are_named() -> None:
    assert outdated(PUBLISHED) == []
    said = [
        f"{table} was made from another snapshot of customer_trusted than the published one"
        for table in ("accelerometer_trusted", "customers_curated")
    ]

    def customers(**report: str) -> dict[str, Publication]:
        return PUBLISHED | {"customer_trusted": Publication(11, "wr_3", 4, report=report)}

    assert outdated(customers()) == said
    assert outdated(customers(**{"derived-from.code": "c2"})) == said
    assert outdated(customers(**OF_CUSTOMERS)) == [], "another run has taken the same rows over"
    assert outdated(customers(**{lineage.COMMITS_AGAIN: "1"})) == [], "a withdrawal has committed the same rows again"
    no_state = {
        table: replace(publication, report=lineage.of_other_rows(publication.report))
        for table, publication in customers().items()
    }
    assert outdated(no_state) == said, "rows of which nothing tells what decided them"


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
