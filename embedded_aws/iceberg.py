"""Creates the first metadata of an Iceberg table, as Glue does in CreateTable."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from pyiceberg.catalog.glue import _to_columns  # the columns for Glue, including dropped and renamed ones
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import new_table_metadata
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER
from pyiceberg.types import NestedField

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# The Glue types that Athena documents for Iceberg; the others do not exist there, as smallint, or are nested.
_ICEBERG_TYPES: Final = {"bigint": "long"} | {
    same: same for same in ("binary", "boolean", "date", "double", "float", "int", "string", "timestamp")
}
_DECIMAL = re.compile(r"decimal\(\d+,\s*\d+\)")


class UnsupportedTableError(ValueError):
    """The definition cannot become an Iceberg table."""


def create(table_input: Mapping[str, Any], version: str, s3: S3Client) -> dict[str, Any]:
    """Write the first metadata of an empty Iceberg table; return the catalog entry that points to it."""
    name, storage = table_input["Name"], table_input.get("StorageDescriptor", {})
    location = storage.get("Location", "").rstrip("/")
    if not location.startswith("s3://") or not storage.get("Columns"):
        raise UnsupportedTableError(f"Iceberg table {name} needs columns and a location in S3.")
    if table_input.get("PartitionKeys"):
        raise UnsupportedTableError(
            f"Iceberg table {name} has partition keys, but CreateTable creates no partition spec."
        )
    metadata = new_table_metadata(
        schema=_schema(name, storage["Columns"]),
        partition_spec=UNPARTITIONED_PARTITION_SPEC,
        sort_order=UNSORTED_SORT_ORDER,
        location=location,
        properties={"format-version": version},
    )
    bucket, _, path = location.removeprefix("s3://").partition("/")
    file = f"metadata/00000-{uuid.uuid4()}.metadata.json"
    s3.put_object(Bucket=bucket, Key=f"{path}/{file}", Body=metadata.model_dump_json().encode())
    pointer = {"table_type": "ICEBERG", "metadata_location": f"{location}/{file}"}
    return dict(table_input) | {
        "Parameters": dict(table_input.get("Parameters") or {}) | pointer,
        "StorageDescriptor": dict(storage) | {"Location": location, "Columns": _to_columns(metadata)},
    }


def _schema(table: str, columns: Iterable[Mapping[str, str]]) -> Schema:
    return Schema(
        *(
            NestedField(
                field_id=position,
                name=column["Name"],
                field_type=_iceberg_type(table, column),
                required=False,
                doc=column.get("Comment"),
            )
            for position, column in enumerate(columns, start=1)
        )
    )


def _iceberg_type(table: str, column: Mapping[str, str]) -> str:
    name, sql_type = column["Name"], column["Type"]
    if _DECIMAL.fullmatch(sql_type):
        return sql_type
    if sql_type not in _ICEBERG_TYPES:
        raise UnsupportedTableError(
            f"Column {name} of Iceberg table {table} has the type {sql_type}, but Iceberg tables support only "
            f"{', '.join(sorted(_ICEBERG_TYPES))} and decimal(precision,scale). Use one of these."
        )
    return _ICEBERG_TYPES[sql_type]
