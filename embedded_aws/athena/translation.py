"""Translates a query of Athena to DuckDB, and lists the tables that it reads.

sqlglot parses and writes the SQL. Where the two languages differ silently, the query is changed here or refused: the
functions are an allowlist, since DuckDB has others, and some of the same name do another thing.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlglot
from sqlglot import ErrorLevel, exp
from sqlglot.errors import ParseError, TokenError, UnsupportedError
from sqlglot.tokenizer_core import Token, TokenType

from embedded_aws.athena.catalog import TableName
from embedded_aws.athena.errors import QueryFailedError, not_supported

UNNAMED: Final = "unnamed column "
"""Begins the name that DuckDB gives a column for which Athena chooses one, as _col0."""

MACROS: Final = (
    # In DuckDB, division by zero is null, and the quotient of decimals is a double.
    """CREATE MACRO athena_divide(a, b) AS CASE
    WHEN typeof(a) IN ('DOUBLE', 'FLOAT') OR typeof(b) IN ('DOUBLE', 'FLOAT') THEN CASE WHEN b = 0 THEN
        error('NOT_SUPPORTED: The embedded Athena does not divide a floating-point number by zero.') ELSE a // b END
    WHEN typeof(a) LIKE 'DECIMAL%' OR typeof(b) LIKE 'DECIMAL%' THEN error('NOT_SUPPORTED: The embedded Athena does '
        'not divide decimals, such as 2.0. Write 2e0, or cast to double.')
    WHEN b = 0 THEN error('DIVISION_BY_ZERO: Division by zero')
    ELSE a // b END""",
    """CREATE MACRO athena_remainder(a, b) AS CASE
    WHEN b = 0 THEN error('DIVISION_BY_ZERO: Division by zero') ELSE a % b END""",
    # DuckDB returns an empty text where Athena returns null, and the text of objects, and it fails on what is no JSON.
    """CREATE MACRO athena_regexp_extract(s, p, g) AS CASE
    WHEN regexp_matches(s, p) THEN regexp_extract(s, p, g) END""",
    """CREATE MACRO athena_split_part(s, d, n) AS CASE
    WHEN n < 1 THEN error('INVALID_FUNCTION_ARGUMENT: Index must be greater than zero')
    WHEN n <= len(str_split(s, d)) THEN split_part(s, d, n) END""",
    """CREATE MACRO athena_json_extract_scalar(j, p) AS CASE
    WHEN json_valid(j) THEN CASE WHEN json_type(j, p) NOT IN ('OBJECT', 'ARRAY') THEN j ->> p END END""",
)

