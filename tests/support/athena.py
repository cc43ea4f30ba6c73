"""A small lake of the embedded AWS, and queries as a client of Athena asks them."""

from __future__ import annotations

import gzip
import time
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.table import Table

from embedded_aws.athena.openx_json import SERDE
from tests.support.served import Aws

FORMS = (
    "SELECT * FROM {table}",
    "SELECT count(*) FROM {table}",
    'SELECT * FROM "{database}"."{table}"',
    'SELECT * FROM "AwsDataCatalog"."{database}"."{table}"',
    "SELECT * FROM {table} FOR VERSION AS OF 'main'",
    "SELECT * FROM {table} FOR TIMESTAMP AS OF current_timestamp",
    'SELECT * FROM "{table}$files"',
    'SELECT * FROM "{table}$snapshots"',
    'SELECT * FROM "{table}$history"',
    'SELECT * FROM "{table}$manifests"',
    'SELECT * FROM "{table}$partitions"',
    'SELECT * FROM "{table}$refs"',
    "WITH a AS (SELECT * FROM {table}) SELECT * FROM a",
    "WITH {table} AS (SELECT * FROM {table}) SELECT * FROM {table}",
    "SELECT (SELECT max(name) FROM {table})",
    "VALUES ((SELECT max(name) FROM {table}))",
    "DESCRIBE {table}",
    "SHOW CREATE TABLE {table}",
    "SHOW COLUMNS IN {table}",
    "SHOW TBLPROPERTIES {table}",
    "CREATE TABLE IF NOT EXISTS {table} (a int) LOCATION 's3://x'",
    "ALTER TABLE {table} DROP COLUMN x",
    "SELECT 1 UNION ALL SELECT count(*) FROM {table}",
    "SELECT 1 WHERE 1 = (SELECT count(*) FROM {table})",
    "SELECT 1 FROM (VALUES 1) v CROSS JOIN LATERAL (SELECT * FROM {table}) s",
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM {table})",
)
"""Forms in which a query may name a table that its caller must not read."""


@dataclass(frozen=True)
class Answer:
    """A query that has ended."""

    execution: dict[str, Any]
    columns: list[tuple[str, str]]
    """Name and type of each column."""
    rows: list[list[str | None]]
    """Rows of text, without the header."""

    @property
    def state(self) -> str:
        return str(self.execution["Status"]["State"])

    @property
    def reason(self) -> str:
        return str(self.execution["Status"].get("StateChangeReason", ""))

    @property
    def location(self) -> tuple[str, str]:
        """Bucket and key of the result file."""
        bucket, _, key = self.execution["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").partition("/")
        return bucket, key


def ended(athena: Any, query_id: str, seconds: float = 30) -> dict[str, Any]:
    """Return a query once it has ended."""
    deadline = time.monotonic() + seconds
    while True:
        execution: dict[str, Any] = athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
        if execution["Status"]["State"] in ("SUCCEEDED", "FAILED", "CANCELLED"):
            return execution
        assert time.monotonic() < deadline, execution
        time.sleep(0.01)


