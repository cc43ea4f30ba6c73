from __future__ import annotations

import json
import re
from typing import Any

import boto3
import pytest

from embedded_aws.iceberg import UnsupportedTableError, create

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
def aws(account: None) -> dict[str, Any]:
    clients: dict[str, Any] = {"s3": boto3.client("s3"), "glue": boto3.client("glue")}
    clients["s3"].create_bucket(Bucket="lake")
    clients["glue"].create_database(DatabaseInput={"Name": "db"})
    return clients


def test_create_writes_an_empty_table_and_points_to_it(aws: dict[str, Any]) -> None:
    created = create(TABLE, "2", aws["s3"])
    pointer = created["Parameters"].pop("metadata_location")
    assert created["Parameters"] == {"table_type": "ICEBERG"}
    assert re.fullmatch(rf"{LOCATION}/metadata/00000-[0-9a-f-]{{36}}\.metadata\.json", pointer)
    body = aws["s3"].get_object(Bucket="lake", Key=pointer.removeprefix("s3://lake/"))["Body"].read()
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


def test_create_keeps_types_and_comments_in_the_catalog(aws: dict[str, Any]) -> None:
    columns = create(TABLE, "2", aws["s3"])["StorageDescriptor"]["Columns"]
    assert [(c["Name"], c["Type"], c.get("Comment")) for c in columns] == [
        ("id", "bigint", "Key."),
        ("amount", "decimal(9,2)", None),
        ("day", "date", None),
    ]


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
def test_create_refuses_unsupported_definitions(aws: dict[str, Any], change: dict[str, Any], says: str) -> None:
    with pytest.raises(UnsupportedTableError, match=says):
        create(TABLE | change, "2", aws["s3"])
