"""The API of Athena: moto's, with queries that run."""

from __future__ import annotations

import functools
import itertools
import json
import logging
import re
import threading
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from botocore.exceptions import ClientError
from flask import request
from moto.athena.models import WorkGroup
from moto.core.exceptions import JsonRESTError

from embedded_aws.athena import results, statements
from embedded_aws.athena.catalog import CATALOG, columns_of
from embedded_aws.athena.errors import QueryCancelledError, QueryFailedError, denied
from embedded_aws.athena.results import Column, Result
from embedded_aws.authentication import CALLER
from embedded_aws.callers import Callers
from embedded_aws.connection import Credentials
from embedded_aws.moto_gaps.athena import AthenaGaps, invalid

if TYPE_CHECKING:
    from embedded_aws.athena.execution import Execution

log = logging.getLogger(__name__)

_AT_ONCE: Final = 4
"""Queries that run at the same time; more wait in the queue."""
_PAGE: Final = 1000
_CATALOG_PAGE: Final = 50
_FINISHED: Final = ("SUCCEEDED", "FAILED", "CANCELLED")


@dataclass
class QueryExecution:
    """A query, from its start to its result."""

    sql: str
    workgroup: WorkGroup
    context: Mapping[str, str]
    parameters: list[str]
    caller: Credentials
    output: str
    """URI of the folder of the result."""
    encryption: Mapping[str, str]
    limit: int | None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "QUEUED"
    reason: str = ""
    columns: list[Column] = field(default_factory=list)
    is_table: bool = True
    rows: int = 0
    written: int = 0
    scanned: int = 0
    submitted: float = field(default_factory=time.time)
    started: float = 0.0
    completed: float = 0.0
    running: Execution | None = None
    stop_requested: bool = False

    @property
    def location(self) -> str:
        """URI of the result file."""
        kind, _ = statements.kind(self.sql)
        return f"{self.output}{self.id}.{'csv' if kind == 'DML' else 'txt'}"

    def as_dict(self) -> dict[str, Any]:
        """Return the query as GetQueryExecution shows it."""
        kind, substatement = statements.kind(self.sql)
        end = self.completed or time.time()
        queued, engine = (self.started or end) - self.submitted, end - (self.started or end)
        status: dict[str, Any] = {"State": self.status, "SubmissionDateTime": self.submitted}
        if self.reason:
            status["StateChangeReason"] = self.reason
        if self.completed:
            status["CompletionDateTime"] = self.completed
        if self.status == "FAILED":
            status["AthenaError"] = {"ErrorCategory": 2, "Retryable": False, "ErrorMessage": self.reason}
        configuration: dict[str, Any] = {"OutputLocation": self.location}
        if self.encryption:
            configuration["EncryptionConfiguration"] = dict(self.encryption)
        shown = {
            "QueryExecutionId": self.id,
            "Query": self.sql,
            "StatementType": kind,
            "SubstatementType": substatement,
            "ResultConfiguration": configuration,
            "ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": False}},
            "QueryExecutionContext": dict(self.context),
            "Status": status,
            "Statistics": {
                "EngineExecutionTimeInMillis": round(engine * 1000),
                "DataScannedInBytes": self.scanned,
                "TotalExecutionTimeInMillis": round((end - self.submitted) * 1000),
                "QueryQueueTimeInMillis": round(queued * 1000),
                "ResultReuseInformation": {"ReusedPreviousResult": False},
            },
            "WorkGroup": self.workgroup.name,
            "EngineVersion": {
                "SelectedEngineVersion": "AUTO",
                "EffectiveEngineVersion": "Athena engine version 3",
            },
        }
        return {**shown, "ExecutionParameters": self.parameters} if self.parameters else shown


