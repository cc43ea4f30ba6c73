"""The Iceberg REST catalog of Glue, on top of the embedded Glue and S3.

Iceberg's GlueCatalog for Spark needs the AWS SDK for Java, which PySpark does not include; its REST client does not.
AWS serves the same API at `/iceberg` of Glue's endpoint. Here pyiceberg's GlueCatalog serves it: a commit checks its
requirements, writes the new metadata to S3, and then updates the pointer in Glue, unless the table has a new version by
then. All of this happens with the caller's keys.
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.exceptions import ClientError
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.catalog.rest import CreateTableRequest
from pyiceberg.exceptions import (
    CommitFailedException,
    NoSuchNamespaceError,
    NoSuchPropertyException,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.exceptions import ValidationError as InvalidMetadataError
from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile, OutputStream
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
from pyiceberg.table import CommitTableRequest, CommitTableResponse, StagedTable, Table
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER
from pyiceberg.table.update import AssertRefSnapshotId, TableRequirement, TableUpdate
from pyiceberg.typedef import Identifier
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from embedded_aws.authentication import CALLER
from embedded_aws.callers import Callers
from embedded_aws.connection import Credentials

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from mypy_boto3_glue.type_defs import TableInputTypeDef, TableTypeDef
    from mypy_boto3_s3 import S3Client

log = logging.getLogger(__name__)

LEVEL: Final = "\x1f"
"""Separates the levels of a namespace in a path."""

_NAMESPACES: Final = "/v1/{prefix}/namespaces"
_TABLES: Final = "/v1/{prefix}/namespaces/{namespace}/tables"
# Method and path per operation. Clients read this list and use nothing else: no views, and no commit to several tables,
# which Glue does not support.
_ENDPOINTS: Final = {
    "config": ("GET", "/v1/config"),
    "list_namespaces": ("GET", _NAMESPACES),
    "load_namespace": ("GET", f"{_NAMESPACES}/{{namespace}}"),
    "namespace_exists": ("HEAD", f"{_NAMESPACES}/{{namespace}}"),
    "list_tables": ("GET", _TABLES),
    "create_table": ("POST", _TABLES),
    "load_table": ("GET", f"{_TABLES}/{{table}}"),
    "table_exists": ("HEAD", f"{_TABLES}/{{table}}"),
    "commit": ("POST", f"{_TABLES}/{{table}}"),
    "drop_table": ("DELETE", f"{_TABLES}/{{table}}"),
}
_KEPT: Final = ("Description", "Owner", "Retention")
_ERRORS: Final[dict[type[Exception], tuple[int, str]]] = {
    NoSuchNamespaceError: (404, "NoSuchNamespaceException"),
    NoSuchTableError: (404, "NoSuchTableException"),
    NoSuchPropertyException: (404, "NoSuchIcebergTableException"),  # a Glue table that is not an Iceberg table
    TableAlreadyExistsError: (409, "AlreadyExistsException"),
    CommitFailedException: (409, "CommitFailedException"),
    NotImplementedError: (400, "BadRequestException"),
    LookupError: (400, "BadRequestException"),
    ValueError: (400, "BadRequestException"),
}


class UnreadableMetadataError(Exception):
    """The metadata file of the catalog's pointer is damaged or missing."""


