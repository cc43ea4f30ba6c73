"""Reads lines of JSON as Athena does with the OpenX JSON SerDe.

Each line is a row: an object by the names of its keys in any case, an array by position, a blank line as nulls. Text
after the object or array is ignored. A line that is neither fails the query, unless the table sets
`ignore.malformed.json`; then it is a row of nulls.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import pyarrow as pa

from embedded_aws.athena.errors import QueryFailedError, not_supported

SERDE: Final = "org.openx.data.jsonserde.JsonSerDe"
_PARAMETERS: Final = {"ignore.malformed.json", "case.insensitive", "serialization.format"}
"""Properties of the SerDe that are read here; a table with another one is refused."""


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


class _MalformedError(ValueError):
    """The line is not a JSON object or array."""


def rows(lines: Iterable[str], columns: Sequence[tuple[str, str]], parameters: Mapping[str, str]) -> pa.Table:
    """Return the rows of a table.

    Args:
        lines: The lines of all files.
        columns: Name and Glue type of each column.
        parameters: The properties of the SerDe.

    """
    if unknown := parameters.keys() - _PARAMETERS:
        raise not_supported(f"the SerDe property {min(unknown)}")
    if parameters.get("case.insensitive", "true").lower() != "true":
        raise not_supported("the SerDe property case.insensitive = false")
    hide_malformed = parameters.get("ignore.malformed.json", "false").lower() == "true"
    readers = [_reader(name, glue_type) for name, glue_type in columns]
    values: list[list[Any]] = [[] for _ in columns]
    for line in lines:
        try:
            record = _record(line, [name for name, _ in columns])
        except _MalformedError as error:
            if not hide_malformed:
                raise QueryFailedError(
                    f"HIVE_CURSOR_ERROR: Row is not a valid JSON Object - JSONException: {error}"
                ) from None
            record = [None] * len(columns)
        for column, (_, read), value in zip(values, readers, record, strict=True):
            column.append(None if value is None else read(value))
    names = [name for name, _ in columns]
    arrays = [pa.array(column, arrow) for column, (arrow, _) in zip(values, readers, strict=True)]
    return pa.Table.from_arrays(arrays, names=names)


def _record(line: str, names: Sequence[str]) -> list[Any]:
    """Return the value of each column."""
    text = line.strip()
    if not text:
        return [None] * len(names)
    if text[0] not in "{[":
        raise _MalformedError("A JSONObject text must begin with '{'")
    try:
        found, _ = _DECODER.raw_decode(text)
    except json.JSONDecodeError as error:
        raise _MalformedError(f"{error.msg} at character {error.pos + 1}") from None
    if isinstance(found, list):
        return [found[index] if index < len(found) else None for index in range(len(names))]
    return [found.get(name) for name in names]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object with keys in lower case, as case.insensitive makes them."""
    found = {key.lower(): value for key, value in pairs}
    if len(found) < len(pairs):
        keys = [key.lower() for key, _ in pairs]
        raise _MalformedError(f'Duplicate key "{next(key for key in keys if keys.count(key) > 1)}"')
    return found


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_int=_Number, parse_float=_Number)


def _reader(name: str, glue_type: str) -> tuple[pa.DataType, Callable[[Any], Any]]:
    """Return Arrow's type of a column, and the function that reads a value of it."""
    try:
        return _READERS[glue_type]
    except KeyError:
        raise not_supported(f"JSON columns of type {glue_type} ({name})") from None


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        return f"{{{','.join(f'{_json(key)}:{_json(each)}' for key, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_json, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _primitive(value: Any, kind: str) -> str:
    if isinstance(value, (dict, list)):
        raise QueryFailedError(f"HIVE_CURSOR_ERROR: Invalid JSON: {type(value).__name__} can not be coerced to {kind}")
    return _text(value)


def _whole(kind: str, bits: int) -> Callable[[Any], int | None]:
    def read(value: Any) -> int | None:
        """Return a whole number, cut off at the point; null for other text and for numbers out of range."""
        try:
            number = int(Decimal(_primitive(value, kind).strip()))
        except (InvalidOperation, ValueError, OverflowError):
            return None
        return number if -(2 ** (bits - 1)) <= number < 2 ** (bits - 1) else None

    return read


def _floating(kind: str) -> Callable[[Any], float | None]:
    def read(value: Any) -> float | None:
        try:
            return float(_primitive(value, kind))
        except ValueError:
            return None

    return read


_READERS: Final[dict[str, tuple[pa.DataType, Callable[[Any], Any]]]] = {
    "string": (pa.string(), _text),
    "boolean": (pa.bool_(), lambda value: _primitive(value, "BOOLEAN").lower() == "true"),
    "int": (pa.int32(), _whole("INTEGER", 32)),
    "bigint": (pa.int64(), _whole("BIGINT", 64)),
    "float": (pa.float32(), _floating("REAL")),
    "double": (pa.float64(), _floating("DOUBLE")),
}
