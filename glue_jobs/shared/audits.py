"""Audits of a table before it is published: the rules in `ddl/<table>.audit.sql`, its schema and its row count."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from pyspark.sql import DataFrame, SparkSession

import extra_files
import pipeline
import policies
from address import Addresses
from arguments import RowCountChange
from problems import AuditError
from table_contract import TableContract

# A comment with the query that it names on the next line.
RULE: Final = re.compile(r"((?:^--[^\n]*\n)+)(^SELECT\b[^;]+);$", re.MULTILINE)
COMMENT: Final = re.compile(r"^--.*$", re.MULTILINE)
CONDITION: Final = re.compile(r"only if (\w+) = '(\w+)'")
INPUTS: Final = re.compile(r"\A-- Inputs: (\w+(?:, \w+)*)\.$", re.MULTILINE)

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
    policies: Mapping[str, str] = field(default_factory=dict)
    """Values of policies with which alone the rule holds."""


@dataclass(frozen=True)
class Audit:
    """The rules of a table and the other tables and views that they read."""

    inputs: tuple[str, ...]
    rules: Sequence[Rule]


def load(table: str) -> Audit:
    """Return the audit of a table from the file that Glue's `--extra-files` puts beside the job."""
    text = extra_files.read(f"{table}.audit.sql")
    rules = parse(text)
    if not rules or COMMENT.sub("", RULE.sub("", text)).strip():  # text outside a rule would never be checked
        raise AuditError(
            f"{table}.audit.sql contains no rules, or text outside a rule. A rule is a comment that names it and, "
            "on the next line, a query that starts with SELECT and ends with a semicolon."
        )
    if (declared := INPUTS.search(text)) is None:
        raise AuditError(f"{table}.audit.sql does not start with the tables that its rules read: -- Inputs: a, b.")
    return Audit(tuple(declared[1].split(", ")), rules)


def parse(text: str) -> list[Rule]:
    """Read rules: the comment right above a query is the name of its rule and, behind it, the policies of the rule.

    Raises an AuditError about a policy or a value that is not declared, since such a rule would never be checked.
    """
    return [
        _rule([line.removeprefix("--").strip() for line in comment.splitlines()], query)
        for comment, query in RULE.findall(text)
    ]


def _rule(comment: Sequence[str], query: str) -> Rule:
    conditions = {match[1]: match[2] for line in comment if (match := CONDITION.fullmatch(line))}
    name = " ".join(line for line in comment if not CONDITION.fullmatch(line))
    if wrong := policies.problem(conditions):
        raise AuditError(f"The rule '{name}' has an {wrong}. Nothing was published; correct the rule.")
    return Rule(name, query.strip(), conditions)


def violations(
    spark: SparkSession, rules: Sequence[Rule], views: Mapping[str, DataFrame], parameters: Mapping[str, object]
) -> dict[str, int]:
    """Return the number of violating rows by name of each broken rule; `views` are the rows that the queries read.

    All rules run as one query, since Spark takes about as long for each query as for all of them; those of other
    policies than the run's are left out, since Spark would plan them too. Views with addresses get a column `address`,
    by which the rules compare them.
    """
    rules = [rule for rule in rules if rule.policies.items() <= parameters.items()]
    if not rules:
        return {}
    counts = [
        f"SELECT {number} AS rule, count(*) AS found FROM ({rule.query})"  # noqa: S608 our own file
        for number, rule in enumerate(rules)
    ]
    words = {word for rule in rules for word in re.findall(r"\w+", rule.query)}
    with _temporary_views(_with_addresses(views, words)):
        found = spark.sql("\nUNION ALL\n".join(counts), args=dict(parameters)).where("found > 0").collect()
    return {rules[row["rule"]].name: row["found"] for row in sorted(found)}


def _with_addresses(views: Mapping[str, DataFrame], words: Collection[str]) -> dict[str, DataFrame]:
    """Add `address` to the views that hold addresses, if the words of the queries name both the view and `address`."""
    columns = {view: ADDRESSES[view] for view in views if view in ADDRESSES and {view, "address"} <= set(words)}
    if not columns:
        return dict(views)
    addresses = Addresses(*(views[view].select(column) for view, column in columns.items()))
    return {**views, **{view: addresses.add_to(views[view], column) for view, column in columns.items()}}


@contextmanager
def _temporary_views(views: Mapping[str, DataFrame]) -> Iterator[None]:
    """Register DataFrames as temporary views for the time of a query."""
    try:
        for name, rows in views.items():
            rows.createOrReplaceTempView(name)
        yield
    finally:
        for name, rows in views.items():
            rows.sparkSession.catalog.dropTempView(name)


def check_schema(rows: DataFrame, contract: TableContract) -> None:
    """Raise an AuditError unless a table has exactly the columns of its DDL, in any order."""
    actual = {f"{field.name} {field.dataType.simpleString()}" for field in rows.schema}
    expected = {f"{field.name} {field.dataType.simpleString()}" for field in contract.schema}
    if actual != expected:
        raise AuditError(
            f"{contract.name} was not published, since its schema differs from {contract.name}.sql: "
            f"missing {', '.join(sorted(expected - actual)) or 'nothing'}; "
            f"unexpected {', '.join(sorted(actual - expected)) or 'nothing'}."
        )


def check_rules(
    spark: SparkSession, table: str, views: Mapping[str, DataFrame], parameters: Mapping[str, object]
) -> None:
    """Raise an AuditError that names every rule which a table breaks; `views` are the table and the audit's inputs."""
    audit = load(table)
    if views.keys() != {table, *audit.inputs}:
        raise AuditError(
            f"{table} was not published: {table}.audit.sql declares the inputs {', '.join(audit.inputs)}, but the job "
            f"passes {', '.join(sorted(views.keys() - {table}))}."
        )
    if broken := violations(spark, audit.rules, views, parameters):
        raise AuditError(
            "\n".join(
                [
                    f"{table} breaks its rules, so it was not published:",
                    *(f"  {count:,} rows: {rule}" for rule, count in broken.items()),
                    f"The rules are in {table}.audit.sql. Readers still see the last published table.",
                ]
            )
        )


def check_row_count(table: str, before: int | None, after: int, limit: RowCountChange) -> None:
    """Raise an AuditError if a table lost or gained more rows than the limit allows; `before` is None without a run."""
    if not before:
        return
    if after < before * (1 - limit.drop) or after > before * limit.growth:
        raise AuditError(
            f"{table} went from {before:,} to {after:,} rows since the last run with the same policies, so it was not "
            f"published: it may lose at most a share of {limit.drop:g} and grow at most {limit.growth:g}-fold. If the "
            "change is right, raise the Terraform variable row_count_change, apply and run again."
        )
