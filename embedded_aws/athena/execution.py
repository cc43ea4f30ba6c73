"""Runs the statements of queries."""

from __future__ import annotations

import fnmatch
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import duckdb
from botocore.exceptions import ClientError
from pyiceberg.table import Table
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    PrimitiveType,
    StringType,
    TimestampType,
)

from embedded_aws.athena import results, statements
from embedded_aws.athena.catalog import TableName, columns_of
from embedded_aws.athena.errors import QueryCancelledError, QueryFailedError, not_supported
from embedded_aws.athena.results import Column, Result
from embedded_aws.athena.tables import Lake, Meter
from embedded_aws.athena.translation import MACROS, UNNAMED, Read, parameters_of, translate, with_parameters

_SEALED: Final = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "enable_external_access": "false",
    "python_enable_replacements": "false",
    "memory_limit": "2GB",
    "threads": "2",
}
"""Settings of DuckDB: no file, no network, no extension, no Python variable. They are locked before the query runs."""
_ROWS_AT_ONCE: Final = 10_000
_WIDTH: Final = 20
"""Width of a column of DESCRIBE, as Hive pads it."""

_ICEBERG_TYPES: Final[Mapping[str, PrimitiveType]] = {
    "boolean": BooleanType(),
    "int": IntegerType(),
    "bigint": LongType(),
    "float": FloatType(),
    "double": DoubleType(),
    "string": StringType(),
    "date": DateType(),
    "timestamp": TimestampType(),
    "binary": BinaryType(),
}

# What DuckDB says, and the error of Athena; the groups of the pattern fill the placeholders.
_ERRORS: Final = (
    (r"((?:DIVISION_BY_ZERO|INVALID_FUNCTION_ARGUMENT|NOT_SUPPORTED): .*)", "{0}"),
    (r'Referenced column "([^"]+)" (?:was )?not found', "COLUMN_NOT_FOUND: {at}Column '{0}' cannot be resolved"),
    (r'Referenced table "([^"]+)" not found', "COLUMN_NOT_FOUND: {at}Column '{0}' cannot be resolved"),
    (r'does not have a column named "([^"]+)"', "COLUMN_NOT_FOUND: {at}Column '{0}' cannot be resolved"),
    (r'Ambiguous reference to column name "([^"]+)"', "AMBIGUOUS_NAME: {at}Column '{0}' is ambiguous"),
    (
        r'column "?([^"\s]+)"? must appear in the GROUP BY clause',
        "EXPRESSION_NOT_AGGREGATE: {at}'{0}' must be an aggregate expression or appear in GROUP BY clause",
    ),
    (r"Conversion Error: (.*)", "INVALID_CAST_ARGUMENT: {0}"),
    (r"Out of Range Error: (.*)", "NUMERIC_VALUE_OUT_OF_RANGE: {0}"),
    (
        r"More than one row returned by a subquery",
        "SUBQUERY_MULTIPLE_ROWS: Scalar sub-query has returned multiple rows",
    ),
    (r"Cannot compare values of type (.*?) and type (.*?) -", "TYPE_MISMATCH: {at}Cannot compare {0} with {1}"),
    (r"Out of Memory Error: .*", "Query exhausted resources at this scale factor"),
    (r"Binder Error: (.*)", "SYNTAX_ERROR: {0}"),
)


