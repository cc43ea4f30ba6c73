"""Reads the tables of a query as its caller: their entries from Glue, their files from S3, both checked by IAM."""

from __future__ import annotations

import gzip
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import Any, Final

import pyarrow as pa
from botocore.exceptions import ClientError
from pyiceberg.conversions import from_bytes
from pyiceberg.exceptions import ValidationError
from pyiceberg.io import FileIO, InputFile, InputStream
from pyiceberg.table import Table
from pyiceberg.types import PrimitiveType

from embedded_aws.athena import openx_json
from embedded_aws.athena.catalog import TableName, columns_of
from embedded_aws.athena.errors import QueryCancelledError, QueryFailedError, denied, not_supported
from embedded_aws.callers import Callers
from embedded_aws.connection import Credentials
from embedded_aws.iceberg_rest import Catalog, S3File, S3Files, UnreadableMetadataError

SCAN_LIMIT_EXCEEDED: Final = "Bytes scanned limit was exceeded"
_ARCHIVED: Final = ("GLACIER", "DEEP_ARCHIVE")
INFORMATION_SCHEMA: Final = "information_schema"


@contextmanager
def _failures() -> Iterator[None]:
    """Turn errors of Glue, S3 and pyiceberg into the failure of the query."""
    try:
        yield
    except ClientError as error:
        found = error.response["Error"]
        if found["Code"] in ("AccessDenied", "AccessDeniedException", "403"):
            raise denied(found["Message"]) from error
        raise QueryFailedError(f"HIVE_CANNOT_OPEN_SPLIT: {found['Message']}") from error
    except (FileNotFoundError, UnreadableMetadataError, ValidationError) as error:
        raise QueryFailedError(f"ICEBERG_BAD_DATA: {error}") from error
    except pa.ArrowInvalid as error:
        raise QueryFailedError(f"ICEBERG_BAD_DATA: A file of the table cannot be read: {error}") from error


class Meter:
    """Counts the bytes that a query reads from data files, and stops it at the limit or when asked to."""

    def __init__(self, limit: int | None) -> None:
        self.scanned = 0
        self._limit = limit
        self._lock = threading.Lock()
        self.stopped = threading.Event()

    def count(self, size: int) -> None:
        """Count bytes.

        Raises:
            QueryCancelledError: The limit is exceeded, or the query was stopped.

        """
        with self._lock:
            self.scanned += size
        self.check()

    def check(self) -> None:
        """Raise an error if the query must not go on."""
        if self.stopped.is_set():
            raise QueryCancelledError("Query was cancelled by the user.")
        if self._limit is not None and self.scanned > self._limit:
            raise QueryCancelledError(SCAN_LIMIT_EXCEEDED)


class _MeteredStream(BytesIO):
    def __init__(self, content: bytes, meter: Meter) -> None:
        super().__init__(content)
        self._meter = meter

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        self._meter.count(len(content))
        return content


class _MeteredFile(S3File):
    def __init__(self, callers: Callers, caller: Credentials, location: str, meter: Meter) -> None:
        super().__init__(callers, caller, location)
        self._meter = meter

    def open(self, seekable: bool = True) -> InputStream:
        content = super().open(seekable)
        return content if "/metadata/" in self.location else _MeteredStream(content.read(), self._meter)


class _MeteredFiles(S3Files):
    def __init__(self, callers: Callers, caller: Credentials, meter: Meter) -> None:
        super().__init__(callers, caller)
        self._meter = meter

    def new_input(self, location: str) -> InputFile:
        return _MeteredFile(self._callers, self._caller, location, self._meter)


class _MeteredCatalog(Catalog):
    def __init__(self, callers: Callers, caller: Credentials, meter: Meter) -> None:
        super().__init__(callers, caller)
        self._meter = meter

    def _load_file_io(self, *_: object, **__: object) -> FileIO:
        return _MeteredFiles(self._callers, self._caller, self._meter)


