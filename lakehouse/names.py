"""The names of files that messages of the jobs give numbers of, since a name may be somebody's address."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from lakehouse import file_numbers

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def named(s3: S3Client, bucket: str, text: str) -> dict[str, str]:
    """Return the names of the objects and folders, gone ones with an old version included, whose numbers a text has."""
    wanted = set(file_numbers.NUMBER.findall(text))
    found: dict[str, str] = {}
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket) if wanted else ()
    for page in pages:
        for item in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
            folders = PurePosixPath(item["Key"]).parents
            for name in (item["Key"], *map(str, folders)):  # of a folder a message may tell too
                if (number := file_numbers.of(name)) in wanted:
                    found[number] = name
    return dict(sorted(found.items()))