class Execution:
    """Runs one query; `stop` may be called from another thread."""

    def __init__(self, lake: Lake, meter: Meter, prepared: PreparedStatements) -> None:
        self._lake = lake
        self._meter = meter
        self._prepared = prepared
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Stop the query."""
        self._meter.stopped.set()
        threading.Thread(target=self._interrupt, daemon=True).start()

    def _interrupt(self) -> None:
        """Interrupt DuckDB until it ends: it forgets an interruption that comes before it has begun."""
        while True:
            with self._lock:
                if self._connection is None:
                    return
                self._connection.interrupt()
            time.sleep(0.05)

    def run(self, sql: str, database: str, parameters: Sequence[str], write: Callable[[Result], None]) -> None:
        """Run a query and hand its result to `write`.

        Raises:
            QueryFailedError: It cannot be run, or it failed.
            QueryCancelledError: It was stopped, or exceeded the scan limit.

        """
        statement = statements.parse(sql, database)
        if isinstance(statement, statements.Execute):
            if parameters:
                raise not_supported("ExecutionParameters with EXECUTE; use USING")
            parameters = parameters_of(statement.using)
            statement = statements.parse(self._prepared.get(statement.name), database)
            if not isinstance(statement, statements.Query):
                raise not_supported("prepared statements other than queries")
        if isinstance(statement, statements.Query):
            query = with_parameters(statement.sql, parameters)
            with self._connected() as connection:
                write(self._query(connection, query, database))
                return
        if parameters:
            raise QueryFailedError(
                "INVALID_PARAMETER_USAGE: line 1:1: Incorrect number of parameters: expected 0 but found "
                f"{len(parameters)}"
            )
        write(self._utility(statement))

    @contextmanager
    def _connected(self) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = duckdb.connect(config=dict(_SEALED))
        with self._lock:
            self._connection = connection
        try:
            connection.execute("SET TimeZone = 'UTC'")
            for macro in MACROS:
                connection.execute(macro)
            connection.execute("SET lock_configuration = true")
            self._meter.check()
            yield connection
        except duckdb.InterruptException as error:
            raise QueryCancelledError("Query was cancelled by the user.") from error
        finally:
            with self._lock:
                self._connection = None
            connection.close()

    def _query(self, connection: duckdb.DuckDBPyConnection, sql: str, database: str) -> Result:
        translation = translate(sql, database)
        for read, registered in translation.reads.items():
            try:
                rows = self._lake.read(read.table, translation.words, _snapshot_of(connection, read))
            except QueryFailedError as error:
                place = _place(sql, read.table.table)
                raise QueryFailedError(str(error).replace("line 1:1: ", place or "line 1:1: ")) from error
            connection.register(registered, rows)
        self._meter.check()
        with _failures(sql):
            relation = connection.sql(translation.sql)
        columns = []
        for index, (name, duckdb_type) in enumerate(zip(relation.columns, relation.types, strict=True)):
            unnamed = name.startswith(UNNAMED) or sql.upper().startswith("VALUES")
            column = results.column(f"_col{index}" if unnamed else name, duckdb_type)
            if column is None:
                raise not_supported(f"results of type {duckdb_type} (column {name})")
            columns.append(column)
        texts = [results.formatter(each) for each in relation.types]
        return Result(columns, self._rows(relation, texts, sql))

    def _rows(
        self, relation: duckdb.DuckDBPyRelation, texts: Sequence[Callable[[Any], str | None]], sql: str
    ) -> Iterator[list[str | None]]:
        with _failures(sql):
            while batch := relation.fetchmany(_ROWS_AT_ONCE):
                self._meter.check()
                for row in batch:
                    yield [text(value) for text, value in zip(texts, row, strict=True)]

    # Statements that are no queries

    def _utility(self, statement: statements.Statement) -> Result:
        if isinstance(statement, statements.Show):
            return self._show(statement)
        if isinstance(statement, statements.Describe):
            return self._describe(statement.table)
        if isinstance(statement, statements.AlterColumns):
            self._alter(statement)
        elif isinstance(statement, statements.Prepare):
            self._prepared.set(statement.name, statement.sql)
        elif isinstance(statement, statements.CreateIfMissing):
            self._require(statement.table)
        return Result([], [], is_table=False)

    def _require(self, table: TableName) -> None:
        """Do nothing if a table exists, as CREATE TABLE IF NOT EXISTS does; there is no other CREATE here."""
        try:
            self._lake.entry(table)
        except QueryFailedError as error:
            if not str(error).startswith("TABLE_NOT_FOUND"):
                raise
            raise statements.not_supported_write("CREATE TABLE") from error

    def _show(self, show: statements.Show) -> Result:
        if show.what == "DATABASES":
            return _text("database_name", _matching(self._lake.databases(), show.pattern))
        if show.what in ("TABLES", "VIEWS"):
            views = show.what == "VIEWS"
            entries = self._lake.tables(show.database)
            names = [each["Name"] for each in entries if not views or each.get("TableType") == "VIRTUAL_VIEW"]
            return _text("tab_name", _matching(names, show.pattern))
        assert show.table  # noqa: S101 - all others have one
        entry = self._lake.entry(show.table)
        if show.what == "COLUMNS":
            return _text("field", [f"{column['Name']:{_WIDTH}}" for column in columns_of(entry)])
        if show.what == "TBLPROPERTIES":
            properties = {
                key: value
                for key, value in sorted(entry.get("Parameters", {}).items())
                if key != "previous_metadata_location"
            }
            return Result([Column("prpt_name"), Column("prpt_value")], [*map(list, properties.items())], is_table=False)
        if show.what == "CREATE TABLE":
            return _text("createtab_stmt", _ddl(show.table, entry))
        raise QueryFailedError(f"FAILED: Execution Error. {show.table} is not a partitioned table")

    def _describe(self, name: TableName) -> Result:
        table = self._lake.iceberg(name)
        entry = self._lake.entry(name)
        columns = [(each["Name"], each["Type"], each.get("Comment") or "") for each in columns_of(entry)]
        if table is None:
            rows = [[f"{text:{_WIDTH}}" for text in row] for row in columns]
        else:
            fields = [
                [each.name, str(each.transform), table.schema().find_column_name(each.source_id) or ""]
                for each in table.spec().fields
            ]
            rows = [
                ["# Table schema:", "", ""],
                ["# col_name", "data_type", "comment"],
                *(list(row) for row in columns),
                ["", "", ""],
                ["# Partition spec:", "", ""],
                ["# field_name", "field_transform", "column_name"],
                *fields,
            ]
        return Result([Column("col_name"), Column("data_type"), Column("comment")], rows, is_table=False)

    def _alter(self, alter: statements.AlterColumns) -> None:
        table = self._lake.iceberg(alter.table)
        if table is None:
            raise not_supported(f"ALTER TABLE of {alter.table}, which is no Iceberg table: change its ddl/ and apply")
        try:
            with table.update_schema() as update:
                for name, glue_type, comment in alter.add:
                    update.add_column(name.lower(), _iceberg_type(glue_type), doc=comment or None)
                if alter.change:
                    old, new, glue_type, comment = alter.change
                    update.update_column(old.lower(), field_type=_iceberg_type(glue_type))
                    if comment:
                        update.update_column(old.lower(), doc=comment)
                    if new.lower() != old.lower():
                        update.rename_column(old.lower(), new.lower())
                if alter.drop:
                    update.delete_column(alter.drop.lower())
        except (ValueError, LookupError) as error:
            raise QueryFailedError(f"SYNTAX_ERROR: {error}. Nothing was changed.") from error


class PreparedStatements:
    """The prepared statements of a workgroup, through Athena's API: the caller needs the permissions for it."""

    def __init__(self, athena: Any, workgroup: str) -> None:
        self._athena = athena
        self._workgroup = workgroup

    def get(self, name: str) -> str:
        """Return the SQL of a statement."""
        return str(self._call("get_prepared_statement", name)["PreparedStatement"]["QueryStatement"])

    def set(self, name: str, sql: str) -> None:
        """Keep the SQL of a statement; without it, delete the statement."""
        if sql:
            self._call("create_prepared_statement", name, QueryStatement=sql)
        else:
            self._call("delete_prepared_statement", name)

    def _call(self, operation: str, name: str, **parameters: str) -> Any:
        try:
            return getattr(self._athena, operation)(StatementName=name, WorkGroup=self._workgroup, **parameters)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                raise QueryFailedError(f"NOT_FOUND: Prepared statement not found: {name}") from None
            raise