# sqlglot's types of the functions that mean the same in both, once they are renamed or changed as below.
_SAME: Final = frozenset({
    exp.Abs, exp.Acos, exp.AnyValue, exp.ApproxDistinct, exp.ApproxQuantile, exp.ArgMax, exp.ArgMin, exp.Array,
    exp.ArrayAgg, exp.ArrayContains, exp.ArrayFilter, exp.ArraySize, exp.ArrayToString, exp.Asin, exp.Atan,
    exp.Avg, exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor, exp.Case, exp.Cast, exp.Cbrt, exp.Ceil, exp.Chr,
    exp.Coalesce, exp.Concat, exp.ConcatWs, exp.Corr, exp.Cos, exp.Count, exp.CountIf, exp.CovarPop,
    exp.CovarSamp, exp.CumeDist, exp.CurrentDate, exp.CurrentTimestamp, exp.Date, exp.DateAdd, exp.DateDiff,
    exp.DateTrunc, exp.Day, exp.DayOfMonth, exp.DayOfWeekIso, exp.DayOfYear, exp.Decode, exp.Degrees,
    exp.DenseRank, exp.Encode, exp.Exists, exp.Exp, exp.Extract, exp.FirstValue, exp.Flatten, exp.Floor,
    exp.FromISO8601Date, exp.FromISO8601Timestamp, exp.GenerateSeries, exp.Greatest, exp.GroupConcat,
    exp.Grouping, exp.Hex, exp.Hour, exp.If, exp.IsNan, exp.JSONExtract, exp.JSONExtractScalar, exp.Lag,
    exp.LastDay, exp.LastValue, exp.Lead, exp.Least, exp.Length, exp.Levenshtein, exp.Ln, exp.Log,
    exp.LogicalAnd, exp.LogicalOr, exp.Lower, exp.MD5Digest, exp.Map, exp.MapKeys, exp.Max, exp.Min, exp.Minute,
    exp.Mod, exp.Month, exp.Normalize, exp.NthValue, exp.Ntile, exp.Nullif, exp.Pad, exp.ParseJSON,
    exp.PercentRank, exp.Pi, exp.Pow, exp.Quarter, exp.Radians, exp.Rand, exp.Rank, exp.RegexpExtract,
    exp.RegexpExtractAll, exp.RegexpLike, exp.RegexpReplace, exp.RegexpSplit, exp.Replace, exp.Reverse,
    exp.Round, exp.RowNumber,
    exp.SHA2Digest, exp.Second, exp.Sin, exp.Split, exp.SplitPart, exp.Sqrt, exp.StartsWith, exp.Stddev,
    exp.StddevPop, exp.StddevSamp, exp.StrPosition, exp.StrToTime, exp.Struct, exp.Substring, exp.Sum, exp.Tan,
    exp.TimeToStr, exp.TimeToUnix, exp.TimestampTrunc, exp.Transform, exp.Trim, exp.Trunc, exp.Try, exp.TryCast,
    exp.Unhex, exp.UnixToTime, exp.Unnest, exp.Upper, exp.Variance, exp.VariancePop, exp.WeekOfYear, exp.Year,
    exp.YearOfWeek,
    exp.And, exp.Or, exp.Xor,  # functions to sqlglot
})  # fmt: skip
_RENAMED: Final = {
    "arrays_overlap": "list_has_any",
    "codepoint": "unicode",
    "every": "bool_and",
    "geometric_mean": "geomean",
    "histogram": "histogram",
    "is_finite": "isfinite",
    "is_infinite": "isinf",
    "json_array_length": "json_array_length",
    "map_concat": "map_concat",
    "map_entries": "map_entries",
    "map_values": "map_values",
}
"""DuckDB's name of each function that sqlglot does not know."""

_NOT_IN_ATHENA: Final = {
    exp.Qualify: "QUALIFY",
    exp.Pivot: "PIVOT",
    exp.ILike: "ILIKE",
    exp.Into: "INTO",
    exp.Lock: "FOR UPDATE",
    exp.AtTimeZone: "AT TIME ZONE: all times are in UTC",
    exp.Command: "this statement",
    exp.MatchRecognize: "MATCH_RECOGNIZE",
    exp.Parameter: "parameters other than ?",
    exp.SessionParameter: "session parameters",
}


_BLANKS: Final = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2008\u2009\u200a"
    "\u2028\u2029\u205f\u3000"
)
"""What trim removes in Athena; DuckDB removes spaces only."""

_REPLACEMENT: Final = re.compile(r"\\.|\$(?:\d+|\{[^}]*\})?|[^$]", re.DOTALL)
"""The parts of the replacement of a regular expression: an escaped character, a group, or a character."""

_UNITS_OF_DATES: Final = ("DAY", "WEEK", "MONTH", "QUARTER", "YEAR")


_MACRO_OF: Final[dict[type[exp.Expr], tuple[str, ...]]] = {
    exp.ArgMax: ("arg_max_null", "this", "expression"),  # arg_max leaves out rows without a value
    exp.ArgMin: ("arg_min_null", "this", "expression"),
    exp.ArraySize: ("len", "this"),
    exp.JSONExtractScalar: ("athena_json_extract_scalar", "this", "expression"),
    exp.RegexpExtract: ("athena_regexp_extract", "this", "expression", "group"),
    exp.SplitPart: ("athena_split_part", "this", "delimiter", "part_index"),
}
"""DuckDB's function or macro, and its arguments, where sqlglot's choice differs."""


@dataclass(frozen=True)
class Version:
    """FOR VERSION AS OF or FOR TIMESTAMP AS OF."""

    kind: str
    expression: str
    """A constant in DuckDB's SQL."""


@dataclass(frozen=True)
class Read:
    """A table that a query reads, at one version."""

    table: TableName
    version: Version | None = None


@dataclass
class Translation:
    """A query in DuckDB's SQL."""

    sql: str = ""
    reads: dict[Read, str] = field(default_factory=dict)
    """Name of each table in the SQL."""
    words: frozenset[str] | None = frozenset()
    """All names in the query, in lower case, so a column that is not among them need not be read; None is all."""


