# ruff: noqa: E501 - a query is best read on one line
"""Athena's SQL in the embedded Athena, on tables in memory: results and failures as Athena's documentation has them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from embedded_aws.athena import statements
from embedded_aws.athena.catalog import TableName
from embedded_aws.athena.errors import QueryCancelledError, QueryFailedError
from embedded_aws.athena.execution import Execution, PreparedStatements
from embedded_aws.athena.results import Result
from embedded_aws.athena.tables import Meter

TABLES = {
    "people": pa.table({
        "name": ["Ann", "Bob", "Cy", None],
        "n": pa.array([1, 2, 3, None], pa.int64()),
        "x": [0.5, None, 1e10, 2.0],
    }),
    "visits": pa.table({"name": ["Ann", "Bob"], "place": ["Rome", "Oslo"]}),
    "commits": pa.table({
        "id": [1, 2],
        "summary": pa.array([{"rows": "5"}, {"rows": "7", "by": "me"}], pa.map_(pa.string(), pa.string())),
    }),
}  # fmt: skip


class TablesInMemory:
    """Stands for the lake; records which columns are read."""

    def __init__(self) -> None:
        self.read_columns: dict[str, list[str]] = {}

    def read(self, name: TableName, words: frozenset[str] | None, snapshot: Any) -> pa.Table:
        if name.table not in TABLES or name.database != "lake":
            raise QueryFailedError(f"TABLE_NOT_FOUND: line 1:1: Table '{name}' does not exist")
        table = TABLES[name.table]
        wanted = [each for each in table.column_names if words is None or each in words]
        self.read_columns[name.table] = wanted
        return table.select(wanted) if wanted else pa.table({"name": pa.nulls(len(table))})


class Prepared(PreparedStatements):
    """Prepared statements in a dictionary."""

    def __init__(self, statements_: dict[str, str]) -> None:
        self.statements = statements_

    def get(self, name: str) -> str:
        if name not in self.statements:
            raise QueryFailedError(f"NOT_FOUND: Prepared statement not found: {name}")
        return self.statements[name]

    def set(self, name: str, sql: str) -> None:
        self.statements[name] = sql


def execution_on(lake: TablesInMemory, meter: Meter, prepared: dict[str, str]) -> Execution:
    return Execution(lake, meter, Prepared(prepared))  # type: ignore[arg-type]


class Asked:
    """One query, with its result."""

    def __init__(self, sql: str, *parameters: str, prepared: dict[str, str] | None = None) -> None:
        self.lake, self.meter = TablesInMemory(), Meter(None)
        self.columns: list[tuple[str, str]] = []
        self.rows: list[Any] = []
        execution = execution_on(self.lake, self.meter, {} if prepared is None else prepared)
        execution.run(sql, "lake", parameters, self._keep)

    def _keep(self, result: Result) -> None:
        self.columns = [(column.name, column.type) for column in result.columns]
        self.rows = [list(row) for row in result.rows]


def failure(sql: str, *parameters: str) -> str:
    with pytest.raises(QueryFailedError) as caught:
        Asked(sql, *parameters)
    return str(caught.value)


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT name FROM people WHERE n = 1", [["Ann"]]),
        ('SELECT "Name" FROM "LAKE"."People" WHERE N = 1', [["Ann"]]),
        ("SELECT awsdatacatalog.lake.people.name FROM awsdatacatalog.lake.people LIMIT 1", [["Ann"]]),
        ("SELECT lake.people.name FROM lake.people LIMIT 1;", [["Ann"]]),
        ("-- a comment\n/* another */ SELECT count(*) FROM people", [["4"]]),
        ("SELECT count(*), count(n), sum(n), avg(x), max(name) FROM people", [["4", "3", "6", "3.3333333341666665E9", "Cy"]]),
        ("SELECT n FROM people ORDER BY n DESC", [["3"], ["2"], ["1"], [None]]),
        ("SELECT n FROM people ORDER BY n", [["1"], ["2"], ["3"], [None]]),
        ("SELECT n FROM people ORDER BY n DESC NULLS FIRST OFFSET 1 LIMIT 2", [["3"], ["2"]]),
        ("SELECT people.name, place FROM people JOIN visits ON people.name = visits.name ORDER BY 1", [["Ann", "Rome"], ["Bob", "Oslo"]]),
        ("SELECT name, n, place FROM people JOIN visits USING (name) WHERE n = 2", [["Bob", "2", "Oslo"]]),
        ("SELECT place FROM people NATURAL JOIN visits WHERE n = 2", [["Oslo"]]),
        ("SELECT count(*) FROM people CROSS JOIN visits", [["8"]]),
        ("SELECT p.name FROM people p LEFT JOIN visits v ON p.name = v.name WHERE v.name IS NULL AND n = 3", [["Cy"]]),
        ("SELECT name FROM people WHERE n IN (SELECT max(n) FROM people)", [["Cy"]]),
        ("SELECT name FROM people p WHERE EXISTS (SELECT 1 FROM visits v WHERE v.name = p.name) ORDER BY 1", [["Ann"], ["Bob"]]),
        ("SELECT (SELECT max(n) FROM people)", [["3"]]),
        ("SELECT n > 1, count(*) FROM people WHERE n > 0 GROUP BY n > 1 HAVING count(*) > 1", [["true", "2"]]),
        ("SELECT n FROM people GROUP BY ROLLUP(n) HAVING n = 1", [["1"]]),
        ("WITH people AS (SELECT name FROM people WHERE n = 1) SELECT * FROM people", [["Ann"]]),
        ("WITH a AS (SELECT 1 AS n), b AS (SELECT n + 1 AS n FROM a) SELECT a.n, b.n FROM a, b", [["1", "2"]]),
        ("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT sum(n) FROM r", [["15"]]),
        ("SELECT n FROM people WHERE n < 3 UNION SELECT 5 EXCEPT SELECT 1 ORDER BY 1", [["2"], ["5"]]),
        ("(SELECT 1) UNION ALL SELECT 1", [["1"], ["1"]]),
        ("SELECT DISTINCT n > 0 FROM people WHERE n > 0", [["true"]]),
        ("VALUES (1, 'a'), (2, 'b')", [["1", "a"], ["2", "b"]]),
        ("SELECT * FROM (VALUES (1, 'a')) AS t(k, v)", [["1", "a"]]),
        ("SELECT y, o FROM UNNEST(ARRAY[10, 20]) WITH ORDINALITY AS u(y, o)", [["10", "1"], ["20", "2"]]),
        ("SELECT name, y FROM people CROSS JOIN UNNEST(ARRAY[7]) AS u(y) WHERE n = 1", [["Ann", "7"]]),
        ("SELECT n, row_number() OVER (ORDER BY n), lag(n) OVER (ORDER BY n), sum(n) OVER (ORDER BY n) FROM people WHERE n < 3 ORDER BY 1", [["1", "1", None, "1"], ["2", "2", "1", "3"]]),
        ("SELECT max(n) FILTER (WHERE n < 3) FROM people", [["2"]]),
        ("SELECT id, element_at(summary, 'by'), summary['rows'] FROM commits ORDER BY id", [["1", None, "5"], ["2", "me", "7"]]),
        ("SELECT max_by(element_at(summary, 'rows'), id), min_by(id, id) FROM commits", [["7", "1"]]),
        # Numbers
        ("SELECT 7/2, -7/2, 7/2e0, n/2 FROM people WHERE n = 3", [["3", "-3", "3.5", "1"]]),
        ("SELECT 7 % 3, mod(-7, 3), try(1/0), abs(-1), power(2, 3), sqrt(4), cbrt(8)", [["1", "-1", None, "1", "8.0", "2.0", "2.0"]]),
        ("SELECT round(2.5e0), round(2.567e0, 2), ceil(1.2e0), floor(-1.2e0), log10(100), ln(1), log2(8), exp(0)", [["3.0", "2.57", "2.0", "-2.0", "2.0", "0.0", "3.0", "1.0"]]),
        ("SELECT greatest(1, 2), least(1, NULL), bitwise_and(6, 3), bitwise_or(6, 3), bitwise_xor(6, 3)", [["2", None, "2", "7", "5"]]),
        ("SELECT CAST(1 AS decimal(5,2)), 1.50, 1e-4, 1e7, CAST(5 AS double), 123456.789e0", [["1.00", "1.50", "1.0E-4", "1.0E7", "5.0", "123456.789"]]),
        ("SELECT 9/2/2, 10 - 7/(1 + 9/4), transform(ARRAY[9], y -> y/2), round(7/2), (9/2) % 3", [["2", "8", "[4]", "3", "1"]]),
        # Text
        ("SELECT concat('a', 'b'), concat('a', NULL), 'a' || 'b', substr('hello', 2, 3), strpos('hello', 'l')", [["ab", None, "ab", "ell", "3"]]),
        ("SELECT split_part('a,b', ',', 2), split('a,b', ','), upper('a'), trim(' a '), replace('aab', 'a', 'x'), reverse('ab')", [["b", "[a, b]", "A", "a", "xxb", "ba"]]),
        ("SELECT length('abc'), lpad('a', 3, 'x'), chr(65), codepoint('A'), starts_with('abc', 'ab'), levenshtein_distance('a', 'b')", [["3", "xxa", "A", "65", "true", "1"]]),
        ("SELECT regexp_like('abc', 'b.'), regexp_extract('abc', 'b(.)', 1), regexp_extract_all('a1b2', '[0-9]')", [["true", "c", "[1, 2]"]]),
        ("SELECT normalize('e\u0301') = '\u00e9', lower(normalize(trim(' E '), NFC)), 'abc' LIKE 'a%', 'a_c' LIKE 'a#_%' ESCAPE '#'", [["true", "e", "true", "true"]]),
        ("SELECT to_utf8('ab'), to_hex(to_utf8('ab')), from_utf8(to_utf8('z'))", [["61 62", "6162", "z"]]),
        ("SELECT json_extract_scalar('{\"a\":{\"b\":1}}', '$.a.b'), json_array_length('[1,2]')", [["1", "2"]]),
        # Where DuckDB has another result for the same name
        ("SELECT regexp_extract('abc', 'x'), split_part('a,b', ',', 5), split_part('a,b', ',', 2), trim(' a\t\n'), ltrim(' a '), trim(BOTH 'x' FROM 'xax')", [[None, None, "b", "a", "a ", "a"]]),
        ("SELECT date_diff('month', date '2020-01-31', date '2020-02-01'), date_diff('day', timestamp '2020-01-01 23:00:00', timestamp '2020-01-02 01:00:00'), date_diff('year', date '2019-12-31', date '2020-12-31')", [["0", "0", "1"]]),
        ("SELECT max_by(v, k), min_by(v, k) FROM (VALUES (1, 'a'), (2, NULL)) AS t(k, v)", [[None, "a"]]),
        ("SELECT json_extract_scalar('{\"a\":{\"b\":1}}', '$.a'), json_extract_scalar('no JSON', '$.a'), json_extract_scalar('{\"a\":null}', '$.a'), json_extract_scalar('[\"x\"]', '$[0]')", [[None, None, None, "x"]]),
        (r"SELECT regexp_replace('aba', 'a'), regexp_replace('a-b', '(\w)-(\w)', '$2-$1'), regexp_replace('aa', 'a', '\$\\$0')", [["b", "b-a", "$\\a$\\a"]]),
        # Time
        ("SELECT from_unixtime(1655293787680/1e3), to_unixtime(from_unixtime(5))", [["2022-06-15 11:49:47.680 UTC", "5.0"]]),
        ("SELECT date '2020-01-31', timestamp '2020-01-01 10:00:00', date_add('day', 1, date_add('day', 1, date '2020-01-31'))", [["2020-01-31", "2020-01-01 10:00:00.000", "2020-02-02"]]),
        ("SELECT date_trunc('month', date '2020-05-05'), date_trunc('hour', timestamp '2020-05-05 10:59:00')", [["2020-05-01", "2020-05-05 10:00:00.000"]]),
        ("SELECT date_diff('day', date '2020-01-01', date '2020-02-01'), year(date '2020-01-01'), day_of_week(date '2020-01-05'), extract(hour FROM timestamp '2020-05-05 10:00:00')", [["31", "2020", "7", "10"]]),
        ("SELECT date_format(timestamp '2020-05-05 10:30:07', '%Y-%m-%d %H:%i:%s'), date_parse('2020-05', '%Y-%m')", [["2020-05-05 10:30:07", "2020-05-01 00:00:00.000"]]),
        ("SELECT from_iso8601_timestamp('2020-05-05T10:00:00Z') + interval '1' day", [["2020-05-06 10:00:00.000 UTC"]]),
        ("SELECT current_date = CAST(current_timestamp AS date), now() = current_timestamp", [["true", "true"]]),
        # Arrays, maps and rows
        ("SELECT ARRAY[1, NULL], MAP(ARRAY['a'], ARRAY[1]), ROW(1, 'x'), CAST(ROW(1) AS ROW(a bigint))", [["[1, null]", "{a=1}", "{field0=1, field1=x}", "{a=1}"]]),
        ("SELECT cardinality(ARRAY[1, 2]), contains(ARRAY[1], 1), ARRAY[5, 6][1], element_at(ARRAY[1], 2), sequence(1, 3)", [["2", "true", "5", None, "[1, 2, 3]"]]),
        ("SELECT transform(ARRAY[1, 2], x -> x + 1), filter(ARRAY[1, 2], x -> x > 1), flatten(ARRAY[ARRAY[1], ARRAY[2]])", [["[2, 3]", "[2]", "[1, 2]"]]),
        ("SELECT arrays_overlap(ARRAY[1], ARRAY[1, 2]), map_keys(MAP(ARRAY['a'], ARRAY[1])), map_values(MAP(ARRAY['a'], ARRAY[1]))", [["true", "[a]", "[1]"]]),
        ("SELECT array_agg(n ORDER BY n DESC), array_join(array_agg(n ORDER BY n), ','), map_agg(name, n) FROM people WHERE n < 3", [["[2, 1]", "1,2", "{Ann=1, Bob=2}"]]),
        # Aggregates and conditions
        ("SELECT count_if(n > 1), bool_and(n > 0), bool_or(n > 2), every(n > 0), count(DISTINCT n), approx_distinct(n), sum(DISTINCT n) FROM people", [["2", "true", "true", "true", "3", "3", "6"]]),
        ("SELECT stddev(n), variance(n), var_pop(n), histogram(n) FROM people WHERE n < 3", [["0.7071067811865476", "0.5", "0.25", "{1=1, 2=1}"]]),
        ("SELECT listagg(name, '|') WITHIN GROUP (ORDER BY name) FROM people WHERE n < 3", [["Ann|Bob"]]),
        ("SELECT if(true, 1, 2), if(false, 1), CASE WHEN 1 = 1 THEN 'a' END, coalesce(NULL, 1), nullif(1, 1), try_cast('a' AS bigint), 1 BETWEEN 0 AND 2", [["1", None, "a", "1", None, None, "true"]]),
        ("SELECT * FROM people TABLESAMPLE BERNOULLI (100) WHERE n = 1", [["Ann", "1", "0.5"]]),
    ],
)  # fmt: skip
def test_a_query_has_its_result(sql: str, rows: list[list[str | None]]) -> None:
    assert Asked(sql).rows == rows


def test_columns_have_names_and_types_of_athena() -> None:
    asked = Asked(
        "SELECT n, count(*), sum(n), avg(n), max(x) AS m, true, 'a', date '2020-01-01', CAST(1 AS decimal(5,2)), 1, "
        "array_agg(n), map_agg(n, n), ROW(1), from_unixtime(1), timestamp '2020-01-01 00:00:00', to_utf8('a') "
        "FROM people WHERE n = 1 GROUP BY n"
    )
    types = ["bigint", "bigint", "bigint", "double", "double", "boolean", "varchar", "date", "decimal", "integer"]
    types += ["array", "map", "row", "timestamp with time zone", "timestamp", "varbinary"]
    names = ["n", "_col1", "_col2", "_col3", "m", *(f"_col{index}" for index in range(5, 16))]
    assert asked.columns == list(zip(names, types, strict=True))
    assert Asked("SELECT *, 1 FROM visits").columns[-1] == ("_col2", "integer")
    assert [name for name, _ in Asked("VALUES (1, 2)").columns] == ["_col0", "_col1"]
    assert [name for name, _ in Asked("(SELECT 1) UNION ALL SELECT 2").columns] == ["_col0"]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELEKT nonsense", "line 1:1: mismatched input 'SELEKT'. Expecting: 'ALTER',"),
        ("-- why\n  SELEKT nonsense", "line 2:3: mismatched input 'SELEKT'."),
        ("", "line 1:1: mismatched input '<EOF>'."),
        ("42", "line 1:1: mismatched input '42'."),
        ("SELECT * FROM people WHERE", "line 1:22: mismatched input after 'WHERE'. Expecting: <expression>"),
        ("SELECT * FROM people WHERE n = = 1", "line 1:32: mismatched input"),
        ("SELECT 'a", "SYNTAX_ERROR: "),
        ("SELECT 1; SELECT 2", "Only one sql statement is allowed. Got: SELECT 1; SELECT 2"),
        ("SELECT nope FROM people", "COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved"),
        ("SELECT p.nope FROM people p", "COLUMN_NOT_FOUND: line 1:10: Column 'nope' cannot be resolved"),
        ("SELECT q.n FROM people p", "COLUMN_NOT_FOUND: line 1:8: Column 'q' cannot be resolved"),
        ("SELECT name FROM people, visits", "AMBIGUOUS_NAME: line 1:8: Column 'name' is ambiguous"),
        ("SELECT *\nFROM nope", "TABLE_NOT_FOUND: line 2:6: Table 'awsdatacatalog.lake.nope' does not exist"),
        ("SELECT * FROM awsdatacatalog.a.b.people", "SYNTAX_ERROR: line 1:1: Too many dots in table name"),
        ('DESCRIBE "people$files"', "NOT_SUPPORTED: The embedded Athena does not support this statement for metadata"),
        ("SELECT * FROM other.lake.people", "CATALOG_NOT_FOUND: line 1:1: Catalog 'other' not found"),
        ("SELECT name, n FROM people GROUP BY name", "EXPRESSION_NOT_AGGREGATE: line 1:14: 'n' must be an aggregate"),
        ("SELECT CAST('a' AS bigint)", "INVALID_CAST_ARGUMENT: "),
        ("SELECT CAST(9223372036854775807 AS bigint) + 1", "NUMERIC_VALUE_OUT_OF_RANGE: "),
        ("SELECT 1/0", "DIVISION_BY_ZERO: Division by zero"),
        ("SELECT n % 0 FROM people", "DIVISION_BY_ZERO: Division by zero"),
        ("SELECT (SELECT n FROM people)", "SUBQUERY_MULTIPLE_ROWS: Scalar sub-query has returned multiple rows"),
        ("SELECT foo(1)", "FUNCTION_NOT_FOUND: line 1:8: Function 'foo' not registered in the embedded Athena"),
        ("SELECT nfc_normalize('a')", "FUNCTION_NOT_FOUND: line 1:8: Function 'nfc_normalize' not registered"),
        ("SELECT regexp_replace('a', 'a', name) FROM people", "NOT_SUPPORTED: The embedded Athena does not support regexp_replace with"),
        ("SELECT regexp_replace('a', 'a', '${x}')", "NOT_SUPPORTED: The embedded Athena does not support ${x} in a replacement"),
        ("SELECT regexp_replace('a', 'a', '$12')", "NOT_SUPPORTED: The embedded Athena does not support $12 in a replacement"),
        # Silently another result in DuckDB
        ("SELECT 7.5/2", "NOT_SUPPORTED: The embedded Athena does not divide decimals"),
        ("SELECT 1e0/0", "NOT_SUPPORTED: The embedded Athena does not divide a floating-point number by zero."),
        ("SELECT split_part('a', ',', 0)", "INVALID_FUNCTION_ARGUMENT: Index must be greater than zero"),
        ("SELECT max_by(n, n, 2) FROM people", "NOT_SUPPORTED: The embedded Athena does not support the argument count"),
        ("SELECT timestamp '2020-01-01 00:00:00' AT TIME ZONE 'UTC'", "NOT_SUPPORTED: The embedded Athena does not support AT TIME ZONE"),
        ("SELECT repeat('a', 2)", "FUNCTION_NOT_FOUND: line 1:8: Function 'repeat' not registered"),
        ("SELECT normalize('a', NFKC)", "NOT_SUPPORTED: The embedded Athena does not support normalize to NFKC"),
        # sqlglot or DuckDB reads it, Athena does not
        ("SELECT * FROM 'people.csv'", "TABLE_NOT_FOUND: "),
        ("SELECT 'a' ILIKE 'A'", "NOT_SUPPORTED: The embedded Athena does not support ILIKE."),
        ("SELECT DISTINCT ON (n) name FROM people", "NOT_SUPPORTED: The embedded Athena does not support DISTINCT ON."),
        ("SELECT * EXCEPT (n) FROM people", "NOT_SUPPORTED: The embedded Athena does not support EXCEPT, REPLACE"),
        ("SELECT n FROM people FOR UPDATE", "NOT_SUPPORTED: The embedded Athena does not support FOR UPDATE."),
        ("SELECT n INTO copied FROM people", "NOT_SUPPORTED: The embedded Athena does not support INTO."),
        # Statements
        *((f"{sql} people", f"NOT_SUPPORTED: {sql.split()[0]}") for sql in ("INSERT INTO", "DELETE FROM", "UPDATE", "MERGE INTO", "VACUUM", "OPTIMIZE", "MSCK REPAIR TABLE", "TRUNCATE TABLE", "ANALYZE")),
        ("UNLOAD (SELECT 1) TO 's3://x'", "NOT_SUPPORTED: UNLOAD. The embedded Athena reads tables"),
        ("CREATE TABLE copied AS SELECT 1", "NOT_SUPPORTED: CREATE TABLE. The embedded Athena reads tables, and adds"),
        ("CREATE VIEW v AS SELECT 1", "NOT_SUPPORTED: CREATE VIEW. "),
        ("CREATE NONSENSE x", "line 1:1: mismatched input 'CREATE'."),
        ("DROP TABLE people", "NOT_SUPPORTED: DROP TABLE. "),
        ("ALTER TABLE people SET TBLPROPERTIES ('a'='b')", "NOT_SUPPORTED: ALTER TABLE. "),
        ("EXPLAIN SELECT 1", "NOT_SUPPORTED: The embedded Athena does not support EXPLAIN."),
        ("SHOW NONSENSE", "NOT_SUPPORTED: The embedded Athena does not support this form of SHOW: SHOW NONSENSE."),
        ("WITH x AS (DELETE FROM people) SELECT 1", ""),
    ],
)  # fmt: skip
def test_a_query_that_fails_says_why(sql: str, reason: str) -> None:
    assert failure(sql).startswith(reason)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_parquet('s3://bucket/x')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM parquet_scan('x')",
        "SELECT * FROM iceberg_scan('s3://bucket/x')",
        "SELECT * FROM duckdb_settings()",
        "SELECT * FROM duckdb_tables",
        "SELECT * FROM sqlite_master",
        "SELECT * FROM pg_class",
        'SELECT * FROM "source 0"',
        "SELECT * FROM pragma_version()",
        "SELECT getenv('HOME')",
        "SELECT current_setting('home_directory')",
        "SELECT query('SELECT 1')",
        "SELECT * FROM query_table('people')",
        "SELECT * FROM TABLES",
        "SELECT (SELECT max(a) FROM read_csv('/etc/passwd') t(a))",
        "WITH a AS (SELECT * FROM read_json('/etc/passwd')) SELECT * FROM a",
        "SELECT 1 UNION ALL SELECT count(*) FROM read_parquet('s3://bucket/x')",
        "COPY people TO '/tmp/stolen'",
        "ATTACH '/tmp/x.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "PRAGMA version",
        "SET enable_external_access = true",
        "EXPORT DATABASE '/tmp/stolen'",
        "CALL pragma_version()",
    ],
)
def test_no_query_reaches_anything_but_tables(sql: str) -> None:
    assert failure(sql)


def test_the_engine_reaches_nothing_even_if_the_translation_let_it() -> None:
    execution = execution_on(TablesInMemory(), Meter(None), {})
    with execution._connected() as connection:
        for sql in (
            "SELECT * FROM read_text('/etc/hostname')",
            "SELECT * FROM '/etc/hostname'",
            "SELECT * FROM read_parquet('s3://bucket/x')",
            "SELECT * FROM read_csv('http://127.0.0.1:1/')",
            "COPY (SELECT 1) TO '/tmp/stolen'",
            "ATTACH '/tmp/x.db'",
            "LOAD httpfs",
            "SET enable_external_access = true",
            "SELECT * FROM TABLES",  # a variable of this module
        ):
            with pytest.raises(Exception, match=r"Error"):
                connection.sql(sql).fetchall()


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("SELECT name FROM people WHERE n = 1", ["name", "n"]),
        ("SELECT count(*) FROM people", []),
        ("SELECT * FROM people", ["name", "n", "x"]),
        ("SELECT p.* FROM people p", ["name", "n", "x"]),
        ("SELECT count(*) FROM people JOIN visits USING (name)", ["name"]),
        ("SELECT count(*) FROM people NATURAL JOIN visits", ["name", "n", "x"]),
        ("SELECT p FROM people p", ["name", "n", "x"]),
    ],
)
def test_only_columns_that_a_query_names_are_read(sql: str, columns: list[str]) -> None:
    assert Asked(sql).lake.read_columns["people"] == columns


def test_parameters_are_constants_in_order_of_the_question_marks() -> None:
    sql = "SELECT ? AS a, name FROM people WHERE n = ? OR name = ? ORDER BY name LIMIT ?"
    assert Asked(sql, "'?'", "-1 + 2", "'Bob'", "2").rows == [["?", "Ann"], ["?", "Bob"]]
    assert "expected 4 but found 1" in failure(sql, "1")
    assert "expected 0 but found 1" in failure("SELECT '?'", "1")
    assert "expected 0 but found 1" in failure("SHOW TABLES IN lake", "1")
    for evil in (
        "1) OR (1 = 1",
        "name",
        "(SELECT max(n) FROM people)",
        "1, 2",
        "1 FROM people",
        "*",
        "?",
        "1; SELECT 2",
    ):
        assert failure("SELECT name FROM people WHERE n = ?", evil)


def test_prepared_statements() -> None:
    prepared: dict[str, str] = {}
    Asked("PREPARE mine FROM SELECT name FROM people WHERE n = ? OR name = ?", prepared=prepared)
    assert Asked("EXECUTE mine USING 1, 'Bob'", prepared=prepared).rows == [["Ann"], ["Bob"]]
    with pytest.raises(QueryFailedError, match="expected 2 but found 1"):
        Asked("EXECUTE mine USING 1", prepared=prepared)
    assert failure("EXECUTE yours") == "NOT_FOUND: Prepared statement not found: yours"
    prepared["read"] = "SELECT * FROM read_parquet('s3://bucket/x')"
    with pytest.raises(QueryFailedError, match="table functions"):
        Asked("EXECUTE read", prepared=prepared)


def test_a_stopped_query_ends() -> None:
    execution = execution_on(TablesInMemory(), Meter(None), {})
    execution.stop()
    with pytest.raises(QueryCancelledError):
        execution.run("SELECT 1", "lake", [], lambda _: None)


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("SELECT 1", ("DML", "SELECT")),
        (" -- x\n(SELECT 1)", ("DML", "SELECT")),
        ("WITH a AS (SELECT 1) SELECT * FROM a", ("DML", "SELECT")),
        ("SHOW TABLES", ("UTILITY", "SHOW_TABLES")),
        ("DESC x", ("UTILITY", "DESCRIBE")),
        ("CREATE EXTERNAL TABLE x (a int)", ("DDL", "CREATE_TABLE")),
        ("ALTER TABLE x DROP COLUMN y", ("DDL", "ALTER_TABLE")),
        ("INSERT INTO x SELECT 1", ("DML", "INSERT")),
    ],
)
def test_statements_are_classified(sql: str, kind: tuple[str, str]) -> None:
    assert statements.kind(sql) == kind


@pytest.mark.parametrize(
    ("sql", "statement"),
    [
        ("SHOW DATABASES LIKE 'a*'", statements.Show("DATABASES", pattern="a*")),
        ("show tables in `Lake` 'a|b'", statements.Show("TABLES", "lake", pattern="a|b")),
        ("SHOW COLUMNS FROM t IN other", statements.Show("COLUMNS", table=TableName("other", "t"))),
        ("DESCRIBE awsdatacatalog.lake.t", statements.Describe(TableName("lake", "t"))),
        (
            "ALTER TABLE t ADD COLUMNS (`a` decimal(5, 2) COMMENT 'it''s, (new)', b int)",
            statements.AlterColumns(
                TableName("lake", "t"), add=(("a", "decimal(5, 2)", "it's, (new)"), ("b", "int", ""))
            ),
        ),
        (
            "ALTER TABLE t CHANGE COLUMN fate outcome string COMMENT 'x'",
            statements.AlterColumns(TableName("lake", "t"), change=("fate", "outcome", "string", "x")),
        ),
        (
            "ALTER TABLE t DROP COLUMN `a`",
            statements.AlterColumns(TableName("lake", "t"), drop="a"),
        ),
    ],
)
def test_statements_that_are_no_queries_are_parsed(sql: str, statement: statements.Statement) -> None:
    assert statements.parse(sql, "lake") == statement


def test_a_table_needs_a_database() -> None:
    with pytest.raises(QueryFailedError, match="Schema must be specified when session schema is not set"):
        TableName.of(["t"], "")
    with pytest.raises(QueryFailedError, match="Schema must be specified"):
        statements.parse("SHOW TABLES", "")