def _snapshot_of(connection: duckdb.DuckDBPyConnection, read: Read) -> Callable[[Table], int | None] | None:
    """Return what finds the snapshot of a version."""
    version = read.version
    if version is None:
        return None

    def find(table: Table) -> int | None:
        if version.kind == "TIMESTAMP":
            milliseconds = _evaluated(connection, f"epoch_ms(CAST({version.expression} AS TIMESTAMPTZ))")
            snapshot = table.snapshot_as_of_timestamp(milliseconds)
            if snapshot is None:
                moment = _evaluated(connection, version.expression)
                raise QueryFailedError(
                    f"INVALID_ARGUMENTS: No version history table {read.table} at or before {moment}"
                )
            return snapshot.snapshot_id
        wanted = _evaluated(connection, version.expression)
        snapshot = table.snapshot_by_name(wanted) if isinstance(wanted, str) else table.snapshot_by_id(wanted)
        if snapshot is None:
            raise QueryFailedError(
                f"INVALID_ARGUMENTS: Cannot find snapshot with reference name: {wanted}"
                if isinstance(wanted, str)
                else f"INVALID_ARGUMENTS: Iceberg snapshot ID does not exist: {wanted}"
            )
        return snapshot.snapshot_id

    return find


def _evaluated(connection: duckdb.DuckDBPyConnection, expression: str) -> Any:
    with _failures(expression):
        (value,) = connection.execute(f"SELECT {expression}").fetchone() or (None,)
    return value