def translate(sql: str, database: str) -> Translation:
    """Translate a query.

    Args:
        sql: The query, without parameters.
        database: The database of tables without one.

    Raises:
        QueryFailedError: It is not SQL, names no database, or has what cannot be translated.

    """
    tree = _parsed(sql)
    for node in tree.walk():
        _refuse_what_differs(node)
    translation = Translation(words=_words(tree))
    tables = [table for table in tree.find_all(exp.Table) if not _is_of_with(table)]
    names = {table.name.lower() for table in tables}
    for table in tables:
        _replace(table, translation.reads, database)
    for reference in tree.find_all(exp.Column):
        if reference.table.lower() in names:  # the table has its name as alias, without the database
            reference.set("db", None)
            reference.set("catalog", None)
    _name_columns(tree)
    translation.sql = _in_duckdb(tree)
    return translation


def with_parameters(sql: str, parameters: Sequence[str]) -> str:
    """Return a query with its `?` replaced by parameters, which are constants in SQL.

    Raises:
        QueryFailedError: There are more or fewer, or one is not a constant.

    """
    places = [token for token in _tokens(sql) if token.token_type == TokenType.PLACEHOLDER]
    if len(places) != len(parameters):
        raise QueryFailedError(
            f"INVALID_PARAMETER_USAGE: line 1:1: Incorrect number of parameters: expected {len(places)} but found "
            f"{len(parameters)}"
        )
    for token, parameter in reversed(list(zip(places, parameters, strict=True))):
        sql = sql[: token.start] + _constant(parameter) + sql[token.end + 1 :]
    return sql


def parameters_of(using: str) -> list[str]:
    """Return the parameters of EXECUTE ... USING, which commas separate."""
    if not using.strip():
        return []
    row = _parsed(f"SELECT {using}")
    return [each.sql("athena") for each in row.expressions]


def _constant(sql: str) -> str:
    tree = _parsed(f"SELECT {sql}")
    (value, *more) = tree.expressions or [None]
    parts = {"expressions": tree.expressions}
    given = {key for key, arg in tree.args.items() if arg and key not in parts}
    if value is None or more or given or value.find(exp.Column, exp.Query, exp.Star, exp.Placeholder):
        raise QueryFailedError(f"INVALID_PARAMETER_USAGE: line 1:1: The parameter {sql} is not a constant")
    return sql if isinstance(value, exp.Literal) else f"({sql})"


def _tokens(sql: str) -> Iterable[Token]:
    try:
        return sqlglot.tokenize(sql, dialect="athena")
    except TokenError as error:
        raise _syntax_error(error) from None


def _parsed(sql: str) -> exp.Expr:
    try:
        trees = sqlglot.parse(sql, dialect="athena")
    except (ParseError, TokenError) as error:
        raise _syntax_error(error) from None
    if len(trees) > 1:
        raise QueryFailedError("Only one sql statement is allowed. Got: " + sql)
    tree = trees[0]
    if not isinstance(tree, exp.Query | exp.Values):
        raise not_supported(f"{type(tree).__name__.upper()} as a query")
    return tree


def _syntax_error(error: ParseError | TokenError) -> QueryFailedError:
    found: dict[str, Any] = next(iter(error.errors if isinstance(error, ParseError) else []), {})
    word = str(found.get("highlight") or "")
    if not found.get("line"):
        return QueryFailedError(f"SYNTAX_ERROR: {str(error).splitlines()[0]}")
    place = f"line {found['line']}:{max(1, int(found['col']) - len(word) + 1)}"  # sqlglot gives the end of the word
    if str(found["description"]).startswith("Required keyword"):
        return QueryFailedError(f"{place}: mismatched input after '{word}'. Expecting: <expression>")
    return QueryFailedError(f"{place}: mismatched input '{word}'. {found['description']}")


