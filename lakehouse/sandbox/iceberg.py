"""Keeps the emulated Glue catalog and the Iceberg tables in S3 in step, as Glue's own Iceberg catalog does.

On AWS a commit of Spark sets `metadata_location` through Glue. Here Spark commits to a Hadoop catalog, which keeps
`v<n>.metadata.json` files, and the pointer in Glue follows the newest of them after each job.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pyiceberg.catalog.glue import _to_columns  # the columns that a Glue catalog shows, evolved ones included
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata, TableMetadataUtil, new_table_metadata
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER
from pyiceberg.types import NestedField

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_s3 import S3Client

FIRST_METADATA: Final = "v1.metadata.json"
VERSION_HINT: Final = "version-hint.text"
_METADATA_KEY = re.compile(r"(?P<table>.+)/metadata/v\d+\.metadata\.json")
_VERSION = re.compile(r"v(\d+)\.metadata\.json")
# Of Glue's types those that Athena documents for Iceberg; others, such as smallint, it has not, or are nested.
_ICEBERG_TYPES: Final = {"bigint": "long"} | {
    same: same for same in ("binary", "boolean", "date", "double", "float", "int", "string", "timestamp")
}
_DECIMAL = re.compile(r"decimal\(\d+,\s*\d+\)")


class UnsupportedTableError(ValueError):
    """A table definition that this catalog can't turn into an Iceberg table."""


@dataclass(frozen=True)
class Warehouse:
    """A Hadoop catalog's warehouse: below it lies every table, at `<database>/<table>`."""

    uri: str
    bucket: str
    prefix: str

    @classmethod
    def parse(cls, uri: str) -> Warehouse:
        """Read `s3://<bucket>/<prefix>`."""
        bucket, _, prefix = uri.partition("://")[2].strip("/").partition("/")
        return cls(uri.rstrip("/"), bucket, prefix)

    def tables_in(self, keys: Iterable[str]) -> list[tuple[str, str]]:
        """Return (database, table) of each table with a metadata file among these keys."""
        paths = {match["table"] for key in keys if (match := _METADATA_KEY.fullmatch(key))}
        inside = {path.removeprefix(f"{self.prefix}/") for path in paths if path.startswith(f"{self.prefix}/")}
        return sorted((parts[0], parts[1]) for path in inside if len(parts := path.split("/")) == 2)

    def follow_commits(self, directory: Path, changed_keys: Iterable[str], glue: GlueClient) -> list[str]:
        """Point the catalog to the newest metadata of each table that changed; return their names.

        `directory` is the mirror of the warehouse's bucket. A job that failed before its commit leaves no new metadata,
        so nothing points to what it wrote. Tables that Spark created or dropped appear and go in the catalog too.
        """
        followed = []
        for database, table in self.tables_in(changed_keys):
            newest = _newest_metadata(directory / self.prefix / database / table / "metadata")
            if _follow(glue, database, table, f"{self.uri}/{database}/{table}", newest):
                followed.append(f"{database}.{table}")
        return followed

    def forget_uncommitted(self, directory: Path, glue: GlueClient) -> None:
        """Remove the metadata that the catalog does not point to: of a job whose files S3 took only in part.

        On AWS Spark would not see it, since there the pointer is the commit; a Hadoop catalog takes the newest file.
        """
        for folder in (directory / self.prefix).glob("*/*/metadata"):
            database, table = folder.parts[-3:-1]
            try:
                current = glue.get_table(DatabaseName=database, Name=table)["Table"]
            except glue.exceptions.EntityNotFoundException:
                continue
            pointer = current.get("Parameters", {}).get("metadata_location", "")
            if not (match := _VERSION.fullmatch(pointer.rpartition("/")[2])):
                continue
            for version, path in _versions(folder).items():
                if version > int(match[1]):
                    path.unlink()
            hint = folder / VERSION_HINT
            if not hint.is_file() or hint.read_text().strip() != match[1]:
                hint.write_text(match[1])


