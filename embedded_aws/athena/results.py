"""Results as Athena shows them: names of types, text of values, and the two files of a query."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

_TYPES: Final = {
    "boolean": ("boolean", 0),
    "tinyint": ("tinyint", 3),
    "smallint": ("smallint", 5),
    "integer": ("integer", 10),
    "bigint": ("bigint", 19),
    "hugeint": ("bigint", 19),  # DuckDB's sum of integers
    "uinteger": ("bigint", 19),
    "ubigint": ("bigint", 19),  # some counts
    "float": ("float", 17),
    "double": ("double", 17),
    "varchar": ("varchar", 2147483647),
    "json": ("json", 0),
    "uuid": ("uuid", 0),
    "blob": ("varbinary", 1073741824),
    "date": ("date", 0),
    "time": ("time", 3),
    "timestamp": ("timestamp", 3),
    "timestamp_s": ("timestamp", 3),
    "timestamp_ms": ("timestamp", 3),
    "timestamp_ns": ("timestamp", 3),
    "timestamp with time zone": ("timestamp with time zone", 3),
    "list": ("array", 0),
    "map": ("map", 0),
    "struct": ("row", 0),
    "null": ("unknown", 0),
}
"""Athena's name and precision of each type of DuckDB."""


_UNNAMED_FIELD: Final = re.compile(r"^_(?=\d+$)")
"""What sqlglot calls the fields of ROW(...)."""


@dataclass(frozen=True)
class Column:
    """A column of a result."""

    name: str
    type: str = "string"
    precision: int = 0
    scale: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return the column as GetQueryResults describes it."""
        return {
            "CatalogName": "hive",
            "SchemaName": "",
            "TableName": "",
            "Name": self.name,
            "Label": self.name,
            "Type": self.type,
            "Precision": self.precision,
            "Scale": self.scale,
            "Nullable": "UNKNOWN",
            "CaseSensitive": self.type in ("varchar", "string"),
        }


@dataclass(frozen=True)
class Result:
    """Columns, and rows of text; None is null."""

    columns: Sequence[Column]
    rows: Iterable[Sequence[str | None]]
    is_table: bool = True
    """Whether the result file is a CSV with a header; otherwise it is text, as of SHOW and DESCRIBE."""


def column(name: str, duckdb_type: Any) -> Column | None:
    """Return the column for a DuckDB type; None if Athena has no such type."""
    kind = str(duckdb_type.id)
    if kind == "decimal":
        sizes = dict(duckdb_type.children)
        return Column(name, "decimal", sizes["precision"], sizes["scale"])
    if kind not in _TYPES:
        return None
    return Column(name, *_TYPES[kind])


def formatter(duckdb_type: Any) -> Callable[[Any], str | None]:
    """Return the function that makes Athena's text of a value of a DuckDB type."""
    kind = str(duckdb_type.id)
    if kind == "list":
        element = _nested(duckdb_type.child)
        return _unless_null(lambda values: f"[{', '.join(map(element, values))}]")
    if kind == "map":
        (_, key_type), (_, value_type) = duckdb_type.children
        key, value = _nested(key_type), _nested(value_type)
        return _unless_null(lambda values: f"{{{', '.join(f'{key(k)}={value(v)}' for k, v in values.items())}}}")
    if kind == "struct":
        fields = [(name, _UNNAMED_FIELD.sub("field", name), _nested(child)) for name, child in duckdb_type.children]
        return _unless_null(
            lambda row: f"{{{', '.join(f'{shown}={text(row[name])}' for name, shown, text in fields)}}}"
        )
    return _unless_null(_scalar)


def _nested(duckdb_type: Any) -> Callable[[Any], str]:
    text = formatter(duckdb_type)
    return lambda value: "null" if value is None else str(text(value))


def _unless_null(text: Callable[[Any], str]) -> Callable[[Any], str | None]:
    return lambda value: None if value is None else text(value)


def _scalar(value: Any) -> str:
    for kinds, text in _TEXTS.items():
        if isinstance(value, kinds):
            return text(value)
    return str(value)


def java_double(value: float) -> str:
    """Return a double as Java writes it: 0.001, 1.0, 1.0E10."""
    if value != value:  # noqa: PLR0124 - NaN
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        text = f"{Decimal(repr(value)):f}"
        return text if "." in text else f"{text}.0"
    mantissa, _, exponent = f"{Decimal(repr(value)):E}".partition("E")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}E{int(exponent)}"


def _timestamp(value: datetime) -> str:
    """Return milliseconds, or microseconds if there are any: DuckDB does not keep the precision of a type."""
    text = value.strftime("%Y-%m-%d %H:%M:%S.%f")
    text = text if value.microsecond % 1000 else text[:-3]
    return f"{text} UTC" if value.tzinfo else text


_TEXTS: Final[dict[type, Callable[[Any], str]]] = {
    bool: lambda value: str(value).lower(),
    float: java_double,
    Decimal: lambda value: f"{value:f}",
    datetime: _timestamp,
    date: date.isoformat,
    bytes: lambda value: value.hex(" "),
}
"""The first that fits: a datetime is a date too."""


# The files


def csv_lines(result: Result) -> Iterator[bytes]:
    """Yield the lines of the result file: every value quoted, null empty."""
    if not result.is_table:
        for row in result.rows:
            yield ("\t".join(value or "" for value in row) + "\n").encode()
        return
    yield _line([each.name for each in result.columns])
    for row in result.rows:
        yield _line(row)


def _line(values: Sequence[str | None]) -> bytes:
    quoted = ("" if value is None else '"' + value.replace('"', '""') + '"' for value in values)
    return (",".join(quoted) + "\n").encode()


_VALUE: Final = re.compile(r'(?:"((?:[^"]|"")*)"|())([,\n])')


def parse_csv(text: str) -> Iterator[list[str | None]]:
    """Yield the rows of a CSV result file, the header first."""
    row: list[str | None] = []
    for match in _VALUE.finditer(text):
        row.append(None if match[1] is None else match[1].replace('""', '"'))
        if match[3] == "\n":
            yield row
            row = []


def metadata(query_id: str, columns: Iterable[Column]) -> bytes:
    """Return the metadata file of a result: Protocol Buffers, as JDBC drivers read it.

    AWS does not document the format; field numbers as in github.com/burtcorp/athena-jdbc.
    """
    parts = [_field(1, query_id)]
    for each in columns:
        info = each.as_dict()
        fields = [info[key] for key in ("CatalogName", "SchemaName", "TableName", "Name", "Label", "Type")]
        fields += [info["Precision"], info["Scale"], 3, int(info["CaseSensitive"])]  # 3: UNKNOWN, in Nullable's order
        parts.append(_field(4, b"".join(_field(number, value) for number, value in enumerate(fields, start=1))))
    return b"".join(parts)


def _field(number: int, value: str | bytes | int) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    content = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    content = bytearray()
    while value >= 0x80:
        content.append(value & 0x7F | 0x80)
        value >>= 7
    content.append(value)
    return bytes(content)