def _refuse_what_differs(node: exp.Expr) -> None:
    """Raise an error for what sqlglot reads and Athena does not, and for functions that are not known to be alike."""
    if isinstance(node, tuple(_NOT_IN_ATHENA)):
        raise not_supported(next(text for kind, text in _NOT_IN_ATHENA.items() if isinstance(node, kind)))
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Dot):
        raise QueryFailedError(f"SYNTAX_ERROR: line 1:1: Too many dots in table name: {node.sql('athena')}")
    if isinstance(node, exp.Table) and not isinstance(node.this, exp.Identifier):
        raise not_supported("table functions: FROM takes tables, subqueries, VALUES and UNNEST")
    if isinstance(node, exp.Star) and any(node.args.values()):
        raise not_supported("EXCEPT, REPLACE and RENAME of columns")
    if isinstance(node, exp.Distinct) and node.args.get("on"):
        raise not_supported("DISTINCT ON")
    if isinstance(node, exp.Lateral) and node.args.get("view"):
        raise not_supported("LATERAL VIEW; use CROSS JOIN UNNEST")
    if isinstance(node, exp.DML | exp.DDL) and not isinstance(node, exp.Query):
        raise not_supported(type(node).__name__.upper())
    if isinstance(node, exp.Func) and type(node) not in _SAME:
        name = node.name if isinstance(node, exp.Anonymous) else node.sql_name()
        if not (isinstance(node, exp.Anonymous) and name.lower() in {*_RENAMED, "map_agg"}):
            line, column = node.meta.get("line"), node.meta.get("col")
            at = f"line {line}:{column - len(name) + 1}: " if line and column else ""
            raise QueryFailedError(
                f"FUNCTION_NOT_FOUND: {at}Function '{name.lower()}' not registered in the embedded Athena"
            )


def _is_of_with(table: exp.Table) -> bool:
    """Tell whether a name without database is that of a WITH query that is visible here."""
    if table.args.get("db"):
        return False
    node: exp.Expr | None = table
    inside: exp.Expr | None = None  # the WITH query that the table is in, if it is in one
    while node is not None:
        if isinstance(node, exp.CTE):
            inside = node
        with_ = node if isinstance(node, exp.With) else node.args.get("with_")
        if isinstance(with_, exp.With) and _visible(table, with_, inside):
            return True
        node = node.parent
    return False


def _visible(table: exp.Table, with_: exp.With, inside: exp.Expr | None) -> bool:
    names = [each.alias.lower() for each in with_.expressions]
    here = next((index for index, each in enumerate(with_.expressions) if each is inside), None)
    if here is not None:
        names = names[: here + 1] if with_.args.get("recursive") else names[:here]
    return table.name.lower() in names


def _replace(table: exp.Table, reads: dict[Read, str], database: str) -> None:
    """Put the name under which a table is registered in its place, with its own name as alias."""
    read = Read(TableName.of([part.name for part in table.parts], database), _version(table))
    registered = reads.setdefault(read, f"source {uuid.uuid4()}")  # which no name in the query can hide
    if not table.alias:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name.lower(), quoted=True)))
    table.set("this", exp.to_identifier(registered, quoted=True))
    for key in ("db", "catalog", "version", "when"):
        table.set(key, None)


def _version(table: exp.Table) -> Version | None:
    version = table.args.get("version")
    if not version:
        return None
    if version.args["kind"] != "AS OF" or version.find(exp.Column, exp.Query):
        raise not_supported(f"time travel other than AS OF a constant: {version.sql('athena')}")
    return Version(str(version.this).upper(), _in_duckdb(version.expression.copy()))


def _words(tree: exp.Expr) -> frozenset[str] | None:
    """Return all names in a query; None if it reads columns without naming them."""
    for star in tree.find_all(exp.Star):
        if not isinstance(star.parent, exp.Count):
            return None
    if any(join.method == "NATURAL" for join in tree.find_all(exp.Join)):
        return None
    tables = {table.alias_or_name.lower() for table in tree.find_all(exp.Table)}
    if any(column.name.lower() in tables for column in tree.find_all(exp.Column)):
        return None  # it may be a whole row
    return frozenset(identifier.name.lower() for identifier in tree.find_all(exp.Identifier))


def _name_columns(tree: exp.Expr) -> None:
    """Give a name to each column of the result that has none, to recognize it later."""
    while isinstance(tree, exp.SetOperation | exp.Subquery):
        tree = tree.this
    if isinstance(tree, exp.Select):
        tree.set(
            "expressions",
            [
                each
                if isinstance(each, exp.Alias | exp.Column | exp.Star | exp.Dot)
                else exp.alias_(each, f"{UNNAMED}{index}", quoted=True)
                for index, each in enumerate(tree.expressions)
            ],
        )


def _function(node: exp.Expr) -> exp.Expr:
    """Return what stands for a function or operator in DuckDB where sqlglot changes too little."""
    for kinds, change in _CHANGES:
        if isinstance(node, kinds):
            return change(node)
    return node