class Lake:
    """The tables that one caller may read."""

    def __init__(self, callers: Callers, caller: Credentials, meter: Meter) -> None:
        self._callers = callers
        self._caller = caller
        self._meter = meter
        self._catalog = _MeteredCatalog(callers, caller, meter)

    def databases(self) -> list[str]:
        """Return the databases that the caller may see."""
        return sorted(self._callers.databases(self._caller))

    def tables(self, database: str) -> list[dict[str, Any]]:
        """Return the tables of a database that the caller may see, as Glue describes them."""
        with _failures():
            found = self._callers.tables(self._caller, database)
        if found is None:
            raise QueryFailedError(f"SCHEMA_NOT_FOUND: line 1:1: Schema '{database}' does not exist")
        return sorted(found, key=lambda each: str(each["Name"]))

    def entry(self, name: TableName) -> dict[str, Any]:
        """Return a table as Glue describes it."""
        with _failures():
            found = self._callers.read_table(self._caller, name.database, name.table)
        if found is None and name.database not in self.databases():
            raise QueryFailedError(f"SCHEMA_NOT_FOUND: line 1:1: Schema '{name.database}' does not exist")
        if found is None:
            raise QueryFailedError(f"TABLE_NOT_FOUND: line 1:1: Table '{name}' does not exist")
        return found

    def iceberg(self, name: TableName) -> Table | None:
        """Return an Iceberg table; None if it is another kind of table."""
        entry = self.entry(name)
        if entry.get("Parameters", {}).get("table_type", "").upper() != "ICEBERG":
            return None
        with _failures():
            return self._catalog.load_table((name.database, name.table))

    def read(
        self, name: TableName, words: frozenset[str] | None, snapshot: Callable[[Table], int | None] | None
    ) -> pa.Table:
        """Return the content of a table.

        Args:
            name: The table, or a metadata table.
            words: The columns that are needed are among these; None is all.
            snapshot: Returns the snapshot to read; None is the current one.

        """
        if name.database == INFORMATION_SCHEMA:
            return self._information(name)
        entry = self.entry(name)
        if entry.get("TableType") == "VIRTUAL_VIEW":
            raise not_supported(f"views ({name})")
        table = self.iceberg(name)
        if table is None:
            if name.metadata:
                raise QueryFailedError(f"TABLE_NOT_FOUND: line 1:1: Table '{name}' does not exist")
            if snapshot:
                raise QueryFailedError("NOT_SUPPORTED: line 1:1: This connector does not support versioned tables")
            with _failures():
                return self._json(name, entry)
        with _failures():
            if name.metadata:
                if name.metadata not in _METADATA_TABLES:
                    raise QueryFailedError(f"TABLE_NOT_FOUND: line 1:1: Table '{name}' does not exist")
                if snapshot:
                    raise not_supported("time travel in metadata tables")
                return _METADATA_TABLES[name.metadata](table)
            return self._scan(table, words, snapshot(table) if snapshot else None)

    @staticmethod
    def _scan(table: Table, words: frozenset[str] | None, snapshot_id: int | None) -> pa.Table:
        scan = table.scan(snapshot_id=snapshot_id)
        names = [field.name for field in scan.projection().fields]
        wanted = names if words is None else [name for name in names if name.lower() in words]
        if not wanted:  # only the number of rows matters
            return pa.table({names[0]: pa.nulls(scan.count())})
        return scan.select(*wanted).to_arrow()

    def _json(self, name: TableName, entry: Mapping[str, Any]) -> pa.Table:
        storage = entry["StorageDescriptor"]
        serde = storage.get("SerdeInfo", {})
        if serde.get("SerializationLibrary") != openx_json.SERDE or entry.get("PartitionKeys"):
            kind = "partition keys" if entry.get("PartitionKeys") else f"SerDe {serde.get('SerializationLibrary')}"
            raise not_supported(f"the table {name} with {kind}: only Iceberg tables and JSON with {openx_json.SERDE}")
        columns = [(column["Name"].lower(), column["Type"].lower()) for column in storage["Columns"]]
        return openx_json.rows(self._lines(storage["Location"]), columns, serde.get("Parameters") or {})

    def _lines(self, location: str) -> Iterator[str]:
        """Yield the lines of all files below a location, but for those that Athena ignores."""
        bucket, _, prefix = location.partition("://")[2].partition("/")
        prefix = prefix.rstrip("/") + "/"
        pages = self._callers.client("s3", self._caller).get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", []):
                parts = item["Key"].removeprefix(prefix).split("/")
                hidden = any(part.startswith(("_", ".")) for part in parts)
                if item["Size"] and not hidden and item.get("StorageClass") not in _ARCHIVED:
                    yield from self._lines_of(bucket, item["Key"])

    def _lines_of(self, bucket: str, key: str) -> Iterator[str]:
        content = self._callers.read_object(self._caller, bucket, key).value
        self._meter.count(len(content))
        if key.endswith(".gz"):
            try:
                content = gzip.decompress(content)
            except (OSError, EOFError, zlib.error) as error:
                raise QueryFailedError(
                    f"HIVE_CURSOR_ERROR: Failed to read file: s3://{bucket}/{key}: {error}"
                ) from None
        lines = content.decode(errors="replace").removesuffix("\n").split("\n") if content else []
        return iter(lines)

    def _information(self, name: TableName) -> pa.Table:
        if name.table not in _INFORMATION:
            raise QueryFailedError(f"TABLE_NOT_FOUND: line 1:1: Table '{name}' does not exist")
        rows: list[dict[str, Any]] = []
        for database in self.databases():
            if name.table == "schemata":
                rows.append({"catalog_name": "awsdatacatalog", "schema_name": database})
                continue
            try:
                tables = self.tables(database)
            except QueryFailedError:
                continue  # no permission: AWS leaves it out too
            for table in tables:
                place = {"table_catalog": "awsdatacatalog", "table_schema": database, "table_name": table["Name"]}
                if name.table == "tables":
                    rows.append({**place, "table_type": "BASE TABLE"})
                    continue
                rows.extend(
                    {
                        **place,
                        "column_name": column["Name"],
                        "ordinal_position": position,
                        "column_default": None,
                        "is_nullable": "YES",
                        "data_type": _trino_type(column["Type"]),
                        "comment": column.get("Comment"),
                        "extra_info": None,
                    }
                    for position, column in enumerate(columns_of(table), start=1)
                )
        return pa.Table.from_pylist(rows, schema=_INFORMATION[name.table])


