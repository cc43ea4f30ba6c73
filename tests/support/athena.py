"""Queries, as a client of Athena asks them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any


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