class Queries:
    """Runs queries in threads."""

    def __init__(self, callers: Callers) -> None:
        self.callers = callers
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="athena")
        self._executions: dict[str, QueryExecution] = {}
        self._lock = threading.Lock()

    def start(self, query: QueryExecution) -> None:
        """Queue a query."""
        with self._lock:
            self._executions[query.id] = query
        self._pool.submit(self._run, query)

    def stop(self, query: QueryExecution) -> None:
        """Stop a query; one that has ended stays as it is."""
        with self._lock:
            query.stop_requested = True
            running = query.running
        if running:
            running.stop()

    def close(self) -> None:
        """Stop all queries."""
        with self._lock:
            active = list(self._executions.values())
        for query in active:
            self.stop(query)
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, query: QueryExecution) -> None:
        query.started = time.time()
        state, reason = "SUCCEEDED", ""
        try:
            self._answer(query)
        except QueryCancelledError as error:
            state, reason = "CANCELLED", str(error)
        except QueryFailedError as error:
            state, reason = "FAILED", str(error)
        except ClientError as error:
            state, reason = "FAILED", str(denied(error.response["Error"]["Message"]))
        except Exception as error:
            log.exception("Query %s", query.id)
            state, reason = "FAILED", f"GENERIC_INTERNAL_ERROR: The embedded Athena failed: {error!r}"
        with self._lock:
            query.running = None
            del self._executions[query.id]
        query.completed = time.time()
        query.reason = reason
        query.status = state  # last: a client that sees the end sees all

    def _answer(self, query: QueryExecution) -> None:
        # Two seconds of imports, which only queries need.
        from embedded_aws.athena.execution import Execution, PreparedStatements  # noqa: PLC0415
        from embedded_aws.athena.tables import Lake, Meter  # noqa: PLC0415

        meter = Meter(query.limit)
        athena = self.callers.client("athena", query.caller)
        prepared = PreparedStatements(athena, query.workgroup.name)
        execution = Execution(Lake(self.callers, query.caller, meter), meter, prepared)
        with self._lock:
            query.running = execution
            stopped = query.stop_requested
        if stopped:
            execution.stop()
        query.status = "RUNNING"
        try:
            meter.check()
            if (catalog := query.context.get("Catalog", CATALOG)).lower() != CATALOG:
                raise QueryFailedError(f"CATALOG_NOT_FOUND: Catalog '{catalog}' not found")
            execution.run(
                query.sql,
                query.context.get("Database", ""),
                query.parameters,
                lambda result: self._write(query, result),
            )
        finally:
            query.scanned = meter.scanned

    def _write(self, query: QueryExecution, result: Result) -> None:
        """Write result and metadata to S3, as the caller."""
        query.columns, query.is_table = list(result.columns), result.is_table
        lines = list(results.csv_lines(result))
        content = b"".join(lines)
        query.rows, query.written = len(lines) - query.is_table, len(content)
        self._put(query, query.location, content)
        if result.columns:
            self._put(query, f"{query.location}.metadata", results.metadata(query.id, query.columns))

    def _put(self, query: QueryExecution, location: str, content: bytes) -> None:
        bucket, _, key = location.removeprefix("s3://").partition("/")
        extra = {}
        if option := query.encryption.get("EncryptionOption"):
            extra = {"ServerSideEncryption": {"SSE_S3": "AES256"}.get(option, "aws:kms")}
            if "KmsKey" in query.encryption:
                extra["SSEKMSKeyId"] = query.encryption["KmsKey"]
        self.callers.client("s3", query.caller).put_object(Bucket=bucket, Key=key, Body=content, **extra)

    def read(self, caller: Credentials, query: QueryExecution) -> list[list[str | None]]:
        """Return the rows of a result file, the header of a CSV first."""
        bucket, _, key = query.location.removeprefix("s3://").partition("/")
        return _rows(self.callers.read_object(caller, bucket, key).value, query.is_table)


@functools.lru_cache(maxsize=4)  # a client asks for one page after the other
def _rows(content: bytes, is_table: bool) -> list[list[str | None]]:
    text = content.decode()
    return list(results.parse_csv(text)) if is_table else [[line] for line in text.split("\n")[:-1]]


