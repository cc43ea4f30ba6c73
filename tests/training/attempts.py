"""Reads, or tries to, whatever standard input names, through the clients in the arguments; prints the outcomes as JSON.

It runs with the credentials of its environment and imports nothing of the project: what a data scientist could write.
"""

# ruff: noqa: S608 - the names in the queries are those of our tables

from __future__ import annotations

import importlib
import io
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from pyiceberg.catalog import load_catalog

ENDPOINT = os.environ["AWS_ENDPOINT_URL"]
WORKGROUP = os.environ["STEDI_WORKGROUP"]
Attempt = Callable[..., object]


def module(name: str) -> Any:
    """Import a client where it is used: no environment has all of them."""
    return importlib.import_module(name)


def table(database: str, name: str) -> Any:
    return load_catalog().load_table((database, name))


def by_boto3(database: str, name: str) -> object:
    athena = boto3.client("athena")
    sql = f'SELECT * FROM "{database}"."{name}" LIMIT 1'
    query = athena.start_query_execution(QueryString=sql, WorkGroup=WORKGROUP)["QueryExecutionId"]
    while (status := athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"])["State"] in (
        "QUEUED",
        "RUNNING",
    ):
        time.sleep(0.1)
    if status["State"] != "SUCCEEDED":
        raise PermissionError(status["StateChangeReason"])
    return athena.get_query_results(QueryExecutionId=query)["ResultSet"]


def by_awswrangler(database: str, name: str) -> object:
    sql = f'SELECT * FROM "{database}"."{name}" LIMIT 1'
    return module("awswrangler").athena.read_sql_query(sql, database=database, workgroup=WORKGROUP, ctas_approach=False)


def by_pyathena(database: str, name: str) -> object:
    connection = module("pyathena").connect(work_group=WORKGROUP, region_name=os.environ["AWS_REGION"])
    return connection.cursor().execute(f'SELECT * FROM "{database}"."{name}" LIMIT 1').fetchall()


def duckdb() -> Any:
    """Return DuckDB with its own S3 client."""
    connection = module("duckdb").connect(config={"autoinstall_known_extensions": "false"})
    for extension in ("httpfs", "avro", "iceberg"):
        package = Path(str(module(f"duckdb_extension_{extension}").__file__)).parent
        connection.load_extension(str(next(package.rglob("*.duckdb_extension"))))
    key, secret, token = (os.environ[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"))
    connection.execute(
        f"CREATE SECRET (TYPE s3, KEY_ID '{key}', SECRET '{secret}', SESSION_TOKEN '{token}', "
        f"REGION '{os.environ['AWS_REGION']}', ENDPOINT '{ENDPOINT.partition('//')[2]}', USE_SSL false, "
        "URL_STYLE 'path')"
    )
    return connection


def by_polars_from_s3(uri: str) -> object:
    options = {
        "aws_access_key_id": os.environ["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"],
        "aws_session_token": os.environ["AWS_SESSION_TOKEN"],
        "aws_region": os.environ["AWS_REGION"],
        "aws_endpoint_url": ENDPOINT,
        "aws_allow_http": "true",
    }
    return module("polars").scan_parquet(uri, storage_options=options).head(1).collect()


def by_file_io(uri: str) -> object:
    io_of = module("pyiceberg.io").load_file_io
    return io_of(load_catalog().properties, uri).new_input(uri).open().read(1)


def object_of(uri: str) -> dict[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return {"Bucket": bucket, "Key": key}


TABLES: dict[str, Attempt] = {
    "boto3": by_boto3,
    "awswrangler": by_awswrangler,
    "PyAthena": by_pyathena,
    "pyiceberg": lambda *name: table(*name).scan(limit=1).to_arrow(),
    "pandas": lambda *name: table(*name).scan(limit=1).to_pandas(),
    "Polars": lambda *name: module("polars").scan_iceberg(table(*name), reader_override="pyiceberg").head(1).collect(),
    "DuckDB": lambda *name: (
        duckdb().execute(f"SELECT count(*) FROM iceberg_scan('{table(*name).metadata_location}')").fetchall()
    ),
}
FILES: dict[str, Attempt] = {
    "boto3": lambda uri: boto3.client("s3").get_object(**object_of(uri)),
    "awswrangler": lambda uri: module("awswrangler").s3.download(uri, io.BytesIO()),
    "pyiceberg": by_file_io,
    "Polars": by_polars_from_s3,
    "DuckDB": lambda uri: duckdb().execute(f"SELECT size FROM read_blob('{uri}')").fetchall(),
}
OTHER: dict[str, dict[str, Attempt]] = {
    "prefixes": {
        "boto3": lambda uri: boto3.client("s3").list_objects_v2(
            Bucket=object_of(uri)["Bucket"], Prefix=object_of(uri)["Key"]
        ),
        "awswrangler": lambda uri: module("awswrangler").s3.list_objects(uri),  # noqa: PLW0108 - imported if used
    },
    "queries": {
        "boto3": lambda query: boto3.client("athena").get_query_results(QueryExecutionId=query),
        "awswrangler": lambda query: module("awswrangler").athena.get_query_results(query),  # noqa: PLW0108
    },
    "workgroups": {"boto3": lambda name: boto3.client("athena").list_query_executions(WorkGroup=name)},
    "logs": {
        "boto3": lambda group, stream: boto3.client("logs").get_log_events(logGroupName=group, logStreamName=stream)
    },
    "secrets": {"boto3": lambda arn: boto3.client("secretsmanager").get_secret_value(SecretId=arn)},
}


def main() -> None:
    """Try everything and print `{client: {kind: {target: "read" or the error}}}`."""
    wanted = json.load(sys.stdin)
    outcomes: dict[str, dict[str, dict[str, str]]] = {}
    for kind, attempts in {"tables": TABLES, "files": FILES, **OTHER}.items():
        for client in set(sys.argv[1:]) & attempts.keys():
            for target in wanted.get(kind, []):
                given = target if isinstance(target, list) else [target]
                try:
                    attempts[client](*given)
                    said = "read"
                except Exception as error:  # noqa: BLE001 - each client has its own
                    said = f"{type(error).__name__}: {error}"
                outcomes.setdefault(client, {}).setdefault(kind, {})[" ".join(given)] = said
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main()
