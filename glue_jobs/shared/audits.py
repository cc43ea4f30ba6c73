"""Audits of a table before it is published: the rules in `ddl/<table>.audit.sql`, its schema and its row count."""

import json
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from pyspark.sql import DataFrame, SparkSession

import address
import audit_rules
import extra_files
import pipeline
import policies
import row_hashes
from address import Addresses
from arguments import RowCountChange
from audit_rules import IMPLIED, ROWS, RULE, Rule
from iceberg import Snapshot
from problems import AuditError
from table_contract import TableContract

COMMENT: Final = re.compile(r"^--.*$", re.MULTILINE)
DIFFERENT: Final = "the rows are exactly the expected ones"
NOT_ASCII: Final = "all addresses are ASCII"
INPUTS: Final = re.compile(r"\A-- Inputs: (\w+(?:, \w+)*)\.$", re.MULTILINE)

ADDRESSES: Final = {
    **pipeline.person_columns("address"),
    **{f"{table}_quarantined": column for table, column in pipeline.person_columns("address", "landing").items()},
    "owners": "email",
}
"""Column of each view that holds addresses."""


@dataclass(frozen=True)
class Audit:
    """The rules of a table, the other tables and views that they read, and the rows that the table must have."""

    inputs: tuple[str, ...]
    rules: Sequence[Rule]
    rows: Mapping[str, Rule] = field(default_factory=dict)
    """The queries of `actual` and of `expected` rows, which the rules read as views; empty if a table has none."""


def load(table: str) -> Audit:
    """Return the audit of a table from the file that Glue's `--extra-files` puts beside the job."""
    text = extra_files.read(f"{table}.audit.sql")
    for query in audit_rules.parse(text):
        if wrong := policies.problem(query.policies):  # it would never be checked
            raise AuditError(f"The rule '{query.name}' has an {wrong}. Nothing was published; correct the rule.")
    rules, rows = audit_rules.rules(text), audit_rules.views(text)
    if not rules or COMMENT.sub("", RULE.sub("", text)).strip():  # text outside a rule would never be checked
        raise AuditError(
            f"{table}.audit.sql contains no rules, or text outside a rule. A rule is a comment that names it and, "
            "on the next line, a query that starts with SELECT and ends with a semicolon."
        )
    if (declared := INPUTS.search(text)) is None:
        raise AuditError(f"{table}.audit.sql does not start with the tables that its rules read: -- Inputs: a, b.")
    if len(rows) == 1 or (not rows and any(rule.implied for rule in rules)):
        raise AuditError(
            f"{table}.audit.sql needs both '-- {ROWS['actual']}' and '-- {ROWS['expected']}', or no '-- {IMPLIED}'."
        )
    return Audit(tuple(declared[1].split(", ")), rules, rows)


def violations(
    spark: SparkSession,
    audit: Audit,
    views: Mapping[str, DataFrame],
    parameters: Mapping[str, object],
    *,
    exhaustive: bool = False,
) -> dict[str, int]:
    """Return the number of violating rows by name of each broken rule; `views` are the rows that the queries read.

    The rules that the expected rows imply compare whole tables. They run only if actual and expected rows differ, which
    fingerprints tell in one pass over each, or if the audit is `exhaustive`. Rules of other policies than the run's are
    left out, since Spark would plan them too. Views with addresses get a column `address`, by which the rules compare
    them.
    """
    rules = [rule for rule in audit.rules if rule.holds_with(parameters)]
    rows = {view: rule for view, rule in audit.rows.items() if rule.holds_with(parameters)}
    words = {word for rule in (*rules, *rows.values()) for word in re.findall(r"\w+", rule.query)}
    columns = {view: ADDRESSES[view] for view in views if view in ADDRESSES and {view, "address"} <= words}
    # First as if all addresses were ASCII, which nearly all are. Rules tell, so that it takes no query of its own.
    ascii_rules = [
        Rule(NOT_ASCII, f"SELECT * FROM {view} WHERE {address.is_not_ascii(column)}")  # noqa: S608 our own names
        for view, column in columns.items()
    ]
    with _temporary_views(_with_addresses(views, columns, Addresses())):
        found = _violations(spark, [*ascii_rules, *rules], rows, parameters, exhaustive=exhaustive)
    if NOT_ASCII not in found:
        return found
    addresses = Addresses(*(views[view].select(column) for view, column in columns.items()))
    with _temporary_views(_with_addresses(views, columns, addresses)):
        return _violations(spark, rules, rows, parameters, exhaustive=exhaustive)