def _trino_type(glue_type: str) -> str:
    return {
        "string": "varchar",
        "int": "integer",
        "float": "real",
        "binary": "varbinary",
        "timestamp": "timestamp(6)",
    }.get(glue_type, glue_type)


_TEXT: Final = pa.string()
_INFORMATION: Final = {
    "schemata": pa.schema([("catalog_name", _TEXT), ("schema_name", _TEXT)]),
    "tables": pa.schema([(each, _TEXT) for each in ("table_catalog", "table_schema", "table_name", "table_type")]),
    "columns": pa.schema([
        *((each, _TEXT) for each in ("table_catalog", "table_schema", "table_name", "column_name")),
        ("ordinal_position", pa.int64()),
        *((each, _TEXT) for each in ("column_default", "is_nullable", "data_type", "comment", "extra_info")),
    ]),
}  # fmt: skip


# Metadata tables, with the columns of Athena


def _snapshots(table: Table) -> pa.Table:
    return _at_utc(table.inspect.snapshots(), "committed_at")


def _history(table: Table) -> pa.Table:
    return _at_utc(table.inspect.history(), "made_current_at")


def _at_utc(rows: pa.Table, column: str) -> pa.Table:
    index = rows.column_names.index(column)
    return rows.set_column(index, column, rows[column].cast(pa.timestamp("ms")).cast(pa.timestamp("ms", "UTC")))


def _files(table: Table) -> pa.Table:
    found = table.inspect.files()
    wanted = [name for name in _FILES if name in found.column_names]
    rows = found.select(wanted)
    rows = rows.set_column(0, "content", rows["content"].cast(pa.int32()))
    for bounds in ("lower_bounds", "upper_bounds"):
        readable = [None if each is None else _readable(table, each) for each in rows[bounds].to_pylist()]
        column = pa.array(readable, pa.map_(pa.int32(), pa.string()))
        rows = rows.set_column(rows.column_names.index(bounds), bounds, column)
    return rows


def _manifests(table: Table) -> pa.Table:
    found = table.inspect.manifests()
    kept = [name for name in found.column_names if name != "content" and not name.endswith("_delete_files_count")]
    return found.select(kept).rename_columns({"partition_summaries": "partitions"})


def _partitions(table: Table) -> pa.Table:
    found = table.inspect.partitions().rename_columns({"total_data_file_size_in_bytes": "total_size"})
    return found.select(
        [name for name in ("partition", "record_count", "file_count", "total_size") if name in found.column_names]
    )


def _readable(table: Table, bounds: Any) -> list[tuple[int, str]]:
    """Return the text of each bound, by the id of its column."""
    schema = table.schema()
    types = {each.field_id: each.field_type for each in schema.fields if isinstance(each.field_type, PrimitiveType)}
    return [(key, str(from_bytes(types[key], value))) for key, value in bounds if key in types]


_FILES: Final = (
    "content", "file_path", "file_format", "record_count", "file_size_in_bytes", "column_sizes", "value_counts",
    "null_value_counts", "nan_value_counts", "lower_bounds", "upper_bounds", "key_metadata", "split_offsets",
    "equality_ids",
)  # fmt: skip
_METADATA_TABLES: Final[Mapping[str, Callable[[Table], pa.Table]]] = {
    "snapshots": _snapshots,
    "history": _history,
    "files": _files,
    "manifests": _manifests,
    "partitions": _partitions,
    "refs": lambda table: table.inspect.refs(),
}
