"""Accounts for every row that a job reads: read = published + dropped for a named reason + quarantined."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from problems import AuditError

DUPLICATE: Final = "exact duplicate"
REFUSED: Final = "the run was refused"
EMPTY: Final = "empty although its input is not"


@dataclass(frozen=True)
class Fate:
    """What became of some rows of a table that a job read; `output` counts the rows that it wrote.

    The reason says why rows were dropped or quarantined or, of an output without a row, that it is `EMPTY`.
    """

    source_table: str
    fate: Literal["read", "published", "dropped", "quarantined", "output"]
    reason: str
    rows: int


def distinct(rows: DataFrame) -> DataFrame:
    """Return each distinct row once, with `copies`, the number of times that it occurs."""
    return rows.groupBy(*rows.columns).agg(F.count("*").alias("copies"))


def decide(rows: DataFrame, dropped: Column) -> DataFrame:
    """Return distinct rows with `dropped`: the reason to leave a row out, null for one to publish."""
    return rows.withColumn("dropped", dropped)


def published(decided: DataFrame) -> DataFrame:
    """Keep the decided rows that are to be published, each once."""
    return decided.where("dropped is null")


def account(table: str, decided: DataFrame, *, read: int, quarantined: Mapping[str, int]) -> list[Fate]:
    """Add up what became of the rows of a table, and raise an AuditError unless that is every row read, once.

    `decided` has `dropped` and `copies`; `quarantined` counts rows by reason.
    """
    tallies = decided.groupBy("dropped").agg(F.count("*").alias("distinct"), F.sum("copies").alias("copies")).collect()
    dropped = {row["dropped"]: int(row["copies"]) for row in tallies if row["dropped"] is not None}
    kept = [row for row in tallies if row["dropped"] is None]
    if duplicates := sum(row["copies"] - row["distinct"] for row in kept):
        dropped[DUPLICATE] = duplicates
    fates = [
        Fate(table, "read", "", read),
        Fate(table, "published", "", sum(row["distinct"] for row in kept)),
        *(Fate(table, "dropped", reason, rows) for reason, rows in sorted(dropped.items())),
        *(Fate(table, "quarantined", reason, rows) for reason, rows in sorted(quarantined.items())),
    ]
    accounted = total(fates, "published", "dropped", "quarantined")
    if accounted != read:
        raise AuditError(
            f"{read:,} rows of {table} were read and {accounted:,} are accounted for, so nothing was published: "
            f"{describe(fates)}. Rows changed while the job read them, or its code loses or repeats some. Run it again."
        )
    return fates


def refused(table: str, *, read: int, quarantined: Mapping[str, int]) -> list[Fate]:
    """Return what became of the rows of a table that has more rows for the quarantine than a run bears."""
    return [
        Fate(table, "read", "", read),
        Fate(table, "dropped", REFUSED, read - sum(quarantined.values())),
        *(Fate(table, "quarantined", reason, rows) for reason, rows in sorted(quarantined.items())),
    ]


def refuse_other_output(table: str, fates: Iterable[Fate], count: int) -> None:
    """Raise an AuditError unless a table has one row for each row published."""
    published = total(fates, "published")
    if count != published:
        raise AuditError(
            f"{published:,} rows were to be published and {table} has {count:,}, so nothing was published: the code of "
            "the job loses or repeats some."
        )


def output(fates: Iterable[Fate], count: int) -> Fate:
    """Return the fate of a table with so many rows, made of input with these fates.

    To be empty is no error: when nobody agrees, or readings of some customers are not there yet, that is right.
    """
    return Fate("", "output", EMPTY if not count and total(fates, "read") else "", count)


def lost(fates: Iterable[Fate]) -> str:
    """Return why rows were dropped or quarantined and how many, the most first."""
    rows: Counter[str] = Counter()
    for fate in fates:
        if fate.fate in ("dropped", "quarantined"):
            rows[fate.reason] += fate.rows
    return ", ".join(f"{count:,} x {reason}" for reason, count in rows.most_common())


def total(fates: Iterable[Fate], *kinds: str) -> int:
    """Add up the rows with one of some fates."""
    return sum(fate.rows for fate in fates if fate.fate in kinds)


def describe(fates: Iterable[Fate]) -> str:
    """Return the fates as one line for the log."""
    return ", ".join(" ".join(filter(None, (f"{fate.rows:,}", fate.fate, fate.reason))) for fate in fates)