def _violations(
    spark: SparkSession,
    rules: Sequence[Rule],
    rows: Mapping[str, Rule],
    parameters: Mapping[str, object],
    *,
    exhaustive: bool,
) -> dict[str, int]:
    made, hashes = {}, {}
    seeds = [secrets.randbits(63) for _ in row_hashes.NAMES]  # nobody can prepare rows of equal fingerprints
    for view, rule in rows.items():
        frame = spark.sql(rule.query, args=dict(parameters))
        hashed = frame.select(*row_hashes.of(frame.columns, seeds))
        made[view], hashes[f"{view}_hashes"] = (frame.distinct(), hashed.distinct()) if rule.once else (frame, hashed)
    with _temporary_views({**made, **hashes}):
        if exhaustive or not made:
            return _broken(spark, rules, parameters)
        quick = [rule for rule in rules if not rule.implied]
        found = _broken(spark, quick, parameters, [_fingerprint(view) for view in hashes])
        if DIFFERENT not in found:
            return found
        del found[DIFFERENT]
        return found | _broken(spark, [rule for rule in rules if rule.implied], parameters) or {DIFFERENT: 1}


def _broken(
    spark: SparkSession, rules: Sequence[Rule], parameters: Mapping[str, object], sides: Sequence[str] = ()
) -> dict[str, int]:
    """Count the rows that break rules, and tell under `DIFFERENT` whether the fingerprints of two sides differ.

    All run as one query, since Spark takes about as long for each query as for all of them.
    """
    no_fingerprint = "0L AS low, 0L AS high, 0L AS folded"
    counts = [
        f"SELECT {number} AS rule, count(*) AS found, {no_fingerprint} FROM ({rule.query})"  # noqa: S608 our own file
        for number, rule in enumerate(rules)
    ]
    if not (counts or sides):
        return {}
    found = spark.sql("\nUNION ALL\n".join([*counts, *sides]), args=dict(parameters)).collect()
    broken = {rules[row["rule"]].name: row["found"] for row in sorted(found) if row["rule"] >= 0 and row["found"]}
    fingerprints = [tuple(row) for row in found if row["rule"] < 0]
    return broken | ({DIFFERENT: 1} if len(set(fingerprints)) > 1 else {})


def _fingerprint(hashes: str) -> str:
    """Return the query of an order-independent fingerprint of rows, given the view of their hashes.

    That is their number, the sums of both halves of a 64-bit hash over all columns, and its exclusive or: a row that is
    missing, repeated or changed anywhere changes it. Halves are added up, since a sum of 64-bit numbers overflows.
    """
    return (
        "SELECT -1 AS rule, count(*) AS found, coalesce(sum(hash & 4294967295L), 0L) AS low, "  # noqa: S608 our names
        "coalesce(sum(shiftrightunsigned(hash, 32)), 0L) AS high, coalesce(bit_xor(hash), 0L) AS folded "
        f"FROM {hashes}"
    )


def _with_addresses(
    views: Mapping[str, DataFrame], columns: Mapping[str, str], addresses: Addresses
) -> dict[str, DataFrame]:
    """Add `address`, the canonical form of a column, to the views of which the column is given."""
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
    spark: SparkSession,
    table: str,
    views: Mapping[str, DataFrame],
    parameters: Mapping[str, object],
    *,
    exhaustive: bool = False,
    all_rows: DataFrame | None = None,
) -> None:
    """Raise an AuditError that names every rule which a table breaks; `views` are the table and the audit's inputs.

    If the view of the table has only some of its rows, `all_rows` are those by which the rules of all rows are checked.
    """
    audit = load(table)
    if views.keys() != {table, *audit.inputs}:
        raise AuditError(
            f"{table} was not published: {table}.audit.sql declares the inputs {', '.join(audit.inputs)}, but the job "
            f"passes {', '.join(sorted(views.keys() - {table}))}."
        )
    broken = violations(spark, audit, views, parameters, exhaustive=exhaustive)
    if all_rows is not None:
        of_all = Audit(audit.inputs, [rule for rule in audit.rules if rule.of_all])
        broken |= violations(spark, of_all, {**views, table: all_rows}, parameters)
    if broken:
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


def same_policies(snapshot: Snapshot, policies: str) -> bool:
    """Tell whether a snapshot was made with these policies, given as a JSON object."""
    return bool(json.loads(snapshot.report.get("policies", "null")) == json.loads(policies))
