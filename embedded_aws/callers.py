"""Clients that act for a caller of the embedded AWS, behind its gate.

The Iceberg REST catalog and the file system of Spark are made of requests to Glue and S3. Each is signed with the keys
of whoever asked and handed to the server without a connection, so that permissions are checked as for any other client.
What a job asks for a hundred times, objects and tables, is read where moto keeps it, after the same check: a request
takes fifteen times as long.
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
from embedded_aws.iam_enforcement import Need
from embedded_aws.process import Credentials, Sandbox

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_CONFIG = Config(
    retries={"total_max_attempts": 1},
    s3={"addressing_style": "path"},
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)


class Callers:
    """All that the gate lets in: the operator, IAM users, and whoever assumed a role."""

    def __init__(self, app: WSGIApplication, sandbox: Sandbox) -> None:
        self._app = app
        self.sandbox = sandbox
        self._session = boto3.session.Session()  # shared, since each would parse the service models anew
        self._lock = threading.Lock()  # clients may be used by many threads, but not made by them

    @functools.lru_cache(maxsize=32)  # noqa: B019 - there is one for the life of the server
    def client(self, service: Any, credentials: Credentials) -> Any:
        """Return a boto3 client whose requests reach the server within this process."""
        with self._lock:
            client = self._session.client(
                service,
                endpoint_url=self.sandbox.endpoint,
                region_name=self.sandbox.region,
                aws_access_key_id=credentials.access_key_id,
                aws_secret_access_key=credentials.secret_access_key,
                aws_session_token=credentials.session_token,
                config=_CONFIG,
            )
        client.meta.events.register("before-send", self._deliver)
        return client

    def read_object(self, credentials: Credentials, bucket: str, key: str) -> FakeKey:
        """Return an object as moto's S3 keeps it.

        Raises:
            ClientError: It is not there, or bucket policy or IAM deny it to the caller.

        """
        need = Need("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")
        self._require(credentials, need)
        backend = s3_backends[self.sandbox.account_id]["aws"]
        found = backend.get_object(bucket, key) if bucket in backend.buckets else None
        if not isinstance(found, FakeKey):
            raise _error(need, "NoSuchKey", f"s3://{bucket}/{key} does not exist.")
        if backend.get_bucket(bucket).get_permission(need.action, need.resource) == PermissionResult.DENIED:
            raise _error(need, "AccessDenied", "Access Denied by the policy of the bucket")
        return found

    def read_table(self, credentials: Credentials, database: str, table: str) -> dict[str, Any] | None:
        """Return a table as Glue shows it, None if there is none.

        Raises:
            ClientError: IAM denies it to the caller.

        """
        place = f"arn:aws:glue:{self.sandbox.region}:{self.sandbox.account_id}:"
        names = ("catalog", f"database/{database}", f"table/{database}/{table}")
        self._require(credentials, *(Need("glue:GetTable", place + name) for name in names))
        try:
            found = glue_backends[self.sandbox.account_id][self.sandbox.region].get_table(database, table)
        except EntityNotFoundException:
            return None
        return copy.deepcopy(found.as_dict())

    def _require(self, credentials: Credentials, *needs: Need) -> None:
        if message := iam_enforcement.denial(self.sandbox, credentials, needs):
            raise _error(needs[0], "AccessDenied", message)

    def _deliver(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        url = urlsplit(request.url)
        builder = EnvironBuilder(
            path=url.path,
            query_string=url.query,
            base_url=self.sandbox.endpoint,
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
