"""Look up the names of files that messages of the jobs identify by a number, since a name can be an e-mail address."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from lakehouse import file_numbers
from lakehouse.s3_root import split

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def find_names(s3: S3Client, bucket: str, text: str) -> dict[str, str]:
    """Return the keys of the objects and folders with the numbers in a text, by number; deleted objects included."""
    wanted = set(file_numbers.NUMBER.findall(text))
    found: dict[str, str] = {}
    name_of_bucket, prefix = split(bucket)
    versions = s3.get_paginator("list_object_versions")
    pages = versions.paginate(Bucket=name_of_bucket, Prefix=prefix) if wanted else ()
    for page in pages:
        for item in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
            folders = PurePosixPath(item["Key"]).parents
            for name in (item["Key"], *map(str, folders)):  # a message may refer to a folder too
                if (number := file_numbers.of(name)) in wanted:
                    found[number] = name
    return dict(sorted(found.items()))
