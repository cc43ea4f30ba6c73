from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import new_table_metadata
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER
from pyiceberg.types import LongType, NestedField, StringType

from lakehouse.sandbox.iceberg import UnsupportedTableError, Warehouse, create

WAREHOUSE = Warehouse.parse("s3://lake/warehouse/")
LOCATION = "s3://lake/warehouse/db/t"
TABLE = {
    "Name": "t",
    "Description": "One row per test.",
    "StorageDescriptor": {
        "Location": f"{LOCATION}/",
        "Columns": [
            {"Name": "id", "Type": "bigint", "Comment": "Key."},
            {"Name": "amount", "Type": "decimal(9,2)"},
            {"Name": "day", "Type": "date"},
        ],
    },
}


@pytest.fixture
def aws() -> Iterator[dict[str, Any]]:
    with mock_aws():
        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
        clients = {name: boto3.client(name, region_name="us-east-1", **keys) for name in ("s3", "glue")}
        clients["s3"].create_bucket(Bucket="lake")
        clients["glue"].create_database(DatabaseInput={"Name": "db"})
        yield clients


def commit(mirror: Path, version: int, *columns: str) -> str:
    """Write a metadata file as a Hadoop catalog's commit does, and return its key."""
    schema = Schema(
        *(
            NestedField(position, name, LongType() if name == "id" else StringType(), doc=f"About {name}.")
            for position, name in enumerate(columns, start=1)
        )
    )
    metadata = new_table_metadata(schema, UNPARTITIONED_PARTITION_SPEC, UNSORTED_SORT_ORDER, LOCATION)
    key = f"warehouse/db/t/metadata/v{version}.metadata.json"
    (mirror / key).parent.mkdir(parents=True, exist_ok=True)
    (mirror / key).write_text(metadata.model_dump_json())
    return key


def catalog_table(aws: dict[str, Any]) -> dict[str, Any]:
    table: dict[str, Any] = aws["glue"].get_table(DatabaseName="db", Name="t")["Table"]
    return table


def test_create_writes_an_empty_table_and_points_to_it(aws: dict[str, Any]) -> None:
    created = create(TABLE, "2", aws["s3"])
    assert created["Parameters"] == {
        "table_type": "ICEBERG",
        "metadata_location": f"{LOCATION}/metadata/v1.metadata.json",
    }
    body = aws["s3"].get_object(Bucket="lake", Key="warehouse/db/t/metadata/v1.metadata.json")["Body"].read()
    metadata = json.loads(body)
    assert metadata["format-version"] == 2
    assert metadata["location"] == LOCATION
    fields = metadata["schemas"][0]["fields"]
    assert [(f["id"], f["name"], f["type"], f["required"]) for f in fields] == [
        (1, "id", "long", False),
        (2, "amount", "decimal(9, 2)", False),
        (3, "day", "date", False),
    ]
    assert fields[0]["doc"] == "Key."
    hint = aws["s3"].get_object(Bucket="lake", Key="warehouse/db/t/metadata/version-hint.text")
    assert hint["Body"].read() == b"1"


def test_create_keeps_types_and_comments_in_the_catalog(aws: dict[str, Any]) -> None:
    columns = create(TABLE, "2", aws["s3"])["StorageDescriptor"]["Columns"]
    assert [(c["Name"], c["Type"], c.get("Comment")) for c in columns] == [
        ("id", "bigint", "Key."),
        ("amount", "decimal(9,2)", None),
        ("day", "date", None),
    ]


def test_create_starts_anew_where_a_table_was(aws: dict[str, Any]) -> None:
    # Later versions of a dropped table would be taken for the new one's.
    aws["s3"].put_object(Bucket="lake", Key="warehouse/db/t/metadata/v2.metadata.json", Body=b"old")
    aws["s3"].put_object(Bucket="lake", Key="warehouse/db/t2/metadata/v2.metadata.json", Body=b"other table")
    create(TABLE, "2", aws["s3"])
    keys = {item["Key"] for item in aws["s3"].list_objects_v2(Bucket="lake")["Contents"]}
    assert "warehouse/db/t/metadata/v2.metadata.json" not in keys
    assert "warehouse/db/t2/metadata/v2.metadata.json" in keys


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"StorageDescriptor": {"Columns": [{"Name": "id", "Type": "bigint"}]}}, "location"),
        ({"StorageDescriptor": {"Location": LOCATION}}, "columns"),
        (
            {"StorageDescriptor": {"Location": LOCATION, "Columns": [{"Name": "x", "Type": "uniontype<int>"}]}},
            "uniontype",
        ),
        ({"PartitionKeys": [{"Name": "day", "Type": "date"}]}, "partition"),
    ],
)
def test_create_refuses_what_it_can_not_do(aws: dict[str, Any], change: dict[str, Any], says: str) -> None:
    with pytest.raises(UnsupportedTableError, match=says):
        create(TABLE | change, "2", aws["s3"])


