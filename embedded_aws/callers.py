"""Clients of Glue and S3 that act for an authenticated caller, within the server's process.

The Iceberg REST catalog and Spark's file system translate their requests into requests to Glue and S3. Each carries the
caller's keys and reaches the service without a connection, so permissions are checked as for any other client. Objects
and tables, which a job reads hundreds of times, come straight from moto's memory after the same permission check: a
request would take fifteen times as long. So do their listings: a job lists the whole bucket several times.
"""

from __future__ import annotations

import copy
import functools
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.core.botocore_stubber import MockRawResponse
from moto.glue.exceptions import EntityNotFoundException
from moto.glue.models import glue_backends
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeKey, s3_backends
from werkzeug.test import EnvironBuilder, run_wsgi_app

from embedded_aws import iam_enforcement
from embedded_aws.connection import Credentials, EmbeddedAws
from embedded_aws.iam_enforcement import Need

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_CONFIG = Config(
    retries={"total_max_attempts": 1},
    s3={"addressing_style": "path"},
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)


class Callers:
    """Makes clients for the authenticated callers: the root user, IAM users and sessions of roles."""

    def __init__(self, app: WSGIApplication, aws: EmbeddedAws) -> None:
        self._app = app
        self.aws = aws
        self._session = boto3.session.Session()  # shared: each session parses the service models
        self._lock = threading.Lock()  # clients are thread-safe, their creation is not

    @functools.lru_cache(maxsize=32)  # noqa: B019 - there is one for the life of the server
    def client(self, service: Any, credentials: Credentials) -> Any:
        """Return a boto3 client with requests that reach the server within this process."""
        with self._lock:
            client = self._session.client(
                service,
                endpoint_url=self.aws.endpoint,
                region_name=self.aws.region,
                aws_access_key_id=credentials.access_key_id,
                aws_secret_access_key=credentials.secret_access_key,
                aws_session_token=credentials.session_token,
                config=_CONFIG,
            )
        client.meta.events.register("before-send", self._deliver)
        return client

    def read_object(self, credentials: Credentials, bucket: str, key: str) -> FakeKey:
        """Return an object from moto's S3.

        Raises:
            ClientError: It does not exist, or the bucket policy or IAM denies it to the caller.

        """
        need = Need("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")
        self._require(credentials, need)
        backend = s3_backends[self.aws.account_id]["aws"]
        found = backend.get_object(bucket, key) if bucket in backend.buckets else None
        if not isinstance(found, FakeKey):
            raise _error(need, "NoSuchKey", f"s3://{bucket}/{key} does not exist.")
        if backend.get_bucket(bucket).get_permission(need.action, need.resource) == PermissionResult.DENIED:
            raise _error(need, "AccessDenied", "Access Denied by the policy of the bucket")
        return found

    def list_objects(
        self, credentials: Credentials, bucket: str, prefix: str, delimiter: str | None = None
    ) -> tuple[list[FakeKey], list[str]]:
        """Return the objects below a prefix, and with a delimiter the common prefixes up to it, both in order.

        Raises:
            ClientError: The bucket does not exist, or IAM denies it to the caller.

        """
        need = Need("s3:ListBucket", f"arn:aws:s3:::{bucket}", {"s3:prefix": prefix})
        self._require(credentials, need)
        found = s3_backends[self.aws.account_id]["aws"].buckets.get(bucket)
        if found is None:
            raise _error(need, "NoSuchBucket", f"The bucket {bucket} does not exist.")
        objects, folders = [], set()
        names = list(dict.keys(found.keys))  # a copy: other requests write meanwhile
        for name in sorted(name for name in names if name.startswith(prefix)):
            head, below, _ = name[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            latest = found.keys.get(name)
            if isinstance(latest, FakeKey):  # else a delete marker, or gone since
                if below:
                    folders.add(f"{prefix}{head}{below}")
                else:
                    objects.append(latest)
        return objects, sorted(folders)

    def read_table(self, credentials: Credentials, database: str, table: str) -> dict[str, Any] | None:
        """Return a table as Glue's API shows it, or None if it does not exist.

        Raises:
            ClientError: IAM denies it to the caller.

        """
        place = f"arn:aws:glue:{self.aws.region}:{self.aws.account_id}:"
        names = ("catalog", f"database/{database}", f"table/{database}/{table}")
        self._require(credentials, *(Need("glue:GetTable", place + name) for name in names))
        try:
            found = glue_backends[self.aws.account_id][self.aws.region].get_table(database, table)
        except EntityNotFoundException:
            return None
        return copy.deepcopy(found.as_dict())

    def databases(self, credentials: Credentials) -> list[str]:
        """Return the names of the databases that the caller may get: GetDatabases of AWS leaves out the others."""
        found = glue_backends[self.aws.account_id][self.aws.region].databases
        return [name for name in list(found) if not self._denial(credentials, "glue:GetDatabase", f"database/{name}")]

    def tables(self, credentials: Credentials, database: str) -> list[dict[str, Any]] | None:
        """Return the tables of a database that the caller may get, as GetTables of AWS; None without the database.

        Raises:
            ClientError: IAM denies the database to the caller.

        """
        if message := self._denial(credentials, "glue:GetDatabase", f"database/{database}"):
            raise _error(Need("glue:GetDatabase", database), "AccessDenied", message)
        found = glue_backends[self.aws.account_id][self.aws.region].databases.get(database)
        if found is None:
            return None
        names = [
            name
            for name in list(found.tables)
            if not self._denial(credentials, "glue:GetTable", f"database/{database}", f"table/{database}/{name}")
        ]
        return [each for name in names if (each := self.read_table(credentials, database, name))]

    def _denial(self, credentials: Credentials, action: str, *names: str) -> str | None:
        place = f"arn:aws:glue:{self.aws.region}:{self.aws.account_id}:"
        needs = [Need(action, place + name) for name in ("catalog", *names)]
        return iam_enforcement.denial(self.aws, credentials, needs)

    def _require(self, credentials: Credentials, *needs: Need) -> None:
        if message := iam_enforcement.denial(self.aws, credentials, needs):
            raise _error(needs[0], "AccessDenied", message)

    def _deliver(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        url = urlsplit(request.url)
        builder = EnvironBuilder(
            path=url.path,
            query_string=url.query,
            base_url=self.aws.endpoint,
            method=request.method,
            headers=[(name, _text(value)) for name, value in request.headers.items()],
            data=_bytes(request.body),
        )
        body, status, answered = run_wsgi_app(self._app, builder.get_environ(), buffered=True)
        headers = HTTPHeaders.from_pairs(answered.items())
        return AWSResponse(request.url, int(status.split()[0]), headers, MockRawResponse(b"".join(body)))


def _error(need: Need, code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, need.action.partition(":")[2])


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _bytes(body: Any) -> bytes:
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else bytes(body.read())
