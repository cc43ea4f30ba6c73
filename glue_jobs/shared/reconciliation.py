"""Reconcile every row that a job reads: read = published + dropped for a named reason + quarantined."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from typing import Final, Literal

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

import row_hashes
from problems import AuditError

DUPLICATE: Final = "exact duplicate"
REFUSED: Final = "the run was refused"
COUNTS: Final = "counts"
"""Entry of a report with the counts of the rows that the job accounted for, as JSON."""
OUTCOMES: Final = ("published", "dropped", "quarantined")
EMPTY: Final = "empty although its input is not"


@dataclass(frozen=True)
class RowCount:
    """The number of rows of a source table with one outcome; `output` counts the rows that the job wrote.

    The reason says why rows were dropped or quarantined, or that an output is `EMPTY`.
    """

    source_table: str
    outcome: Literal["read", "published", "dropped", "quarantined", "output"]
    reason: str
    rows: int


def to_json(counts: Iterable[RowCount]) -> str:
    """Return counts as the entry `COUNTS` of a report."""
    return json.dumps([asdict(count) for count in counts])


def of_report(report: Mapping[str, str]) -> list[RowCount]:
    """Return the counts that a report tells; none if it is of an edition that did not tell them."""
    return [RowCount(**count) for count in json.loads(report.get(COUNTS, "[]"))]


def with_drop_reason(rows: DataFrame, drop_reason: Column) -> DataFrame:
    """Return rows with `drop_reason`, which is null for a row to publish."""
    return rows.withColumn("drop_reason", drop_reason)


def to_publish(classified: DataFrame) -> DataFrame:
    """Keep the rows without a drop reason."""
    return classified.where("drop_reason is null")


def tally(classified: Mapping[str, DataFrame], *, may_repeat: Collection[str]) -> dict[str, list[Row]]:
    """Count the rows of tables by drop reason, in one query: all `copies` and, without a reason, `distinct` rows.

    Rows of the tables in `may_repeat` may occur more than once. They are told apart by 128 bits of hashes, which are
    far cheaper to group by than the rows.
    """
    sources = []
    for table, rows in classified.items():
        grouped = F.col("drop_reason").isNull() & F.lit(table in may_repeat)
        hashes = (F.when(grouped, F.col(name)).alias(name) for name in row_hashes.NAMES)
        hashed = rows.select("drop_reason", *row_hashes.of(rows.columns))
        sources.append(hashed.select(F.lit(table).alias("source"), "drop_reason", *hashes))
    groups = reduce(DataFrame.unionByName, sources).groupBy("source", "drop_reason", *row_hashes.NAMES).count()
    rows_of_group = F.when(F.col(row_hashes.NAMES[0]).isNull(), F.col("count")).otherwise(1)
    tallies = (
        groups.groupBy("source", "drop_reason")
        .agg(F.sum(rows_of_group).alias("distinct"), F.sum("count").alias("copies"))
        .collect()
    )
    return {table: [row for row in tallies if row["source"] == table] for table in classified}


def reconcile(
    tallies: Mapping[str, Sequence[Row]], *, read: Mapping[str, int], quarantined: Mapping[str, Mapping[str, int]]
) -> list[RowCount]:
    """Count the rows of the source tables by outcome; raise an AuditError unless they add up to the rows read.

    All arguments are by source table; `quarantined` counts rows by reason.
    """
    return [
        count
        for table, rows in tallies.items()
        for count in _of_source(table, rows, read=read[table], quarantined=quarantined.get(table, {}))
    ]


def _of_source(table: str, tallies: Sequence[Row], *, read: int, quarantined: Mapping[str, int]) -> list[RowCount]:
    dropped = {row["drop_reason"]: int(row["copies"]) for row in tallies if row["drop_reason"] is not None}
    kept = [row for row in tallies if row["drop_reason"] is None]
    if duplicates := sum(row["copies"] - row["distinct"] for row in kept):
        dropped[DUPLICATE] = duplicates
    published = sum(row["distinct"] for row in kept)
    return _balanced(table, read=read, published=published, dropped=dropped, quarantined=quarantined)


def _balanced(
    table: str, *, read: int, published: int, dropped: Mapping[str, int], quarantined: Mapping[str, int]
) -> list[RowCount]:
    counts = [
        RowCount(table, "read", "", read),
        RowCount(table, "published", "", published),
        *(RowCount(table, "dropped", reason, rows) for reason, rows in sorted(dropped.items())),
        *(RowCount(table, "quarantined", reason, rows) for reason, rows in sorted(quarantined.items())),
    ]
    accounted = total(counts, *OUTCOMES)
    if accounted != read:
        raise AuditError(
            f"{read:,} rows of {table} were read and {accounted:,} are accounted for: {describe(counts)}. Nothing was "
            "published. Either rows changed while the job read them, or its code loses or repeats rows. Run it again."
        )
    return counts


def add(
    before: Iterable[RowCount], gained: Iterable[RowCount], *, repeated: int, read: Mapping[str, int]
) -> list[RowCount]:
    """Return the counts of source tables that have gained rows, given those before and those of the rows gained.

    `repeated` of the gained rows to publish are published already. `read` are all rows of each table; an AuditError is
    raised unless the counts add up to them.
    """
    sums = {source: {outcome: Counter[str]() for outcome in OUTCOMES} for source in read}
    for count in (*before, *gained):
        if count.source_table in sums and count.outcome in OUTCOMES:
            sums[count.source_table][count.outcome][count.reason] += count.rows
    if repeated:
        (of_source,) = sums.values()
        of_source["published"][""] -= repeated
        of_source["dropped"][DUPLICATE] += repeated
    return [
        count
        for source, of in sums.items()
        for count in _balanced(
            source,
            read=read[source],
            published=of["published"].total(),
            dropped=of["dropped"],
            quarantined=of["quarantined"],
        )
    ]


def of_refused_run(table: str, *, read: int, quarantined: Mapping[str, int]) -> list[RowCount]:
    """Return the counts of a source table that exceeds its quarantine limit: all rows not quarantined are dropped."""
    return [
        RowCount(table, "read", "", read),
        RowCount(table, "dropped", REFUSED, read - sum(quarantined.values())),
        *(RowCount(table, "quarantined", reason, rows) for reason, rows in sorted(quarantined.items())),
    ]


def output(counts: Iterable[RowCount], output_rows: int) -> RowCount:
    """Return the count of the rows written, given the counts of their sources.

    An empty output is no error: it is right when no customer agreed, or when readings have not arrived yet.
    """
    return RowCount("", "output", EMPTY if not output_rows and total(counts, "read") else "", output_rows)


def has_duplicates(counts: Iterable[RowCount]) -> bool:
    """Tell whether rows to publish occur more than once."""
    return any(count.reason == DUPLICATE for count in counts)


def describe_losses(counts: Iterable[RowCount]) -> str:
    """Return the reasons for which rows were dropped or quarantined with their row counts, largest first."""
    rows: Counter[str] = Counter()
    for count in counts:
        if count.outcome in ("dropped", "quarantined"):
            rows[count.reason] += count.rows
    return ", ".join(f"{number:,} x {reason}" for reason, number in rows.most_common())


def total(counts: Iterable[RowCount], *outcomes: str) -> int:
    """Add up the rows with any of the given outcomes."""
    return sum(count.rows for count in counts if count.outcome in outcomes)


def describe(counts: Iterable[RowCount]) -> str:
    """Return the counts as one line for the log."""
    return ", ".join(" ".join(filter(None, (f"{count.rows:,}", count.outcome, count.reason))) for count in counts)