def test_the_pointer_follows_a_commit_and_the_rest_stays(aws: dict[str, Any], tmp_path: Path) -> None:
    aws["glue"].create_table(DatabaseName="db", TableInput=create(TABLE, "2", aws["s3"]))
    key = commit(tmp_path, 2, "id", "note")
    assert WAREHOUSE.follow_commits(tmp_path, [key], aws["glue"]) == ["db.t"]
    table = catalog_table(aws)
    assert table["Description"] == "One row per test."
    assert table["Parameters"] == {
        "table_type": "ICEBERG",
        "metadata_location": f"{LOCATION}/metadata/v2.metadata.json",
        "previous_metadata_location": f"{LOCATION}/metadata/v1.metadata.json",
    }
    columns = table["StorageDescriptor"]["Columns"]
    assert [(c["Name"], c["Type"], c["Comment"]) for c in columns] == [
        ("id", "bigint", "About id."),
        ("note", "string", "About note."),
    ]
    assert columns[1]["Parameters"]["iceberg.field.id"] == "2"


def test_the_newest_of_several_commits_counts(aws: dict[str, Any], tmp_path: Path) -> None:
    aws["glue"].create_table(DatabaseName="db", TableInput=create(TABLE, "2", aws["s3"]))
    keys = [commit(tmp_path, version, "id") for version in (9, 10)]
    WAREHOUSE.follow_commits(tmp_path, keys, aws["glue"])
    assert catalog_table(aws)["Parameters"]["metadata_location"].endswith("/v10.metadata.json")


def test_without_a_commit_nothing_changes(aws: dict[str, Any], tmp_path: Path) -> None:
    aws["glue"].create_table(DatabaseName="db", TableInput=create(TABLE, "2", aws["s3"]))
    uncommitted = ["warehouse/db/t/data/part-0.parquet", "warehouse/db/t/metadata/0f3a.metadata.json", "other/db/t/x"]
    assert WAREHOUSE.follow_commits(tmp_path, uncommitted, aws["glue"]) == []
    assert catalog_table(aws)["VersionId"] == "1"


def test_metadata_that_the_catalog_does_not_point_to_is_forgotten(aws: dict[str, Any], tmp_path: Path) -> None:
    aws["glue"].create_table(DatabaseName="db", TableInput=create(TABLE, "2", aws["s3"]))
    committed = commit(tmp_path, 2, "id")
    WAREHOUSE.follow_commits(tmp_path, [committed], aws["glue"])
    lost = commit(tmp_path, 3, "id")
    hint = (tmp_path / lost).with_name("version-hint.text")
    hint.write_text("3")
    WAREHOUSE.forget_uncommitted(tmp_path, aws["glue"])
    assert [(tmp_path / key).exists() for key in (committed, lost)] == [True, False]
    assert hint.read_text() == "2"


def test_metadata_of_a_table_that_is_not_in_the_catalog_stays(aws: dict[str, Any], tmp_path: Path) -> None:
    key = commit(tmp_path, 1, "id")
    WAREHOUSE.forget_uncommitted(tmp_path, aws["glue"])
    assert (tmp_path / key).exists()


def test_tables_that_spark_creates_and_drops_appear_and_go(aws: dict[str, Any], tmp_path: Path) -> None:
    key = commit(tmp_path, 1, "id")
    assert WAREHOUSE.follow_commits(tmp_path, [key], aws["glue"]) == ["db.t"]
    assert catalog_table(aws)["Parameters"]["table_type"] == "ICEBERG"
    (tmp_path / key).unlink()
    assert WAREHOUSE.follow_commits(tmp_path, [key], aws["glue"]) == ["db.t"]
    assert aws["glue"].get_tables(DatabaseName="db")["TableList"] == []