@contextmanager
def _failures(sql: str) -> Iterator[None]:
    """Turn errors of DuckDB into Athena's, without its quotes of the translated query."""
    try:
        yield
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        raise QueryFailedError(_explained(str(error), sql)) from error


def _explained(message: str, sql: str) -> str:
    first = message.split("\n", 1)[0]
    for pattern, text in _ERRORS:
        if match := re.search(pattern, first):
            return text.format(*match.groups(), at=_place(sql, match[1] if match.groups() else ""))
    return f"NOT_SUPPORTED: The embedded Athena cannot run this query: {first}"


def _place(sql: str, word: str) -> str:
    """Return `line l:c: ` of a word in a query, or nothing."""
    match = re.search(rf"\b{re.escape(word)}\b", sql, re.IGNORECASE)
    if not (word and match):
        return ""
    before = sql[: match.start()]
    return f"line {before.count(chr(10)) + 1}:{len(before) - (before.rfind(chr(10)) + 1) + 1}: "


def _matching(names: Sequence[str], pattern: str) -> list[str]:
    """Return the names that match a pattern of SHOW: `*` is any text, `|` separates alternatives."""
    if not pattern:
        return list(names)
    alternatives = [each.replace("%", "*") for each in pattern.lower().split("|")]
    return [name for name in names if any(fnmatch.fnmatchcase(name, each) for each in alternatives)]


def _text(column: str, lines: Sequence[str]) -> Result:
    return Result([Column(column)], [[line] for line in lines], is_table=False)


def _ddl(name: TableName, entry: Mapping[str, Any]) -> list[str]:
    """Return the lines of CREATE TABLE for a table."""
    parameters, storage = entry.get("Parameters", {}), entry["StorageDescriptor"]
    iceberg = parameters.get("table_type", "").upper() == "ICEBERG"
    columns = [
        f"  `{each['Name']}` {each['Type']}"
        + (f" COMMENT '{each['Comment'].replace(chr(39), chr(39) * 2)}'" if each.get("Comment") else "")
        for each in columns_of(entry)
    ]
    lines = [f"CREATE {'' if iceberg else 'EXTERNAL '}TABLE `{name.database}.{name.table}`("]
    lines += [f"{column}," for column in columns[:-1]] + [f"{columns[-1]})"]
    if not iceberg:
        lines += ["ROW FORMAT SERDE", f"  '{storage.get('SerdeInfo', {}).get('SerializationLibrary', '')}'"]
    lines += ["LOCATION", f"  '{storage['Location']}'"]
    shown = {"table_type": "iceberg"} if iceberg else {k: v for k, v in sorted(parameters.items()) if k != "EXTERNAL"}
    if shown:
        properties = [f"  '{key}'='{value}'" for key, value in shown.items()]
        lines += ["TBLPROPERTIES (", *(f"{each}," for each in properties[:-1]), f"{properties[-1]})"]
    return lines


def _iceberg_type(glue_type: str) -> PrimitiveType:
    if match := re.fullmatch(r"decimal\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)", glue_type):
        return DecimalType(int(match[1]), int(match[2]))
    if glue_type not in _ICEBERG_TYPES:
        raise QueryFailedError(
            f"SYNTAX_ERROR: The type {glue_type} is none of Iceberg: {', '.join(_ICEBERG_TYPES)}, decimal(p,s). "
            "Nothing was changed."
        )
    return _ICEBERG_TYPES[glue_type]