class EmbeddedAthenaResponse(AthenaGaps):
    """Parses requests about queries."""

    queries: ClassVar[Queries]
    """Set by the server before the first request."""
    tokens: ClassVar[dict[str, str]] = {}
    """Id of the query of each ClientRequestToken, with which a client may repeat a request."""

    def start_query_execution(self) -> str:
        """StartQueryExecution."""
        token = self._get_param("ClientRequestToken")
        if token in self.tokens and self.tokens[token] in self.athena_backend.executions:
            return json.dumps({"QueryExecutionId": self.tokens[token]})
        name = self._get_param("WorkGroup") or "primary"
        group = self.athena_backend.work_groups.get(name)
        if group is None:
            raise invalid(f"WorkGroup {name} is not found.")
        if group.state == "DISABLED":
            raise invalid(f"WorkGroup {name} is disabled.")
        place = dict(group.configuration.get("ResultConfiguration") or {})
        if not group.configuration.get("EnforceWorkGroupConfiguration"):
            place |= self._get_param("ResultConfiguration") or {}
        query = QueryExecution(
            sql=self._get_param("QueryString"),
            workgroup=group,
            context=self._get_param("QueryExecutionContext") or {},
            parameters=self._get_param("ExecutionParameters") or [],
            caller=request.environ[CALLER],
            output=self._output(place.get("OutputLocation")),
            encryption=place.get("EncryptionConfiguration") or {},
            limit=group.configuration.get("BytesScannedCutoffPerQuery"),
        )
        self.athena_backend.executions[query.id] = query  # type: ignore[assignment] # in place of moto's
        if token:
            self.tokens[token] = query.id
        self.queries.start(query)
        return json.dumps({"QueryExecutionId": query.id})

    def _output(self, location: str | None) -> str:
        if not location:
            raise invalid(
                "No output location provided. An output location is required either through the Workgroup result "
                "configuration setting or as an API input."
            )
        bucket = location.removeprefix("s3://").partition("/")[0]
        try:
            self.queries.callers.client("s3", request.environ[CALLER]).get_bucket_location(Bucket=bucket)
        except ClientError:
            raise invalid(f"Unable to verify/create output bucket {bucket}") from None
        return location.rstrip("/") + "/"

    def _query(self, query_id: str | None = None) -> QueryExecution:
        wanted = query_id or self._get_param("QueryExecutionId")
        found = self.athena_backend.executions.get(wanted)
        if found is None:
            raise invalid(f"QueryExecution {wanted} was not found")
        return cast("QueryExecution", found)

    def get_query_execution(self) -> str:
        """GetQueryExecution."""
        return json.dumps({"QueryExecution": self._query().as_dict()})

    def batch_get_query_execution(self) -> str:
        """BatchGetQueryExecution."""
        ids = self._get_param("QueryExecutionIds")
        known = [each for each in ids if each in self.athena_backend.executions]
        unknown = [
            {
                "QueryExecutionId": each,
                "ErrorCode": "INVALID_INPUT",
                "ErrorMessage": f"QueryExecution {each} was not found",
            }
            for each in ids
            if each not in known
        ]
        found = [self._query(each).as_dict() for each in known]
        return json.dumps({"QueryExecutions": found, "UnprocessedQueryExecutionIds": unknown})

    def list_query_executions(self) -> str:
        """ListQueryExecutions: the newest first."""
        group = self._get_param("WorkGroup") or "primary"
        ids = [each.id for each in map(self._query, self.athena_backend.executions) if each.workgroup.name == group][
            ::-1
        ]
        return self._page("QueryExecutionIds", ids)

    def stop_query_execution(self) -> str:
        """StopQueryExecution."""
        self.queries.stop(self._query())
        return "{}"

    def get_query_results(self) -> str:
        """GetQueryResults: a page of rows, the first of a query with the names of the columns."""
        query = self._query()
        if query.status not in _FINISHED:
            raise invalid(f"Query has not yet finished. Current state: {query.status}")
        if query.status != "SUCCEEDED":
            raise invalid(f"Query did not finish successfully. Final query state: {query.status}")
        try:
            rows = self.queries.read(request.environ[CALLER], query)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                raise invalid("Could not find results") from None
            raise invalid(str(denied(error.response["Error"]["Message"]))) from None
        start, size = int(self._get_param("NextToken") or 0), self._get_param("MaxResults") or _PAGE
        if not 1 <= size <= _PAGE:
            raise invalid(f"MaxResults is {size}, but must be 1 to {_PAGE}")
        page = list(itertools.islice(rows, start, start + size))
        more = {"NextToken": str(start + size)} if start + size < len(rows) else {}
        shown = {
            "Rows": [{"Data": [{} if each is None else {"VarCharValue": each} for each in row]} for row in page],
            "ResultSetMetadata": {"ColumnInfo": [column.as_dict() for column in query.columns]},
        }
        return json.dumps({"UpdateCount": 0, "ResultSet": shown, **more})

    def get_prepared_statement(self) -> str:
        """GetPreparedStatement: moto fails on a missing one."""
        self._prepared()
        return super().get_prepared_statement()

    def delete_prepared_statement(self) -> str:
        """DeletePreparedStatement."""
        del self.athena_backend.prepared_statements[self._prepared()]
        return "{}"

    def _prepared(self) -> str:
        """Return the name of a prepared statement that exists in the workgroup."""
        name, group = self._get_param("StatementName"), self._get_param("WorkGroup")
        found = self.athena_backend.prepared_statements.get(name)
        if found is None or getattr(found.workgroup, "name", found.workgroup) != group:
            raise JsonRESTError("ResourceNotFoundException", f"PreparedStatement {name} was not found in {group}")
        return str(name)

    # The catalog, which is that of Glue

    def list_databases(self) -> str:
        """ListDatabases: those that the caller may see."""
        names = self.queries.callers.databases(request.environ[CALLER])
        return self._page("DatabaseList", [{"Name": name} for name in sorted(names)])

    def get_database(self) -> str:
        """GetDatabase."""
        name = self._get_param("DatabaseName")
        self._tables(name)
        return json.dumps({"Database": {"Name": name}})

    def list_table_metadata(self) -> str:
        """ListTableMetadata: the tables that the caller may see, by name."""
        wanted = re.compile(self._get_param("Expression") or ".*")
        found = [each for each in self._tables(self._get_param("DatabaseName")) if wanted.fullmatch(each["Name"])]
        return self._page("TableMetadataList", sorted(found, key=lambda each: str(each["Name"])))

    def get_table_metadata(self) -> str:
        """GetTableMetadata."""
        name = self._get_param("TableName")
        for table in self._tables(self._get_param("DatabaseName")):
            if table["Name"] == name:
                return json.dumps({"TableMetadata": table})
        raise JsonRESTError("MetadataException", f"EntityNotFoundException: Table {name} not found.")

    def _tables(self, database: str) -> list[dict[str, Any]]:
        """Return the tables of a database as Athena describes them."""
        try:
            found = self.queries.callers.tables(request.environ[CALLER], database)
        except ClientError as error:
            raise JsonRESTError("MetadataException", error.response["Error"]["Message"]) from None
        if found is None:
            raise JsonRESTError("MetadataException", f"EntityNotFoundException: Database {database} not found.")
        return [
            {
                "Name": table["Name"],
                "TableType": table.get("TableType", ""),
                "Columns": [
                    {key: column[key] for key in ("Name", "Type", "Comment") if column.get(key)}
                    for column in columns_of(table)
                ],
                "PartitionKeys": [],
                "Parameters": {
                    **table.get("Parameters", {}),
                    "location": table["StorageDescriptor"].get("Location", ""),
                },
            }
            for table in found
        ]

    def _page(self, key: str, items: list[Any]) -> str:
        start, size = int(self._get_param("NextToken") or 0), self._get_param("MaxResults") or _CATALOG_PAGE
        more = {"NextToken": str(start + size)} if start + size < len(items) else {}
        return json.dumps({key: items[start : start + size], **more})

    def get_query_runtime_statistics(self) -> str:
        """GetQueryRuntimeStatistics: what was measured, without stages."""
        query = self._query()
        times = query.as_dict()["Statistics"]
        timeline = {key: value for key, value in times.items() if key.endswith("InMillis")}
        rows = {"InputBytes": query.scanned, "OutputBytes": query.written, "OutputRows": query.rows}
        return json.dumps({"QueryRuntimeStatistics": {"Timeline": timeline, "Rows": rows}})