def ask(athena: Any, sql: str, **options: Any) -> Answer:
    """Run a query to its end."""
    query_id = athena.start_query_execution(QueryString=sql, **options)["QueryExecutionId"]
    execution = ended(athena, query_id)
    if execution["Status"]["State"] != "SUCCEEDED":
        return Answer(execution, [], [])
    pages = list(athena.get_paginator("get_query_results").paginate(QueryExecutionId=query_id))
    columns = [(each["Name"], each["Type"]) for each in pages[0]["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]]
    rows = [[each.get("VarCharValue") for each in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]]
    return Answer(execution, columns, rows[1:] if execution["StatementType"] == "DML" else rows)


PEOPLE = pa.schema([
    pa.field("name", pa.string(), metadata={"doc": "Their name."}),
    pa.field("n", pa.int64()),
    pa.field("x", pa.float64()),
])  # fmt: skip


@dataclass
class Lake:
    """A database with two Iceberg tables and one of JSON, and a workgroup."""

    aws: Aws
    catalog: Catalog
    people: Table
    snapshots: list[int]
    group: str

    @property
    def athena(self) -> Any:
        return self.aws.client("athena")

    def ask(self, sql: str, athena: Any = None, **options: Any) -> Answer:
        context = {"Database": self.aws.name}
        return ask(athena or self.athena, sql, **{"WorkGroup": self.group, "QueryExecutionContext": context, **options})

    def rows(self, sql: str, **options: Any) -> list[list[str | None]]:
        answer = self.ask(sql, **options)
        assert answer.state == "SUCCEEDED", answer.reason
        return answer.rows

    def reason(self, sql: str, athena: Any = None, **options: Any) -> str:
        answer = self.ask(sql, athena, **options)
        assert answer.state == "FAILED", answer.rows
        return answer.reason

    @classmethod
    def new(cls, aws: Aws) -> Lake:
        """Create the tables and the workgroup."""
        key, secret = aws.root
        places = {"endpoint": aws.endpoint, "region": "us-east-1", "access-key-id": key, "secret-access-key": secret}
        settings = {f"{service}.{name}": value for service in ("glue", "s3") for name, value in places.items()}
        catalog = load_catalog("lake", type="glue", **settings)
        people = catalog.create_table((aws.name, "people"), PEOPLE)
        people.append(pa.table({"name": ["Ann", "Bob"], "n": [1, 2], "x": [0.5, None]}, schema=PEOPLE))
        time.sleep(0.01)  # snapshots of one millisecond cannot be told apart by time
        people.append(pa.table({"name": ['Cy "x",\nZoë', ""], "n": [3, None], "x": [1e10, 2.0]}, schema=PEOPLE))
        people.manage_snapshots().create_tag(people.history()[0].snapshot_id, "first").commit()
        catalog.create_table((aws.name, "secrets"), PEOPLE).append(
            pa.table({"name": ["hidden"], "n": [7], "x": [7.0]}, schema=PEOPLE)
        )
        s3 = aws.client("s3")
        s3.put_object(Bucket=aws.name, Key="landing/a.json", Body=b'{"Name":"Ann","n":1}\n{"name":"Bob","n":"2"},\n')
        s3.put_object(Bucket=aws.name, Key="landing/b/c.json.gz", Body=gzip.compress(b'{"name":"Cy","n":3}'))
        for ignored in (
            "landing/_started",
            "landing/.a.json",
            "landing/_x/a.json",
            "landing/empty.json",
            "landing2/a.json",
        ):
            s3.put_object(Bucket=aws.name, Key=ignored, Body=b"" if "empty" in ignored else b"no JSON")
        s3.put_object(Bucket=aws.name, Key="landing/old.json", Body=b"no JSON", StorageClass="GLACIER")
        columns = [{"Name": "name", "Type": "string", "Comment": "Their name."}, {"Name": "n", "Type": "bigint"}]
        storage = {
            "Columns": columns,
            "Location": f"s3://{aws.name}/landing/",
            "SerdeInfo": {"SerializationLibrary": SERDE},
        }
        table = {
            "Name": "land",
            "TableType": "EXTERNAL_TABLE",
            "StorageDescriptor": storage,
            "Parameters": {"EXTERNAL": "TRUE"},
        }
        aws.client("glue").create_table(DatabaseName=aws.name, TableInput=table)
        group = f"group-{aws.name}"
        result = {
            "OutputLocation": f"s3://{aws.name}/results/",
            "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"},
        }
        aws.client("athena").create_work_group(
            Name=group, Configuration={"ResultConfiguration": result, "EnforceWorkGroupConfiguration": True}
        )
        return cls(aws, catalog, people, [each.snapshot_id for each in people.history()], group)