class IcebergRest:
    """The WSGI application at /iceberg."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers
        self._prefix = f"catalogs/{callers.aws.account_id}"
        self._urls = Map(
            Rule(
                path.format(prefix=self._prefix, namespace="<namespace>", table="<table>"),
                endpoint=operation,
                methods=[method],
            )
            for operation, (method, path) in _ENDPOINTS.items()
        )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        request = Request(environ)
        try:
            response = self._answer(request)
        except HTTPException as error:
            response = _failure(error.code or 500, "BadRequestException", error.description or "")
        except ClientError as error:
            denied = error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException", "403")
            response = _failure(
                *((403, "ForbiddenException") if denied else (500, "ServiceFailureException")), str(error)
            )
        except UnreadableMetadataError as error:
            response = _failure(422, "ValidationException", str(error))
        except tuple(_ERRORS) as error:
            status, kind = next(_ERRORS[base] for base in type(error).__mro__ if base in _ERRORS)
            response = _failure(status, kind, str(error))
        except Exception as error:
            log.exception("%s %s", request.method, request.path)
            response = _failure(500, "ServiceFailureException", f"The embedded AWS failed: {error!r}")
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        operation, names = self._urls.bind_to_environ(request.environ).match()
        if operation == "config":
            endpoints = [" ".join(endpoint) for endpoint in _ENDPOINTS.values()]
            return _json({"defaults": {}, "overrides": {"prefix": self._prefix}, "endpoints": endpoints})
        if LEVEL in names.get("namespace", ""):  # Spark first looks for a table `refs` in the namespace `db.table`
            missing = NoSuchTableError if "table" in names else NoSuchNamespaceError
            raise missing(f"Glue has no databases within databases: {'.'.join(names['namespace'].split(LEVEL))}")
        catalog = Catalog(self._callers, request.environ[CALLER])
        answer: Callable[..., Response] = getattr(_Operation(catalog, request), operation)
        return answer(**names)


class _Operation:
    """The operations; one object per request."""

    def __init__(self, catalog: Catalog, request: Request) -> None:
        self._catalog = catalog
        self._request = request

    def list_namespaces(self) -> Response:
        parent = tuple(filter(None, [self._request.args.get("parent")]))
        return _json({"namespaces": self._catalog.list_namespaces(parent)})

    def load_namespace(self, namespace: str) -> Response:
        properties = self._catalog.load_namespace_properties(namespace)
        return _json({"namespace": [namespace], "properties": properties})

    def namespace_exists(self, namespace: str) -> Response:
        self._catalog.load_namespace_properties(namespace)
        return Response(status=204)

    def list_tables(self, namespace: str) -> Response:
        tables = [{"namespace": [namespace], "name": table} for _, table in self._catalog.list_tables(namespace)]
        return _json({"identifiers": tables})

    def create_table(self, namespace: str) -> Response:
        asked = CreateTableRequest.model_validate_json(self._request.get_data())
        create = self._catalog._create_staged_table if asked.stage_create else self._catalog.create_table
        table: Table = create(
            (namespace, asked.name),
            asked.table_schema,
            asked.location,
            asked.partition_spec or UNPARTITIONED_PARTITION_SPEC,
            asked.write_order or UNSORTED_SORT_ORDER,
            asked.properties,
        )
        return _loaded(table, None if asked.stage_create else table.metadata_location)

    def load_table(self, namespace: str, table: str) -> Response:
        found = self._catalog.load_table((namespace, table))
        return _loaded(found, found.metadata_location)

    def table_exists(self, namespace: str, table: str) -> Response:
        self._catalog.load_table((namespace, table))
        return Response(status=204)

    def commit(self, namespace: str, table: str) -> Response:
        identifier = {"namespace": [namespace], "name": table}
        asked = CommitTableRequest.model_validate_json(
            json.dumps(json.loads(self._request.get_data()) | {"identifier": identifier})
        )
        committed = self._catalog.commit((namespace, table), asked)
        return Response(committed.model_dump_json(), content_type="application/json")

    def drop_table(self, namespace: str, table: str) -> Response:
        if self._request.args.get("purgeRequested", "").lower() == "true":
            raise NotImplementedError(
                "Purge is not supported: a table is dropped without its files. Nothing was dropped."
            )
        self._catalog.drop_table((namespace, table))
        return Response(status=204)


class Catalog(GlueCatalog):
    """pyiceberg's Glue catalog, with the caller's credentials."""

    def __init__(self, callers: Callers, caller: Credentials) -> None:
        super().__init__("glue", callers.client("glue", caller))
        self._callers = callers
        self._caller = caller
        self._replaced: Table | None = None

    def commit(self, identifier: tuple[str, str], request: CommitTableRequest) -> CommitTableResponse:
        """Commit to a table, which need not exist yet: pyiceberg uses only the name of the table given."""
        table = Table(identifier, self._empty_table_metadata(), "", self._load_file_io(), self)
        committed = self.commit_table(table, request.requirements, request.updates)
        if self._replaced:  # pyiceberg leaves this to its client, Iceberg's REST client to the catalog
            self._delete_old_metadata(table.io, self._replaced.metadata, committed.metadata)
        return committed

    def _is_s3tables_database(self, database_name: str) -> bool:  # noqa: ARG002 pyiceberg's signature
        """Save a GetDatabase per commit: Iceberg's own Glue catalog calls none, and jobs are not allowed to."""
        return False

    def _load_file_io(self, *_: object, **__: object) -> FileIO:
        return S3Files(self._callers, self._caller)

    def _update_and_stage_table(
        self,
        current_table: Table | None,
        table_identifier: Identifier,
        requirements: tuple[TableRequirement, ...],
        updates: tuple[TableUpdate, ...],
    ) -> StagedTable:
        """Allow the first commit of a table on any branch, and keep the parents of snapshots, as Iceberg does.

        pyiceberg requires main, and clears the parent of a snapshot if it expires. To Iceberg's client, which then
        deletes the files of expired snapshots, one with another parent is another one: it would take the snapshot
        whose parent has expired for expired too, and delete its manifest list.
        """
        self._replaced = current_table
        if current_table and not current_table.metadata.snapshots:
            requirements = tuple(each for each in requirements if not _requires_absent_ref(each))
        staged = super()._update_and_stage_table(current_table, table_identifier, requirements, updates)
        if current_table:
            known = {snapshot.snapshot_id: snapshot for snapshot in current_table.metadata.snapshots}
            kept = [known.get(snapshot.snapshot_id, snapshot) for snapshot in staged.metadata.snapshots]
            staged.metadata = staged.metadata.model_copy(update={"snapshots": kept})
        return staged

    def _get_glue_table(self, database_name: str, table_name: str) -> TableTypeDef:
        found = self._callers.read_table(self._caller, database_name, table_name)
        if found is None:
            raise NoSuchTableError(f"Table does not exist: {database_name}.{table_name}")
        return cast("TableTypeDef", found)

    def _convert_glue_to_iceberg(self, glue_table: TableTypeDef) -> Table:
        try:
            return super()._convert_glue_to_iceberg(glue_table)
        except (ValueError, InvalidMetadataError, FileNotFoundError) as error:
            location = glue_table.get("Parameters", {}).get("metadata_location")
            raise UnreadableMetadataError(f"The metadata file {location} is damaged or missing: {error}") from error

    def _update_glue_table(
        self, database_name: str, table_name: str, table_input: TableInputTypeDef, version_id: str
    ) -> None:
        """Keep the properties that only Glue knows, as Iceberg's own Glue catalog does and pyiceberg's does not."""
        current = cast("dict[str, Any]", self._get_glue_table(database_name, table_name))
        kept = {key: current[key] for key in _KEPT if key in current}
        wanted = cast("TableInputTypeDef", {**kept, **table_input})
        super()._update_glue_table(database_name, table_name, wanted, version_id)


