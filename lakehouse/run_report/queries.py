"""The SQL that counts the rows of a published snapshot, for Athena. No query returns a value of a person or a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

BINS = 24
"""Bars of a histogram."""
NUMBERS = ("int", "long", "float", "double")


@dataclass(frozen=True)
class Column:
    """A column of a table as its contract describes it."""

    name: str
    type: str
    comment: str
    personal: str
    """yes, no, or pseudonym."""

    @property
    def shown(self) -> bool:
        """Whether the values may be shown: numbers that are not personal. A text may name a person, whatever it is."""
        return self.personal == "no" and self.type in NUMBERS


def snapshot(database: str, table: str, snapshot_id: int) -> str:
    """Return a table as a run published it, for FROM."""
    return f'"{database}"."{table}" FOR VERSION AS OF {snapshot_id}'


def summary(source: str, columns: Sequence[Column]) -> str:
    """Return the query of one row: the number of rows, then the values that each column has and its limits."""
    wanted = ["count(*) AS rows_"]
    for number, column in enumerate(columns):
        wanted.append(f'count("{column.name}") AS n{number}')
        if column.shown:
            wanted += [f'min("{column.name}") AS min{number}', f'max("{column.name}") AS max{number}']
    return f"SELECT {', '.join(wanted)} FROM {source}"  # noqa: S608 - names of declared tables and columns


def histograms(source: str, limits: Mapping[str, tuple[float, float]]) -> str:
    """Return the query of the histograms: column, bin from 0, number of rows. `limits` has columns and their range."""
    each = [
        f"SELECT '{name}' AS name, {_bin(name, *limit)} AS bin, count(*) AS n FROM {source} "  # noqa: S608
        f'WHERE "{name}" IS NOT NULL GROUP BY 2'
        for name, limit in limits.items()
    ]
    return " UNION ALL ".join(each)


def edges(low: float, high: float) -> list[float]:
    """Return the limits of the bins."""
    if low == high:
        return [low, high]
    return [low + (high - low) * number / BINS for number in range(BINS + 1)]


def _bin(name: str, low: float, high: float) -> str:
    if low == high:
        return "0"
    width = (high - low) / BINS
    return f'least(cast(floor((cast("{name}" AS double) - {low!r}) / {width!r}) AS integer), {BINS - 1})'
