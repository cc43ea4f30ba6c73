"""Tells what kind of statement a query is; only those that read data or alter columns are run."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from embedded_aws.athena.catalog import CATALOG, TableName
from embedded_aws.athena.errors import READ_ONLY, QueryFailedError, not_supported

_NAME: Final = r'(?:`[^`]+`|"[^"]+"|[\w$@]+)'
_TABLE: Final = rf"(?P<table>{_NAME}(?:\s*\.\s*{_NAME}){{0,2}})"
_IN: Final = rf"(?:(?:FROM|IN)\s+(?P<database>{_NAME}(?:\s*\.\s*{_NAME})?))"
_LEADING: Final = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)
_EXPECTED: Final = (
    "'ALTER', 'ANALYZE', 'CALL', 'COMMIT', 'CREATE', 'DEALLOCATE', 'DELETE', 'DESC', 'DESCRIBE', 'DROP', 'EXECUTE', "
    "'EXPLAIN', 'GRANT', 'INSERT', 'MERGE', 'MSCK', 'OPTIMIZE', 'PREPARE', 'RESET', 'REVOKE', 'SET', 'SHOW', 'UNLOAD', "
    "'UPDATE', 'USE', 'VACUUM', <query>"
)
_QUERIES: Final = ("SELECT", "WITH", "VALUES", "TABLE", "(")
_WRITES: Final = (
    "ALTER", "ANALYZE", "CREATE", "DELETE", "DROP", "GRANT", "INSERT", "MERGE", "MSCK", "OPTIMIZE", "REVOKE",
    "TRUNCATE", "UNLOAD", "UPDATE", "VACUUM",
)  # fmt: skip
_OTHERS: Final = ("CALL", "COMMIT", "EXPLAIN", "RESET", "ROLLBACK", "SET", "START", "USE")


@dataclass(frozen=True)
class Query:
    """SELECT, WITH or VALUES."""

    sql: str


@dataclass(frozen=True)
class Show:
    """SHOW; `what` is in upper case."""

    what: str
    database: str = ""
    table: TableName | None = None
    pattern: str = ""


@dataclass(frozen=True)
class Describe:
    """DESCRIBE of a table."""

    table: TableName


@dataclass(frozen=True)
class CreateIfMissing:
    """CREATE TABLE IF NOT EXISTS: does nothing if the table exists."""

    table: TableName


@dataclass(frozen=True)
class AlterColumns:
    """ALTER TABLE that adds, changes or drops columns."""

    table: TableName
    add: tuple[tuple[str, str, str], ...] = ()
    """Name, type and comment of the new columns."""
    change: tuple[str, str, str, str] | None = None
    """Old name, new name, type and comment."""
    drop: str = ""


@dataclass(frozen=True)
class Prepare:
    """PREPARE; DEALLOCATE has no query."""

    name: str
    sql: str = ""


@dataclass(frozen=True)
class Execute:
    """EXECUTE of a prepared statement, with the SQL of its parameters."""

    name: str
    using: str = ""


Statement = Query | Show | Describe | CreateIfMissing | AlterColumns | Prepare | Execute


def without_comments_before(sql: str) -> str:
    """Return the statement without comments before it, and without semicolon and blanks after it."""
    return sql[_length_of_comments(sql) :].rstrip().rstrip(";").rstrip()


def _length_of_comments(sql: str) -> int:
    match = _LEADING.match(sql)
    return match.end() if match else 0


def kind(sql: str) -> tuple[str, str]:
    """Return StatementType and SubstatementType of a query, as GetQueryExecution shows them."""
    words = without_comments_before(sql).upper().split()
    first = words[0].lstrip("(") if words else ""
    if first in ("SHOW", "DESCRIBE", "DESC", "EXPLAIN"):
        return "UTILITY", "_".join(words[:2]) if first == "SHOW" else {"DESC": "DESCRIBE"}.get(first, first)
    if first in ("ALTER", "CREATE", "DROP", "MSCK", "PREPARE", "DEALLOCATE"):
        return "DDL", "_".join([word for word in words if word != "EXTERNAL"][:2])
    return "DML", "SELECT" if first in ("SELECT", "WITH", "VALUES", "TABLE") else first


def parse(sql: str, database: str) -> Statement:
    """Return what a statement is.

    Args:
        sql: The text of the query.
        database: The database of the query's context, or an empty string.

    Raises:
        QueryFailedError: It is no statement, or none that is supported.

    """
    text = without_comments_before(sql)
    word = "(" if text.startswith("(") else (re.match(r"\w*", text) or [""])[0].upper()
    if word in _QUERIES:
        return Query(text)
    for pattern, make in _FORMS:
        if match := re.fullmatch(pattern, text, re.IGNORECASE | re.DOTALL):
            return make({key: value or "" for key, value in match.groupdict().items()}, database)
    if word == "CREATE" and not re.match(
        r"CREATE\s+(EXTERNAL\s+)?(TABLE|DATABASE|SCHEMA|OR|VIEW|PROTECTED)\b", text, re.I
    ):
        raise _mismatched(sql, "CREATE")
    if word in _WRITES:
        raise not_supported_write(
            " ".join(re.findall(r"\w+", text.upper())[: 2 if word in ("ALTER", "CREATE", "DROP") else 1])
        )
    if word in ("SHOW", "DESCRIBE", "DESC", "PREPARE", "EXECUTE", "DEALLOCATE"):
        raise not_supported(f"this form of {word}: {' '.join(text.split())[:80]}")
    if word in _OTHERS:
        raise not_supported(word)
    raise _mismatched(sql, word or (text[:1] or "<EOF>"))


def not_supported_write(what: str) -> QueryFailedError:
    """Return the failure of a statement that would write."""
    return QueryFailedError(f"NOT_SUPPORTED: {what}. {READ_ONLY}")


def _mismatched(sql: str, word: str) -> QueryFailedError:
    before = sql[: _length_of_comments(sql)]
    line, place = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    shown = sql[len(before) :][: len(word)] or word
    return QueryFailedError(f"line {line}:{place}: mismatched input '{shown}'. Expecting: {_EXPECTED}")


def names(text: str) -> list[str]:
    """Return the parts of a name with dots, without quotes."""
    return [re.sub(r'^[`"]|[`"]$', "", part) for part in re.findall(_NAME, text)]


def _table(found: dict[str, str], database: str) -> TableName:
    parts = names(found["table"])
    if found.get("database"):
        parts = [*names(found["database"]), *parts[-1:]]
    table = TableName.of(parts, database)
    if table.metadata:
        raise not_supported(f"this statement for metadata tables such as {parts[-1]}, only SELECT")
    return table


def _database(found: dict[str, str], database: str) -> str:
    parts = names(found["database"]) or [database]
    if len(parts) == 2 and parts[0].lower() != CATALOG:
        raise QueryFailedError(f"CATALOG_NOT_FOUND: line 1:1: Catalog '{parts[0]}' not found")
    if not parts[-1]:
        raise QueryFailedError(
            "MISSING_SCHEMA_NAME: line 1:1: Schema must be specified when session schema is not set. "
            "Write SHOW TABLES IN <database>, or set Database in QueryExecutionContext."
        )
    return parts[-1].lower()


def _show(what: str) -> Callable[[dict[str, str], str], Show]:
    def make(found: dict[str, str], database: str) -> Show:
        if "table" in found:
            return Show(what, table=_table(found, database))
        place = "" if what == "DATABASES" else _database(found, database)
        return Show(what, place, pattern=found.get("pattern", ""))

    return make


def _columns_to_add(found: dict[str, str], database: str) -> AlterColumns:
    columns = []
    for declared in re.split(r",(?![^(]*\))(?=(?:[^']*'[^']*')*[^']*$)", found["columns"]):
        match = re.fullmatch(rf"\s*(?P<name>{_NAME})\s+(?P<type>{_TYPE}){_COMMENT}\s*", declared, re.I | re.DOTALL)
        if not match:
            raise not_supported(f"the column declaration {declared.strip()!r} in ADD COLUMNS")
        (name,) = names(match["name"])
        columns.append((name, match["type"].lower(), _unquoted(match["comment"])))
    return AlterColumns(_table(found, database), add=tuple(columns))


def _change(found: dict[str, str], database: str) -> AlterColumns:
    (old,), (new,) = names(found["old"]), names(found["new"])
    return AlterColumns(_table(found, database), change=(old, new, found["type"].lower(), _unquoted(found["comment"])))


def _unquoted(comment: str | None) -> str:
    return (comment or "").replace("''", "'")


_TYPE: Final = r"\w+(?:\s*\([\d\s,]+\))?"
_COMMENT: Final = r"(?:\s+COMMENT\s+'(?P<comment>(?:[^']|'')*)')?"
_PATTERN: Final = r"(?:\s+(?:LIKE\s+)?'(?P<pattern>[^']*)')?"
_FORMS: Final[list[tuple[str, Callable[[dict[str, str], str], Statement]]]] = [
    (rf"SHOW\s+(?:DATABASES|SCHEMAS){_PATTERN}", _show("DATABASES")),
    (rf"SHOW\s+TABLES(?:\s+{_IN})?{_PATTERN}", _show("TABLES")),
    (rf"SHOW\s+VIEWS(?:\s+{_IN})?{_PATTERN}", _show("VIEWS")),
    (rf"SHOW\s+COLUMNS\s+(?:FROM|IN)\s+{_TABLE}(?:\s+{_IN})?", _show("COLUMNS")),
    (rf"SHOW\s+CREATE\s+TABLE\s+{_TABLE}", _show("CREATE TABLE")),
    (rf"SHOW\s+TBLPROPERTIES\s+{_TABLE}", _show("TBLPROPERTIES")),
    (rf"SHOW\s+PARTITIONS\s+{_TABLE}", _show("PARTITIONS")),
    (rf"(?:DESCRIBE|DESC)\s+{_TABLE}", lambda found, database: Describe(_table(found, database))),
    (
        rf"CREATE\s+(?:EXTERNAL\s+)?TABLE\s+IF\s+NOT\s+EXISTS\s+{_TABLE}\s*\(.*",
        lambda found, database: CreateIfMissing(_table(found, database)),
    ),
    (rf"ALTER\s+TABLE\s+{_TABLE}\s+ADD\s+COLUMNS\s*\((?P<columns>.*)\)", _columns_to_add),
    (
        rf"ALTER\s+TABLE\s+{_TABLE}\s+CHANGE\s+(?:COLUMN\s+)?(?P<old>{_NAME})\s+(?P<new>{_NAME})\s+(?P<type>{_TYPE}){_COMMENT}",
        _change,
    ),
    (
        rf"ALTER\s+TABLE\s+{_TABLE}\s+DROP\s+COLUMN\s+(?P<drop>{_NAME})",
        lambda found, database: AlterColumns(_table(found, database), drop=names(found["drop"])[0]),
    ),
    (
        rf"PREPARE\s+(?P<name>{_NAME})\s+FROM\s+(?P<sql>.*)",
        lambda found, _: Prepare(names(found["name"])[0], found["sql"]),
    ),
    (rf"DEALLOCATE\s+PREPARE\s+(?P<name>{_NAME})", lambda found, _: Prepare(names(found["name"])[0])),
    (
        rf"EXECUTE\s+(?P<name>{_NAME})(?:\s+USING\s+(?P<using>.*))?",
        lambda found, _: Execute(names(found["name"])[0], found["using"]),
    ),
]
"""Form of each statement with its own syntax, and what makes it from the parts found and the context's database."""
