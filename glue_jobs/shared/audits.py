"""The rules that a table must keep before anybody sees it: `ddl/<table>.audit.sql`, and two that hold for all."""

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from pyspark.sql import DataFrame, SparkSession

import extra_files
import pipeline
from address import Addresses
from arguments import RowCountChange
from problems import AuditError
from table_contract import TableContract

# A comment, and right below it the query that it names.
RULE: Final = re.compile(r"((?:^--[^\n]*\n)+)(^SELECT\b[^;]+);$", re.MULTILINE)
COMMENT: Final = re.compile(r"^--.*$", re.MULTILINE)

ADDRESSES: Final = {
    **pipeline.person_columns("address"),
    **{f"{table}_quarantined": column for table, column in pipeline.person_columns("address", "landing").items()},
    "owners": "email",
}
"""Column of each view that holds addresses."""


@dataclass(frozen=True)
class Rule:
    """A query that returns the rows which break the rule."""

    name: str
    query: str


def load(table: str) -> list[Rule]:
    """Return the rules of a table from the file that Glue's `--extra-files` laid beside the job."""
    text = extra_files.read(f"{table}.audit.sql")
    rules = parse(text)
    if not rules or COMMENT.sub("", RULE.sub("", text)).strip():  # a rule that nobody reads protects nobody
        raise AuditError(
            f"{table}.audit.sql has something else in it than rules, or none. A rule is a comment that names it and, "
            "on the next line, a query that starts with SELECT and ends with a semicolon."
        )
    return rules


def parse(text: str) -> list[Rule]:
    """Read rules: the comment right above a query is the name of its rule."""
    return [
        Rule(" ".join(line.removeprefix("--").strip() for line in comment.splitlines()), query.strip())
        for comment, query in RULE.findall(text)
    ]


def broken(spark: SparkSession, rules: list[Rule], parameters: Mapping[str, object]) -> dict[str, int]:
    """Return how many rows break each broken rule; the tables are views by their names.

    All rules are one query, since each query of its own takes Spark about as long as all of them. To those views that
    hold addresses, `address` is added, by which rules compare them.
    """
    counts = [
        f"SELECT {number} AS rule, count(*) AS found FROM ({rule.query})"  # noqa: S608 our own file
        for number, rule in enumerate(rules)
    ]
    with _addresses_beside(spark, {word for rule in rules for word in re.findall(r"\w+", rule.query)}):
        found = spark.sql("\nUNION ALL\n".join(counts), args=dict(parameters)).where("found > 0").collect()
    return {rules[row["rule"]].name: row["found"] for row in sorted(found)}


@contextmanager
def _addresses_beside(spark: SparkSession, words: Collection[str]) -> Iterator[None]:
    """Add `address` to the views that rules name by some words."""
    views = {view: spark.table(view) for view in ADDRESSES if {view, "address"} <= set(words)}
    if views:
        addresses = Addresses(*(rows.select(ADDRESSES[view]) for view, rows in views.items()))
        for view, rows in views.items():
            addresses.beside(rows, ADDRESSES[view]).createOrReplaceTempView(view)
    yield
    for view, rows in views.items():
        rows.createOrReplaceTempView(view)


def check_schema(rows: DataFrame, contract: TableContract) -> None:
    """Raise an AuditError unless a table has the columns of its DDL, in whatever order."""
    if {field.name: field.dataType for field in rows.schema} != {
        field.name: field.dataType for field in contract.schema
    }:
        raise AuditError(
            f"{contract.name} has not the columns of {contract.name}.sql, so it was not published: "
            f"{rows.schema.simpleString()}."
        )


def check_rules(spark: SparkSession, table: str, parameters: Mapping[str, object]) -> None:
    """Raise an AuditError that names every rule which a table breaks; the tables are views by their names."""
    if problems := broken(spark, load(table), parameters):
        raise AuditError(
            "\n".join(
                [
                    f"{table} breaks its rules, so it was not published:",
                    *(f"  {count:,} rows: {rule}" for rule, count in problems.items()),
                    f"The rules are in {table}.audit.sql. Readers still have what was published last.",
                ]
            )
        )


def check_row_count(table: str, before: int | None, after: int, limit: RowCountChange) -> None:
    """Raise an AuditError when a table lost or gained more rows than the limit since its last run (None: no run)."""
    if not before:
        return
    if after < before * (1 - limit.drop) or after > before * limit.growth:
        raise AuditError(
            f"{table} went from {before:,} to {after:,} rows since the last run with the same policies, so it was not "
            f"published: at most a share of {limit.drop:g} may go, at most {limit.growth:g} times as many may come. "
            "Where the change is right, raise the Terraform variable row_count_change, apply and run again."
        )