def create(table_input: Mapping[str, Any], version: str, s3: S3Client) -> dict[str, Any]:
    """Write the first metadata of an empty Iceberg table, and return the catalog's table that points to it."""
    name, storage = table_input["Name"], table_input.get("StorageDescriptor", {})
    location = storage.get("Location", "").rstrip("/")
    if not location.startswith("s3://") or not storage.get("Columns"):
        raise UnsupportedTableError(f"Iceberg table {name} needs a location in S3 and columns.")
    if table_input.get("PartitionKeys"):
        raise UnsupportedTableError(f"Iceberg table {name} has partition keys: CreateTable makes no partition spec.")
    metadata = new_table_metadata(
        schema=_schema(name, storage["Columns"]),
        partition_spec=UNPARTITIONED_PARTITION_SPEC,
        sort_order=UNSORTED_SORT_ORDER,
        location=location,
        properties={"format-version": version},
    )
    bucket, _, path = location.removeprefix("s3://").partition("/")
    folder = f"{path}/metadata"
    _remove_old_table(s3, bucket, f"{folder}/")
    s3.put_object(Bucket=bucket, Key=f"{folder}/{FIRST_METADATA}", Body=metadata.model_dump_json().encode())
    s3.put_object(Bucket=bucket, Key=f"{folder}/{VERSION_HINT}", Body=b"1")
    pointer = {"table_type": "ICEBERG", "metadata_location": f"{location}/metadata/{FIRST_METADATA}"}
    return dict(table_input) | {
        "Parameters": dict(table_input.get("Parameters") or {}) | pointer,
        "StorageDescriptor": dict(storage) | {"Location": location, "Columns": _to_columns(metadata)},
    }


def _follow(glue: GlueClient, database: str, table: str, location: str, newest: Path | None) -> bool:
    try:
        current: dict[str, Any] | None = dict(glue.get_table(DatabaseName=database, Name=table)["Table"])
    except glue.exceptions.EntityNotFoundException:
        current = None
    if newest is None:
        if current:
            glue.delete_table(DatabaseName=database, Name=table)
        return current is not None
    metadata = TableMetadataUtil.parse_raw(newest.read_text())
    wanted = _table_input(table, f"{location}/metadata/{newest.name}", metadata, current)
    if not current:
        glue.create_table(DatabaseName=database, TableInput=wanted)  # type: ignore[arg-type]
    elif current["Parameters"].get("metadata_location") != wanted["Parameters"]["metadata_location"]:
        glue.update_table(DatabaseName=database, TableInput=wanted)  # type: ignore[arg-type]
    else:
        return False
    return True


def _table_input(name: str, pointer: str, metadata: TableMetadata, current: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what a Glue catalog writes on a commit; description and owner stay as they are."""
    kept = {key: current[key] for key in ("Description", "Owner", "Retention") if key in current} if current else {}
    parameters = dict((current or {}).get("Parameters", {}))
    if previous := parameters.get("metadata_location"):
        parameters["previous_metadata_location"] = previous
    return kept | {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": parameters | {"table_type": "ICEBERG", "metadata_location": pointer},
        "StorageDescriptor": {"Location": metadata.location, "Columns": _to_columns(metadata)},
    }


def _newest_metadata(folder: Path) -> Path | None:
    """Return the newest committed metadata: a Hadoop catalog commits by renaming a file to the next version."""
    versions = _versions(folder)
    return versions[max(versions)] if versions else None


def _versions(folder: Path) -> dict[int, Path]:
    return {int(match[1]): path for path in folder.glob("v*.json") if (match := _VERSION.fullmatch(path.name))}


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
            f"Column {name} of Iceberg table {table} has the type {sql_type}, which is none of "
            f"{', '.join(sorted(_ICEBERG_TYPES))} and decimal(precision,scale). Declare it as one of these."
        )
    return _ICEBERG_TYPES[sql_type]


def _remove_old_table(s3: S3Client, bucket: str, prefix: str) -> None:
    """Remove the metadata of a table that was there before: the Hadoop catalog would find its later versions."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            s3.delete_object(Bucket=bucket, Key=item["Key"])
