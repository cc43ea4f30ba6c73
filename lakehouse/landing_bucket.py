"""Landing data in another bucket: validated there, and copied to the landing zone by S3 itself.

The operator's own credentials read the source and write the landing zone: S3 wants both permissions of one caller.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lakehouse import landing
from lakehouse.errors import DataError
from lakehouse.s3_root import split
from lakehouse.temporary_files import ignored_because_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REMEDY = f"DATA=s3://<bucket>/<prefix> must have {landing.LAYOUT} below it."
GRANT = "Name the bucket in landing_sources, and attach the policy in the output landing_policy_arn to your role"
URI = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?", re.DOTALL)
LARGEST_COPY = 5 * 1024**3  # bytes that one CopyObject copies
FIRST_BYTES = 65536
ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")


@dataclass(frozen=True)
class S3Folder:
    """A bucket and a prefix in it, which is empty or ends in a slash."""

    bucket: str
    prefix: str

    @classmethod
    def parse(cls, text: str) -> S3Folder | None:
        """Return the folder that a URI names; None if the text is the name of a local folder."""
        if not re.match("s3[an]?:/", text, re.IGNORECASE):
            return None
        found = URI.fullmatch(text)
        if not found:
            raise DataError(f"DATA={text!r} names no bucket, so nothing was done. Write DATA=s3://<bucket>/<prefix>")
        prefix = (found[2] or "").strip("/")
        return cls(found[1], f"{prefix}/" if prefix else "")

    def __str__(self) -> str:
        """Return the URI."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


@dataclass(frozen=True)
class SourceObject:
    """A landing file in its bucket, as it was listed."""

    bucket: str
    key: str
    etag: str
    size: int

    def __str__(self) -> str:
        """Return the URI."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class BucketData:
    """Validated landing data in a bucket: the objects to copy, by object key in the lakehouse."""

    source: S3Folder
    files: Mapping[str, SourceObject]
    left_out: Sequence[str] = ()
    """Non-empty objects that are not landing data by their names."""

    @property
    def name(self) -> str:
        """Where the data is."""
        return str(self.source)

    @property
    def megabytes(self) -> float:
        """Size of all objects."""
        return sum(item.size for item in self.files.values()) / 1e6

    def put(self, s3: S3Client, key: str, to: Mapping[str, str], written: Callable[[int], None]) -> None:
        """Copy an object, content only: as an upload from a folder, it has no metadata and no tags of its source."""
        item = self.files[key]
        source: Any = {"Bucket": item.bucket, "Key": item.key}
        only: Any = {"MetadataDirective": "REPLACE", "TaggingDirective": "REPLACE", "CopySourceIfMatch": item.etag}
        try:
            if item.size <= LARGEST_COPY:
                s3.copy_object(Bucket=to["Bucket"], Key=to["Key"], CopySource=source, **only)
                written(item.size)
            else:
                s3.copy(source, to["Bucket"], to["Key"], ExtraArgs=only, Callback=written)
        except ClientError as error:
            raise DataError(
                f"{item} was not copied: {_reason(error)}. No file was deleted from the landing zone, which may hold "
                "some of the new ones already. Run the command again."
            ) from error


def find(s3: S3Client, source: S3Folder, lakehouse: str) -> BucketData:
    """Validate landing data in a bucket; raise a DataError if it cannot be copied or the jobs could not use it.

    `lakehouse` is the root of the lakehouse that gets the data: see s3_root.
    """
    own, root = split(lakehouse)
    if source.bucket == own and (source.prefix.startswith(root) or root.startswith(source.prefix)):
        raise DataError(f"{source} overlaps the lakehouse s3://{lakehouse} itself. Nothing was copied. {REMEDY}")
    files: dict[str, SourceObject] = {}
    left_out: list[str] = []
    missing = []
    for entity in landing.ENTITIES:
        taken, others = _sort_out(_list(s3, source, f"{source.prefix}{entity}/"), source, entity)
        files |= taken
        left_out += others
        missing += [] if taken else [entity]
    if missing:
        others_shown = f" Left out by their names: {landing.shown(left_out)}." if left_out else ""
        raise DataError(f"{source} has no data for: {', '.join(missing)}.{others_shown} Nothing was copied. {REMEDY}")
    for key, item in files.items():
        landing.refuse_name(f"{root}{key}", str(item))
    with ThreadPoolExecutor(landing.UPLOADS_AT_ONCE) as pool:
        for checked in [pool.submit(_refuse_unreadable, s3, item) for item in files.values()]:
            checked.result()
    return BucketData(source, files, left_out)


def _list(s3: S3Client, source: S3Folder, prefix: str) -> list[Any]:
    try:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=source.bucket, Prefix=prefix)
        return [item for page in pages for item in page.get("Contents", [])]
    except ClientError as error:
        raise DataError(f"{source} cannot be listed: {_reason(error)}. Nothing was copied.") from error


def _sort_out(objects: Sequence[Any], source: S3Folder, entity: str) -> tuple[dict[str, SourceObject], list[str]]:
    """Return an entity's objects by object key in the lakehouse, and those left out, by the rules of a local folder."""
    folder = f"{source.prefix}{entity}/"
    below = f"{folder}landing/"
    base = below if any(item["Key"].startswith(below) for item in objects) else folder
    files, left_out = {}, []
    for item in objects:
        found = SourceObject(source.bucket, item["Key"], item["ETag"], item["Size"])
        path = found.key.removeprefix(base) if found.key.startswith(base) else ""
        if not found.size:
            continue
        if not path.endswith(landing.SUFFIXES) or ignored_because_of(path):
            left_out.append(str(found))
            continue
        if item.get("StorageClass") in ARCHIVES:
            raise DataError(f"{found} is archived ({item['StorageClass']}). Nothing was copied. Restore it first.")
        files[f"{landing.prefix(entity)}{path}"] = found
    return files, left_out


def _refuse_unreadable(s3: S3Client, item: SourceObject) -> None:
    """Raise a DataError if an object cannot be read: better now than in a job minutes later."""
    wanted = FIRST_BYTES if item.key.endswith(".gz") else 1
    try:
        answer = s3.get_object(
            Bucket=item.bucket, Key=item.key, Range=f"bytes=0-{min(wanted, item.size) - 1}", IfMatch=item.etag
        )
        start = answer["Body"].read()
    except ClientError as error:
        raise DataError(f"{item} cannot be read: {_reason(error)}. Nothing was copied.") from error
    if item.key.endswith(".gz"):
        stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            whole = bool(stream.decompress(start, 1)) or stream.eof
        except zlib.error as error:
            raise DataError(f"{item} is not gzip: {error}. Nothing was copied. Replace or remove it.") from error
        if not whole:
            raise DataError(f"{item} ends before its first byte of data. Nothing was copied. Replace or remove it.")


_REASONS: Mapping[str, Callable[[str], str]] = {
    "NoSuchBucket": lambda _: "there is no such bucket",
    "NoSuchKey": lambda _: "it is gone since it was listed",
    "PreconditionFailed": lambda _: "it has changed since it was listed",
    "412": lambda _: "it has changed since it was listed",
    "AccessDenied": lambda message: f"access is denied ({message}). {GRANT}; a bucket of another account must allow it",
    "403": lambda message: f"access is denied ({message}). {GRANT}; a bucket of another account must allow it",
}


def _reason(error: ClientError) -> str:
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", str(error))
    explain = _REASONS.get(code)
    return explain(message) if explain else f"{code}: {message}"
