"""What inputs of a table have gained since it was published, if that is all that has changed: its table can grow.

Then a job computes only the rows of the time that the new input rows cover, and adds those that are not published yet.
What it adds is audited as a whole table is, over that time: all published rows of it against all input rows of it.
pipeline.json declares the inputs and their time columns (`grows_with`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

import row_hashes


@dataclass(frozen=True)
class Gained:
    """Rows that an input has gained."""

    rows: DataFrame
    read: int
    """Their number, with those in quarantine."""
    quarantined: Mapping[str, int]
    """The number of those in quarantine by reason."""
    before: Callable[[], DataFrame]
    """Return the rows that it had; more than these if nobody can tell any longer."""


@dataclass(frozen=True)
class Period:
    """The time that new input rows cover, both ends included; None and None without any."""

    first: int | None
    last: int | None

    def covers(self, column: str) -> Column:
        """Tell whether a row is of this time."""
        return F.col(f"`{column}`").between(F.lit(self.first).cast("bigint"), F.lit(self.last).cast("bigint"))


def period(gained: Mapping[str, DataFrame], columns: Mapping[str, str]) -> Period:
    """Return the time that rows of inputs cover, given the time column of each."""
    times = reduce(DataFrame.unionAll, (rows.select(F.col(f"`{columns[name]}`")) for name, rows in gained.items()))
    (time,) = times.columns
    (found,) = times.agg(F.min(f"`{time}`").alias("first"), F.max(f"`{time}`").alias("last")).collect()
    return Period(found["first"], found["last"])


def not_in(rows: DataFrame, published: DataFrame) -> DataFrame:
    """Keep the rows that equal no published one, each once."""
    hashes = row_hashes.of(rows.columns)
    known = published.select(rows.columns).select(*hashes)
    return (
        rows.select("*", *hashes)
        .join(known, on=list(row_hashes.NAMES), how="left_anti")
        .select(rows.columns)
        .distinct()
    )
