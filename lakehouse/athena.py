"""Queries through Athena, in the workgroup of the engineers."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from lakehouse.aws import CONFIG
from lakehouse.errors import LakehouseError
from lakehouse.terraform import Outputs

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0


class QueryError(LakehouseError):
    """Athena refused a query, or the query did not succeed."""


@dataclass(frozen=True)
class Rows:
    """The result of a query; None is null."""

    columns: Sequence[str]
    """Names; none of a statement without result."""
    rows: Iterator[Sequence[str | None]]
    """Fetched page by page, once."""
    seconds: float
    scanned: int
    """Bytes."""


class Athena:
    """Runs queries on the tables of an environment."""

    def __init__(self, client: Any, outputs: Outputs, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._outputs = outputs
        self._sleep = sleep

    @classmethod
    def of(cls, session: boto3.Session, outputs: Outputs) -> Athena:
        """Return Athena for an AWS session."""
        return cls(session.client("athena", config=CONFIG), outputs)

    def query(self, sql: str) -> Rows:
        """Run a query to its end; if it is interrupted, stop it.

        Raises:
            QueryError: It was refused, it failed, or it was cancelled.

        """
        started = time.monotonic()
        try:
            query_id = self._client.start_query_execution(
                QueryString=sql,
                WorkGroup=self._outputs.athena_workgroup,
                QueryExecutionContext={"Catalog": "AwsDataCatalog", "Database": self._outputs.database},
            )["QueryExecutionId"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidRequestException":
                raise
            raise QueryError(f"Athena refused the query: {error.response['Error']['Message']}") from error
        execution = self._ended(query_id)
        status = execution["Status"]
        if status["State"] != "SUCCEEDED":
            reason = status.get("StateChangeReason", "no reason was given")
            raise QueryError(f"The query {'failed' if status['State'] == 'FAILED' else 'was cancelled'}: {reason}")
        scanned = execution.get("Statistics", {}).get("DataScannedInBytes", 0)
        columns, rows = self._result(query_id)
        return Rows(columns, rows, time.monotonic() - started, scanned)

    def _ended(self, query_id: str) -> dict[str, Any]:
        pause = _FIRST_PAUSE
        try:
            while True:
                execution: dict[str, Any] = self._client.get_query_execution(QueryExecutionId=query_id)[
                    "QueryExecution"
                ]
                if execution["Status"]["State"] in ("SUCCEEDED", "FAILED", "CANCELLED"):
                    return execution
                self._sleep(pause)
                pause = min(pause * 1.5, _LONGEST_PAUSE)
        except KeyboardInterrupt:
            with suppress(ClientError):
                self._client.stop_query_execution(QueryExecutionId=query_id)
            raise

    def _result(self, query_id: str) -> tuple[list[str], Iterator[list[str | None]]]:
        pages = iter(self._client.get_paginator("get_query_results").paginate(QueryExecutionId=query_id))
        first = next(pages)["ResultSet"]
        columns = [column["Name"] for column in first["ResultSetMetadata"]["ColumnInfo"]]
        rows = itertools.chain(first["Rows"], (row for page in pages for row in page["ResultSet"]["Rows"]))
        texts = (_split([value.get("VarCharValue") for value in row["Data"]], len(columns)) for row in rows)
        head = next(texts, None)
        if head is None or head == columns:  # a query's first row has the names; that of SHOW is a row
            return columns, texts
        return columns, itertools.chain([head], texts)


def _split(values: list[str | None], columns: int) -> list[str | None]:
    """Split the one text in which DESCRIBE returns a row."""
    if len(values) == 1 < columns and values[0] is not None:
        return [part.strip() for part in values[0].split("\t")]
    return values
