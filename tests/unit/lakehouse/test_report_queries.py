"""The SQL of the report, run by the embedded Athena on tables in memory, against the same counts in plain Python."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from embedded_aws.athena.catalog import TableName
from embedded_aws.athena.execution import Execution
from embedded_aws.athena.results import Result
from embedded_aws.athena.tables import Meter
from lakehouse.run_report import queries
from lakehouse.run_report.queries import BINS, Column

RANDOM = Random(17)
READINGS = {
    "user": ["ada@example.org"] * 500 + [None] * 20,
    "x": [RANDOM.gauss(0, 3) for _ in range(500)] + [None] * 20,
    "n": [RANDOM.randrange(201, 301) for _ in range(520)],
    "constant": [7] * 520,
    "empty": pa.nulls(520, pa.float64()),
}
COLUMNS = [
    Column("user", "string", "", "yes"),
    Column("x", "double", "", "no"),
    Column("n", "int", "", "no"),
    Column("constant", "long", "", "no"),
    Column("empty", "double", "", "no"),
]
TABLES = {"readings": READINGS}


class Lake:
    """Stands for the lake, and records the snapshots that are read."""

    def __init__(self) -> None:
        self.read_snapshots: list[Any] = []

    def read(self, name: TableName, words: frozenset[str] | None, snapshot: Any) -> pa.Table:
        self.read_snapshots.append(snapshot)
        return pa.table(TABLES[name.table])


@pytest.fixture
def lake() -> Lake:
    return Lake()


def ask(lake: Any, sql: str) -> list[list[str | None]]:
    found: list[list[str | None]] = []

    def keep(result: Result) -> None:
        found.extend(list(row) for row in result.rows)

    Execution(lake, Meter(None), None).run(sql, "lake", (), keep)  # type: ignore[arg-type]
    return found


def source(table: str) -> str:
    return queries.snapshot("lake", table, 42)


def test_rows_nulls_and_limits(lake: Lake) -> None:
    x = [value for value in READINGS["x"] if value is not None]
    (row,) = ask(lake, queries.summary(source("readings"), COLUMNS))
    assert [None if value is None else float(value) for value in row] == [
        *(520, 500, 500, min(x), max(x), 520, min(READINGS["n"]), max(READINGS["n"]), 520, 7, 7, 0, None, None)
    ]
    assert lake.read_snapshots[0] is not None, "of the snapshot of the run"


@pytest.mark.parametrize("name", ["x", "n", "constant"])
def test_histogram(lake: Lake, name: str) -> None:
    values = [value for value in READINGS[name] if value is not None]
    low, high = min(values), max(values)
    rows = ask(lake, queries.histograms(source("readings"), {name: (low, high)}))
    edges = queries.edges(low, high)
    again = Counter(0 if low == high else min(int((value - low) / ((high - low) / BINS)), BINS - 1) for value in values)
    assert {int(str(position)): int(str(count)) for _, position, count in rows} == again
    assert (edges[0], edges[-1]) == (low, high)


def test_histograms_of_several_columns_are_one_query(lake: Lake) -> None:
    rows = ask(lake, queries.histograms(source("readings"), {"x": (-10.0, 10.0), "n": (201, 300)}))
    assert {str(row[0]) for row in rows} == {"x", "n"}
