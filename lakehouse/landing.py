"""The landing zone: what is accepted as landing data, and how it gets into the bucket."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.errors import DataError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ENTITIES = ("customer", "accelerometer", "step_trainer")
SUFFIXES = (".json", ".json.gz")
LAYOUT = (
    "customer/landing/, accelerometer/landing/ and step_trainer/landing/ with files *.json or *.json.gz of JSON lines"
)
REMEDY = f"DATA must be a folder that holds {LAYOUT}. Without DATA a generated sample is used."
UPLOADS_AT_ONCE = 8
KEYS_PER_DELETE = 1000  # what DeleteObjects takes


@dataclass(frozen=True)
class LandingData:
    """A folder of landing data that has been looked through: what to upload, by object key."""

    folder: Path
    files: Mapping[str, Path]

    @property
    def megabytes(self) -> float:
        """Size of all files."""
        return sum(file.stat().st_size for file in self.files.values()) / 1e6


def prefix(entity: str) -> str:
    """Return the part of the bucket that takes an entity's files."""
    return f"{entity}/landing/"


def find(folder: Path) -> LandingData:
    """Look through a folder of landing data; raise DataError if it cannot be what the jobs expect."""
    if not folder.exists():
        raise DataError(f"The landing folder {folder} does not exist. {REMEDY}")
    if not folder.is_dir():
        raise DataError(f"The landing folder {folder} is a file. {REMEDY}")
    try:
        if not any(folder.iterdir()):
            raise DataError(f"The landing folder {folder} is empty. {REMEDY}")
        found = {entity: _files(folder, entity) for entity in ENTITIES}
    except OSError as error:
        raise DataError(f"The landing folder {folder} cannot be read: {error}.") from error
    missing = [entity for entity, files in found.items() if not files]
    if missing:
        raise DataError(f"The landing folder {folder} has no data for: {', '.join(missing)}. {REMEDY}")
    files = {key: file for entity in found.values() for key, file in entity.items()}
    for file in files.values():
        _look_into(file)
    return LandingData(folder, files)


def stale_keys(s3: S3Client, bucket: str, data: LandingData) -> list[str]:
    """Return the keys that now lie in the landing zone and are not of this data."""
    pages = s3.get_paginator("list_objects_v2")
    return [
        item["Key"]
        for entity in ENTITIES
        for page in pages.paginate(Bucket=bucket, Prefix=prefix(entity))
        for item in page.get("Contents", [])
        if item["Key"] not in data.files
    ]


def replace(s3: S3Client, bucket: str, data: LandingData) -> None:
    """Make the landing zone hold exactly this data: first upload all of it, then delete what is not of it."""
    with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
        uploads = [pool.submit(s3.upload_file, str(file), bucket, key) for key, file in data.files.items()]
    for upload in uploads:
        upload.result()
    stale = stale_keys(s3, bucket, data)
    for start in range(0, len(stale), KEYS_PER_DELETE):
        keys = stale[start : start + KEYS_PER_DELETE]
        response = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True})
        if failed := response.get("Errors"):
            raise DataError(
                f"{len(failed)} earlier files could not be deleted from the landing zone of {bucket}, "
                f"the first because: {failed[0].get('Message')}. The zone holds them besides DATA."
            )


def _files(folder: Path, entity: str) -> dict[str, Path]:
    """Return an entity's files by object key; hidden files are left out, as Spark and Athena would leave them out."""
    base = next((path for path in (folder / entity / "landing", folder / entity) if path.is_dir()), None)
    if base is None:
        return {}
    files = {file.relative_to(base): file for file in sorted(base.rglob("*")) if file.name.endswith(SUFFIXES)}
    return {
        f"{prefix(entity)}{path.as_posix()}": file
        for path, file in files.items()
        if file.is_file() and file.stat().st_size and not any(part.startswith((".", "_")) for part in path.parts)
    }


def _look_into(file: Path) -> None:
    """Read a little of a file, so that one that cannot be read stops the command and not a job minutes later."""
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as content:
            content.read(1)
    except (OSError, EOFError) as error:
        raise DataError(f"The landing file {file} cannot be read: {error}.") from error
