"""Lines of JSON as the OpenX SerDe reads them, for each form in which landing files come (docs/operating.md)."""

from __future__ import annotations

from typing import Any

import pytest

from embedded_aws.athena import openx_json
from embedded_aws.athena.errors import QueryFailedError

COLUMNS = [("name", "string"), ("n", "bigint"), ("x", "double"), ("ok", "boolean")]


def rows(*lines: str, **parameters: str) -> list[tuple[Any, ...]]:
    table = openx_json.rows(lines, COLUMNS, {key.replace("_", "."): value for key, value in parameters.items()})
    return [tuple(row.values()) for row in table.to_pylist()]


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ('{"name":"Ann","n":1,"x":0.5,"ok":true}', ("Ann", 1, 0.5, True)),
        ('{"NAME":"Ann","other":[1]}', ("Ann", None, None, None)),
        ('{"name":"Ann"},', ("Ann", None, None, None)),
        ('{"name":"Ann"}{"name":"Bob"}', ("Ann", None, None, None)),
        ('[{"name":"Ann"},{"name":"Bob"}]', ('{"name":"Ann"}', "error", None, None)),
        ('["Ann",1,2,true,"more"]', ("Ann", 1, 2.0, True)),
        ("", (None, None, None, None)),
        ("  ", (None, None, None, None)),
        ('{"name":null,"n":"12","x":"1e3","ok":"TRUE"}', (None, 12, 1000.0, True)),
        ('{"name":1.50,"n":1.9,"ok":1}', ("1.50", 1, None, False)),
        ('{"name":{"a":[1,"b",null,true]},"n":"many"}', ('{"a":[1,"b",null,true]}', None, None, None)),
        ('{"name":true,"n":9223372036854775808}', ("true", None, None, None)),
    ],
)
def test_a_line_is_a_row(line: str, row: tuple[Any, ...]) -> None:
    if "error" in row:
        with pytest.raises(QueryFailedError, match="Invalid JSON: dict can not be coerced to BIGINT"):
            rows(line)
    else:
        assert rows(line) == [row]


@pytest.mark.parametrize("line", ["[", "]", "{", '  "name": "Ann",', "}", "Ann", "{name}", '{"a":1,"A":2}'])
def test_a_malformed_line_fails_the_query_unless_the_table_hides_it(line: str) -> None:
    with pytest.raises(QueryFailedError, match="HIVE_CURSOR_ERROR: Row is not a valid JSON Object - JSONException: "):
        rows('{"name":"Ann"}', line)
    assert rows(line, ignore_malformed_json="TRUE") == [(None, None, None, None)]


def test_what_cannot_be_read_as_the_serde_does_is_refused() -> None:
    with pytest.raises(QueryFailedError, match=r"does not support the SerDe property mapping\.a"):
        rows('{"name":"Ann"}', mapping_a="b")
    with pytest.raises(QueryFailedError, match=r"case\.insensitive = false"):
        rows('{"name":"Ann"}', case_insensitive="FALSE")
    with pytest.raises(QueryFailedError, match=r"JSON columns of type array<int> \(a\)"):
        openx_json.rows([], [("a", "array<int>")], {})