class S3Files(FileIO):
    """Reads and writes whole S3 objects: a catalog handles metadata files only."""

    def __init__(self, callers: Callers, caller: Credentials) -> None:
        super().__init__()
        self._callers = callers
        self._caller = caller

    def new_input(self, location: str) -> InputFile:
        """Return an object for reading."""
        return S3File(self._callers, self._caller, location)

    def new_output(self, location: str) -> OutputFile:
        """Return an object for writing."""
        return S3File(self._callers, self._caller, location)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Delete an object."""
        place = location if isinstance(location, str) else location.location
        bucket, _, key = place.partition("://")[2].partition("/")
        try:
            self._callers.client("s3", self._caller).delete_object(Bucket=bucket, Key=key)
        except ClientError as error:  # a role need not be allowed to: pyiceberg goes on after an OSError
            raise OSError(str(error)) from error


class S3File(InputFile, OutputFile):
    """One object."""

    def __init__(self, callers: Callers, caller: Credentials, location: str) -> None:
        super().__init__(location)
        self._s3: S3Client = callers.client("s3", caller)
        self._bucket, _, self._key = location.partition("://")[2].partition("/")
        self._find = functools.partial(callers.read_object, caller, self._bucket, self._key)

    def __len__(self) -> int:
        return self._find().size

    def exists(self) -> bool:
        """Tell whether the object exists."""
        try:
            return len(self) >= 0
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            return False

    def open(self, seekable: bool = True) -> InputStream:  # noqa: ARG002
        """Return the content."""
        if not self.exists():
            raise FileNotFoundError(f"{self.location} does not exist")
        return BytesIO(self._find().value)

    def to_input_file(self) -> InputFile:
        """Return the object for reading."""
        return self

    def create(self, overwrite: bool = False) -> OutputStream:  # noqa: ARG002
        """Return a stream; closing it writes its content to the object."""
        return _Upload(self._put)

    def _put(self, content: bytes) -> None:
        self._s3.put_object(Bucket=self._bucket, Key=self._key, Body=content)


class _Upload(BytesIO):
    def __init__(self, put: Callable[[bytes], None]) -> None:
        super().__init__()
        self._put = put

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._put(self.getvalue())
        self.close()


def _requires_absent_ref(requirement: TableRequirement) -> bool:
    return isinstance(requirement, AssertRefSnapshotId) and requirement.snapshot_id is None


def _loaded(table: Table, location: str | None) -> Response:
    placed = {"metadata-location": location} if location else {}
    return _json({**placed, "metadata": table.metadata.model_dump(mode="json")})


def _json(content: object, status: int = 200) -> Response:
    return Response(json.dumps(content), status, content_type="application/json")


def _failure(status: int, kind: str, message: str) -> Response:
    return _json({"error": {"message": message, "type": kind, "code": status}}, status)
