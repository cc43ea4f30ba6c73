"""S3 as a file system for Spark, served to Hadoop's WebHDFS client.

Spark on AWS Glue has a connector to S3 that PySpark does not include; PySpark includes a WebHDFS client, over HTTP. So
jobs read and write the objects themselves, as on AWS, and no copy of a bucket can get out of sync. As in S3, an object
is written completely or not at all, a folder is a common prefix of keys, and a rename is a copy and a deletion.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError
from moto.s3.models import FakeKey
from moto.s3.utils import ARCHIVE_STORAGE_CLASSES
from werkzeug.wrappers import Request, Response

from embedded_aws.authentication import CALLER
from embedded_aws.callers import Callers
from embedded_aws.connection import Credentials

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

ROOT: Final = "/v1/"
# Hadoop's client asks for all of a file from an offset on, reads a part of it, as that of a column, and closes the
# connection to ask for another offset. Whatever has been sent until then was sent in vain, so it is sent bit by bit.
_READ_AT_ONCE: Final = 1 << 17
_DELETE_AT_ONCE: Final = 1000
_BLOCK_SIZE: Final = 128 * 1024**2


class FileSystemError(Exception):
    """An error that Hadoop's client raises as this Java exception."""

    def __init__(self, java_class: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.java_class = java_class
        self.status = status


class WebHdfs:
    """The WSGI application at /webhdfs; a path starts with the bucket."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        request = Request(environ)
        try:
            response = self._answer(request)
        except FileSystemError as error:
            response = _failure(error)
        except ClientError as error:
            response = _failure(_translated(error, request.path.removeprefix(ROOT)))
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        caller: Credentials = request.environ[CALLER]
        bucket, _, key = request.path.removeprefix(ROOT).partition("/")
        name = f"{request.method} {request.args.get('op', '').upper()}"
        if name not in _OPERATIONS:
            raise FileSystemError(
                "java.lang.UnsupportedOperationException", f"The embedded AWS does not support {name}."
            )
        return _OPERATIONS[name](_Operation(self._callers, caller, bucket, key.strip("/"), request))


class _Operation:
    """One operation on one path."""

    def __init__(self, callers: Callers, caller: Credentials, bucket: str, key: str, request: Request) -> None:
        self._s3: S3Client = callers.client("s3", caller)
        self._read_object = functools.partial(callers.read_object, caller, bucket)
        self._list_objects = functools.partial(callers.list_objects, caller, bucket)
        self._bucket = bucket
        self._key = key
        self._request = request

    def status(self) -> Response:
        found = self._find(self._key)
        if found is None:
            raise self._missing()
        return _json({"FileStatus": found})

    def children(self) -> Response:
        return _json({"FileStatuses": {"FileStatus": self._children()}})

    def children_at_once(self) -> Response:
        listing = {"FileStatuses": {"FileStatus": self._children()}}
        return _json({"DirectoryListing": {"partialListing": listing, "remainingEntries": 0}})

    def open(self) -> Response:
        if "offset" not in self._request.args and not self._redirected:
            return self._redirect()
        stored = self._read_object(self._key)
        if stored.storage_class in ARCHIVE_STORAGE_CLASSES and not _is_restored(stored):
            raise FileSystemError("java.io.IOException", f"InvalidObjectState: s3://{self._bucket}/{self._key}", 403)
        start = int(self._request.args.get("offset", 0))
        end = min(stored.size, start + int(self._request.args.get("length", stored.size)))
        response = Response(_read(stored, start, end), content_type="application/octet-stream")
        response.content_length = max(0, end - start)
        return response

    def create(self) -> Response:
        if not self._redirected:  # the client sends the data only after a redirect
            return self._redirect()
        content = self._request.get_data()
        only_new = {} if self._request.args.get("overwrite") == "true" else {"IfNoneMatch": "*"}
        self._s3.put_object(Bucket=self._bucket, Key=self._key, Body=content, **only_new)  # type: ignore[arg-type]
        return Response(status=201)

    def make_folders(self) -> Response:
        return _json({"boolean": True})

    def rename(self) -> Response:
        target = self._request.args["destination"].strip("/").removeprefix(f"{self._bucket}/")
        there = self._find(target)
        if there and there["type"] == "DIRECTORY":
            target = f"{target}/{self._key.rpartition('/')[2]}"
        renamed = [(key, target + key.removeprefix(self._key)) for key in self._keys()]
        for old, new in renamed:
            self._s3.copy_object(Bucket=self._bucket, Key=new, CopySource={"Bucket": self._bucket, "Key": old})
        self._delete([old for old, _ in renamed])
        return _json({"boolean": bool(renamed)})

    def delete(self) -> Response:
        if self._request.args.get("recursive") != "true":
            self._s3.delete_object(Bucket=self._bucket, Key=self._key)
            return _json({"boolean": True})
        keys = list(self._keys())
        self._delete(keys)
        return _json({"boolean": bool(keys)})

    @property
    def _redirected(self) -> bool:
        return "datanode" in self._request.args

    def _redirect(self) -> Response:
        """Redirect the client to the data node, which is this server: it transfers data only after a redirect."""
        here = self._request.environ["RAW_URI"]
        return Response(status=307, headers={"Location": f"{self._request.host_url.rstrip('/')}{here}&datanode="})

    def blocks(self) -> Response:
        none = {"fileLength": 0, "isUnderConstruction": False, "locatedBlocks": [], "isLastBlockComplete": True}
        return _json({"LocatedBlocks": none})

    def home(self) -> Response:
        return _json({"Path": "/"})

    def _find(self, key: str) -> dict[str, Any] | None:
        """Return the status of a file or a folder, or None."""
        if key:
            try:
                return _file("", self._read_object(key))
            except ClientError as error:
                if error.response["Error"]["Code"] != "NoSuchKey":
                    raise
        below, _ = self._list_objects(_folder(key))
        return _directory("") if below or not key else None

    def _children(self) -> list[dict[str, Any]]:
        prefix = _folder(self._key)
        objects, folders = self._list_objects(prefix, "/")
        found = [_file(each.name.removeprefix(prefix), each) for each in objects if each.name != prefix]
        found += [_directory(each.removeprefix(prefix).rstrip("/")) for each in folders]
        if not found:
            itself = self._find(self._key)
            if itself is None:
                raise self._missing()
            return [itself] if itself["type"] == "FILE" else []
        return found

    def _keys(self) -> Iterator[str]:
        """Yield the key itself if it is an object, and all keys below it."""
        itself = self._find(self._key)
        if itself and itself["type"] == "FILE":
            yield self._key
        below, _ = self._list_objects(_folder(self._key))
        yield from (each.name for each in below)

    def _delete(self, keys: list[str]) -> None:
        for start in range(0, len(keys), _DELETE_AT_ONCE):
            objects: list[ObjectIdentifierTypeDef] = [{"Key": key} for key in keys[start : start + _DELETE_AT_ONCE]]
            answer = self._s3.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})
            if errors := answer.get("Errors"):
                raise ClientError({"Error": errors[0]}, "DeleteObjects")

    def _missing(self) -> FileSystemError:
        return FileSystemError(
            "java.io.FileNotFoundException", f"File does not exist: s3://{self._bucket}/{self._key}", 404
        )


_OPERATIONS: Final[dict[str, Callable[[_Operation], Response]]] = {
    "GET GETFILESTATUS": _Operation.status,
    "GET LISTSTATUS": _Operation.children,
    "GET LISTSTATUS_BATCH": _Operation.children_at_once,
    "GET OPEN": _Operation.open,
    "GET GET_BLOCK_LOCATIONS": _Operation.blocks,
    "GET GETHOMEDIRECTORY": _Operation.home,
    "PUT CREATE": _Operation.create,
    "PUT MKDIRS": _Operation.make_folders,
    "PUT RENAME": _Operation.rename,
    "DELETE DELETE": _Operation.delete,
}


def _read(stored: FakeKey, start: int, end: int) -> Iterator[bytes]:
    """Yield the bytes of an object in blocks: moto would copy the whole object for each block."""
    for offset in range(start, end, _READ_AT_ONCE):
        with stored.lock:
            stored._value_buffer.seek(offset)
            block = stored._value_buffer.read(min(_READ_AT_ONCE, end - offset))
        yield block


def _is_restored(stored: FakeKey) -> bool:
    """Tell whether an archived object has been restored: moto checks it in GetObject, which is bypassed here."""
    return 'ongoing-request="false"' in stored.response_dict.get("x-amz-restore", "")


def _folder(key: str) -> str:
    return f"{key}/" if key else ""


def _file(name: str, stored: FakeKey) -> dict[str, Any]:
    modified = stored.last_modified.replace(tzinfo=UTC).timestamp()
    return _status(name, "FILE", "644", stored.size, round(modified * 1000))


def _directory(name: str) -> dict[str, Any]:
    return _status(name, "DIRECTORY", "755", 0, 0)


def _status(name: str, kind: str, permission: str, size: int, modified: int) -> dict[str, Any]:
    return {
        # Hadoop takes the text before a colon for the scheme of a URI, unless a slash comes first.
        "pathSuffix": f"./{name}" if ":" in name else name,
        "type": kind,
        "length": size,
        "modificationTime": modified,
        "accessTime": 0,
        "blockSize": _BLOCK_SIZE,
        "replication": 1,
        "owner": "",
        "group": "",
        "permission": permission,
    }


def _json(content: object, status: int = 200) -> Response:
    return Response(json.dumps(content), status, content_type="application/json")


def _failure(error: FileSystemError) -> Response:
    name = error.java_class.rpartition(".")[2]
    told = {"exception": name, "javaClassName": error.java_class, "message": str(error)}
    return _json({"RemoteException": told}, error.status)


def _translated(error: ClientError, path: str) -> FileSystemError:
    """Return the Hadoop error for an S3 error."""
    code, message = error.response["Error"]["Code"], f"s3://{path}: {error}"
    if code in ("404", "NoSuchKey", "NoSuchBucket"):
        return FileSystemError("java.io.FileNotFoundException", f"File does not exist: s3://{path}", 404)
    if code in ("403", "AccessDenied"):
        return FileSystemError("org.apache.hadoop.security.AccessControlException", message, 403)
    if code == "PreconditionFailed":
        return FileSystemError("org.apache.hadoop.fs.FileAlreadyExistsException", message, 403)
    return FileSystemError("java.io.IOException", message, 500)