def _division(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Div) and node.find_ancestor(exp.Try):
        return exp.IntDiv(this=node.this, expression=node.expression)  # null for zero; TRY refuses what may raise
    macro = "athena_divide" if isinstance(node, exp.Div) else "athena_remainder"
    return exp.Anonymous(this=macro, expressions=[node.this, node.expression])


def _date(node: exp.Expr) -> exp.Expr:
    cast = _is_date(node) and not isinstance(node.parent, exp.Cast)
    return exp.cast(node.copy(), "date") if cast else node


def _normalized(node: exp.Expr) -> exp.Expr:
    form = node.args.get("form")
    if form and form.name.upper() != "NFC":
        raise not_supported(f"normalize to {form.name}, only to NFC")
    return exp.Anonymous(this="nfc_normalize", expressions=[node.this])


def _trimmed(node: exp.Expr) -> exp.Expr:
    if not node.args.get("expression"):
        node.set("expression", exp.Literal.string(_BLANKS))
    return node


def _whole_units(node: exp.Expr) -> exp.Expr:
    """Return the difference in whole units, as Athena counts; DuckDB's date_diff counts the limits that are crossed."""
    unit = exp.Literal.string(node.text("unit") or "day")
    return exp.Anonymous(this="date_sub", expressions=[unit, node.expression, node.this])


def _replaced(node: exp.Expr) -> exp.Expr:
    """Return the replacement of all matches; DuckDB replaces the first, and has another notation for groups."""
    replacement = node.args.get("replacement") or exp.Literal.string("")
    if not (isinstance(replacement, exp.Literal) and replacement.is_string):
        raise not_supported("regexp_replace with a replacement that is not a constant")
    parts = _REPLACEMENT.findall(replacement.name)
    if unknown := next((part for part in parts if part.startswith("$") and not re.fullmatch(r"\$\d", part)), None):
        raise not_supported(f"{unknown} in a replacement, only $0 to $9; write \\$ for a dollar sign")
    text = "".join("\\" + part[1] if part[0] == "$" else part[-1].replace("\\", "\\\\") for part in parts)
    arguments = [node.this, node.expression, exp.Literal.string(text), exp.Literal.string("g")]
    return exp.Anonymous(this="regexp_replace", expressions=arguments)


def _macro(node: exp.Expr) -> exp.Expr:
    macro, *arguments = _MACRO_OF[type(node)]
    if unknown := {key for key, value in node.args.items() if isinstance(value, exp.Expr)} - set(arguments):
        raise not_supported(f"the argument {min(unknown)} of {type(node).__name__}")
    return exp.Anonymous(this=macro, expressions=[node.args[each] for each in arguments])


def _renamed(node: exp.Expr) -> exp.Expr:
    if node.name.lower() == "map_agg":
        lists = [exp.Anonymous(this="list", expressions=[each]) for each in node.expressions]
        return exp.Anonymous(this="map", expressions=lists)
    node.set("this", _RENAMED.get(node.name.lower(), node.name))
    return node


_CHANGES: Final[list[tuple[Any, Callable[[exp.Expr], exp.Expr]]]] = [
    ((exp.Div, exp.Mod), _division),
    ((exp.DateAdd, exp.DateTrunc, exp.TimestampTrunc), _date),
    (exp.DateDiff, _whole_units),
    (exp.Normalize, _normalized),
    (exp.RegexpReplace, _replaced),
    (exp.Trim, _trimmed),
    (tuple(_MACRO_OF), _macro),
    (exp.Anonymous, _renamed),
]
"""Types of nodes, and the function that changes them."""


def _is_date(node: exp.Expr) -> bool:
    """Tell whether an expression is a date by its form: DuckDB adds to a date and gets a timestamp."""
    if isinstance(node, exp.DateAdd | exp.DateTrunc | exp.TimestampTrunc):
        unit = str(node.args.get("unit") or "DAY").upper().strip("'")
        return unit in _UNITS_OF_DATES and _is_date(node.this)
    if isinstance(node, exp.Cast):
        return node.is_type("date")
    return isinstance(node, exp.CurrentDate | exp.Date | exp.FromISO8601Date | exp.LastDay)


def _in_duckdb(tree: exp.Expr) -> str:
    for node in reversed(list(tree.walk(bfs=False))):  # the innermost first
        new = _function(node)
        if node is tree:
            tree = new
        elif new is not node:
            node.replace(new)
    try:
        return tree.sql("duckdb", unsupported_level=ErrorLevel.RAISE)
    except UnsupportedError as error:
        raise not_supported(str(error).splitlines()[0]) from None
