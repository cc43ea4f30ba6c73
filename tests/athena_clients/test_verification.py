"""Clients of Athena get what Spark reads: for the saved queries, and for those with which public guides verify tables.

awswrangler, PyAthena and the AWS CLI ask the embedded AWS after a whole run. Spark, which shares neither engine nor
reader with it, answers the same queries, translated by sqlglot, on the same snapshots and landing files.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlglot
from pyathena import connect
from pyspark.sql import SparkSession
from sqlglot import exp

from embedded_aws import spark as runtime
from embedded_aws.connection import Credentials
from embedded_aws.hadoop_token import token_file
from lakehouse import aws
from tests.support.athena import ended
from tests.support.project import LANDING_TABLES, REPOSITORY, Project

BIN = REPOSITORY / ".venv-athena-clients" / "bin"
NO_RECORD = "source_table string, reason string, job_run_id string, `file` string, quarantined_at bigint"
"""The quarantine, which is no table of Iceberg: the sample has no record for it."""

GUIDES = [sql for sql in (Path(__file__).parent / "guides.sql").read_text().split(";\n") if sql.strip()]

READ = """
import json, sys
import awswrangler

sqls, database, group = json.loads(sys.argv[1]), *sys.argv[2:]
found = []
for sql in sqls:
    rows = awswrangler.athena.read_sql_query(
        sql, database=database, workgroup=group, ctas_approach=False, athena_query_wait_polling_delay=0.05
    )
    found.append([[None if value != value or value is None else str(value) for value in row]
                  for row in rows.astype(object).where(rows.notna(), None).values.tolist()])
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def lakehouse(project: Project) -> Project:
    if not (BIN / "aws").exists():
        pytest.skip("the clients are not here: make test-athena-clients")
    project.succeed("run", TF_VAR_orchestration="single_job")
    return project


@pytest.fixture(scope="module")
def queries(lakehouse: Project) -> list[str]:
    """The saved queries, but those which create tables, and the guides'."""
    athena, env = lakehouse.client("athena"), lakehouse.environment()
    ids = athena.list_named_queries(WorkGroup=env["STEDI_WORKGROUP"])["NamedQueryIds"]
    saved = [athena.get_named_query(NamedQueryId=each)["NamedQuery"] for each in ids]
    return [
        *(each["QueryString"] for each in saved if not each["Name"].startswith("create_")),
        *(sql.replace("${database}", env["STEDI_DATABASE"]) for sql in GUIDES),
    ]


@pytest.fixture(scope="module")
def answers(lakehouse: Project, queries: list[str], tmp_path_factory: pytest.TempPathFactory) -> list[Counter[Any]]:
    """What Spark answers to each query."""
    with spark_of(lakehouse, tmp_path_factory.mktemp("spark")) as session:
        session.createDataFrame([], NO_RECORD).createOrReplaceTempView("quarantine")
        for table in LANDING_TABLES:
            session.createDataFrame(*landing(lakehouse, table)).createOrReplaceTempView(table)
        env = lakehouse.environment()
        return [rows_of([tuple(row) for row in session.sql(for_spark(sql, env)).collect()]) for sql in queries]


def landing(lakehouse: Project, table: str) -> tuple[list[tuple[Any, ...]], str]:
    """Return rows and schema of the landing files of the sample, as OpenX reads them: in any case of the fields."""
    found = lakehouse.client("glue").get_table(DatabaseName=lakehouse.environment()["STEDI_DATABASE"], Name=table)
    columns = {each["Name"]: each["Type"] for each in found["Table"]["StorageDescriptor"]["Columns"]}
    rows = []
    for file in (lakehouse.root / "build/local/sample" / table.removesuffix("_landing") / "landing").iterdir():
        for line in file.read_text().splitlines():
            record = {key.lower(): value for key, value in json.loads(line.rstrip(",")).items()}
            rows.append(tuple(_typed(record.get(name), kind) for name, kind in columns.items()))
    return rows, ", ".join(f"`{name}` {kind}" for name, kind in columns.items())


def _typed(value: Any, kind: str) -> Any:
    if value is None or (value == "" and kind != "string"):
        return None
    return {"bigint": int, "int": int, "double": float, "string": str}[kind](value)


