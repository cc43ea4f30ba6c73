"""S3 as the jobs use it for their bucket, answered from a folder: for jobs that run in the test's process."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError


@dataclass
class FolderS3:
    """A bucket that is a folder; its name in requests is not looked at."""

    folder: Path

    def get_paginator(self, operation: str) -> FolderS3:
        """Return what lists the objects."""
        assert operation == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: N803 - as boto3 has it
        """Yield one page with the objects below a prefix."""
        top = self.folder / Prefix.rpartition("/")[0]
        files = sorted(path for path in top.rglob("*") if path.is_file()) if top.is_dir() else []
        found = {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in files}
        yield {
            "Contents": [
                {"Key": key, "Size": len(content), "ETag": hashlib.md5(content).hexdigest()}  # noqa: S324 - as S3 does
                for key, content in found.items()
                if key.startswith(Prefix) and not key.endswith(".crc")
            ]
        }

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        """Return an object."""
        file = self.folder / Key
        if not file.is_file():
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "There is no such key."}}, "GetObject")
        return {"Body": io.BytesIO(file.read_bytes())}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:  # noqa: N803
        """Write an object."""
        (self.folder / Key).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / Key).write_bytes(Body)

    def delete_object(self, *, Bucket: str, Key: str) -> None:  # noqa: N803
        """Delete an object, whether it exists or not."""
        (self.folder / Key).unlink(missing_ok=True)

    def delete_objects(self, *, Bucket: str, Delete: Mapping[str, Sequence[Mapping[str, str]]]) -> dict[str, Any]:  # noqa: N803
        """Delete objects, whether they exist or not, and folders that become empty."""
        for item in Delete["Objects"]:
            path = self.folder / item["Key"]
            path.unlink(missing_ok=True)
            with suppress(OSError):  # the first that is not empty
                for folder in path.relative_to(self.folder).parents:
                    (self.folder / folder).rmdir()
        return {}