@contextmanager
def spark_of(lakehouse: Project, folder: Path) -> Iterator[SparkSession]:
    """Yield a session that reads the tables as a job on the embedded AWS does."""
    env = lakehouse.environment()
    credentials = Credentials(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])
    conf = {
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.catalog.lake": "org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.lake.catalog-impl": runtime.GLUE_CATALOG,
        "spark.sql.session.timeZone": "UTC",
    }
    settings = runtime.settings(
        conf,
        buckets=[env["STEDI_BUCKET"]],
        endpoint=env["AWS_ENDPOINT_URL"],
        credentials=credentials,
        work=folder,
        java_options="-XX:+UseSerialGC",
    )
    (folder / "tokens").write_bytes(token_file(credentials, urlsplit(env["AWS_ENDPOINT_URL"]).netloc))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("JAVA_HOME", str(runtime.java_home()))
        environment.setenv("HADOOP_TOKEN_FILE_LOCATION", str(folder / "tokens"))
        builder = SparkSession.builder.appName("verification")
        for key, value in settings.items():
            builder = builder.config(key, value)
        session = builder.getOrCreate()
        yield session
        session.stop()


def for_spark(sql: str, env: dict[str, str]) -> str:
    """Translate a query of Athena for Spark, with files of JSON as views; addresses of the sample are composed."""
    tree = sqlglot.parse_one(sql, dialect="athena")
    ours = {each.alias for each in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if table.name in ours:
            continue
        name, _, metadata = table.name.partition("$")
        parts = [] if name in (*LANDING_TABLES, "quarantine") else ["lake", table.db or env["STEDI_DATABASE"]]
        alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(name))
        column = ".".join(f"`{part}`" for part in filter(None, [*parts, name, metadata]))
        table.replace(exp.maybe_parse(column, into=exp.Table, dialect="spark").as_(alias.this))
    for call in tree.find_all(exp.Normalize):  # Spark has no such function
        call.replace(call.this)
    return tree.sql(dialect="spark")


def rows_of(rows: Sequence[Sequence[Any]]) -> Counter[Any]:
    """Return rows as a client may give them, in one form: numbers to nine digits, instants to the second."""
    return Counter(tuple(_value(each) for each in row) for row in rows)


def _value(value: Any) -> Any:
    if value is None or str(value) in ("", "None", "<NA>", "NaT"):  # a CSV of Athena tells neither from the other
        return None
    try:
        return f"{Decimal(str(value)):.9g}"
    except InvalidOperation:
        return str(value).replace("T", " ").split(".")[0].removesuffix(" UTC").split("+00:00")[0]


def environment(lakehouse: Project) -> dict[str, str]:
    return aws.only(lakehouse.environment() | {"AWS_DEFAULT_REGION": "us-east-1"}, os.environ)


def by_awswrangler(lakehouse: Project, queries: list[str]) -> list[list[list[Any]]]:
    env = lakehouse.environment()
    command = [str(BIN / "python"), "-c", READ, json.dumps(queries), env["STEDI_DATABASE"], env["STEDI_WORKGROUP"]]
    done = subprocess.run(command, env=environment(lakehouse), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[list[list[Any]]] = json.loads(done.stdout)
    return found


def by_pyathena(lakehouse: Project, queries: list[str]) -> list[list[Any]]:
    env = lakehouse.environment()
    connection = connect(
        work_group=env["STEDI_WORKGROUP"],
        schema_name=env["STEDI_DATABASE"],
        region_name=env["AWS_REGION"],
        endpoint_url=env["AWS_ENDPOINT_URL"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        poll_interval=0.05,
    )
    found = []
    for sql in queries:
        with connection.cursor() as cursor:
            found.append(list(cursor.execute(sql).fetchall()))
    return found


def by_cli(lakehouse: Project, queries: list[str]) -> list[list[list[Any]]]:
    env, variables = lakehouse.environment(), environment(lakehouse)

    def cli(*arguments: str) -> Any:
        command = [str(BIN / "aws"), "athena", *arguments, "--output", "json"]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    found = []
    for sql in queries:
        query = cli(
            "start-query-execution", "--work-group", env["STEDI_WORKGROUP"], "--query-string", sql,
            "--query-execution-context", f"Database={env['STEDI_DATABASE']}",
        )["QueryExecutionId"]  # fmt: skip
        ended(lakehouse.client("athena"), query)
        results = cli("get-query-results", "--query-execution-id", query)["ResultSet"]
        found.append([[cell.get("VarCharValue") for cell in row["Data"]] for row in results["Rows"][1:]])
    return found


@pytest.mark.parametrize("client", [by_awswrangler, by_pyathena, by_cli])
def test_a_client_of_athena_gets_what_spark_reads(
    client: Callable[[Project, list[str]], list[Any]],
    lakehouse: Project,
    queries: list[str],
    answers: list[Counter[Any]],
) -> None:
    assert sum(map(len, answers)) > len(queries) > len(GUIDES)
    for sql, rows, expected in zip(queries, client(lakehouse, queries), answers, strict=True):
        assert rows_of(rows) == expected, sql
