"""The landing zone: what is accepted as landing data, and how it gets into the bucket."""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.errors import DataError
from lakehouse.temporary_files import passed_over

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ENTITIES = ("customer", "accelerometer", "step_trainer")
SUFFIXES = (".json", ".json.gz")
LAYOUT = "customer/landing/, accelerometer/landing/ and step_trainer/landing/ with files *.json or *.json.gz"
REMEDY = f"DATA must be a folder that holds {LAYOUT}. Without DATA a generated sample is used."
UPLOADS_AT_ONCE = 8
KEYS_PER_DELETE = 1000  # what DeleteObjects takes
LONGEST_KEY = 1024  # bytes of UTF-8
UNNAMEABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
SHOWN_FILES = 5


@dataclass(frozen=True)
class LandingData:
    """A folder of landing data that has been looked through: what to upload, by object key."""

    folder: Path
    files: Mapping[str, Path]
    left_out: Sequence[Path] = ()
    """Files that hold something and are no landing data by their name."""

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
        looked_at = {entity: _look_through(folder / entity, entity) for entity in ENTITIES}
    except OSError as error:
        raise DataError(f"The landing folder {folder} cannot be read: {error}.") from error
    left_out = [file for _, others in looked_at.values() for file in others]
    missing = [entity for entity, (files, _) in looked_at.items() if not files]
    if missing:
        others = f" Left out by their names: {shown(left_out)}." if left_out else ""
        raise DataError(f"The landing folder {folder} has no data for: {', '.join(missing)}.{others} {REMEDY}")
    files = {key: file for taken, _ in looked_at.values() for key, file in taken.items()}
    for key, file in files.items():
        _refuse_name(key, file)
        _look_into(file)
    return LandingData(folder, files, left_out)


def shown(files: Sequence[Path]) -> str:
    """Return the names of files for a message, the first of them when they are many."""
    return ", ".join([*map(repr, map(str, files[:SHOWN_FILES])), *(["..."] if len(files) > SHOWN_FILES else [])])


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


def _look_through(folder: Path, entity: str) -> tuple[dict[str, Path], list[Path]]:
    """Return an entity's files by object key, and those left out by their name, both without empty ones.

    Left out is what Spark and Athena pass over as temporary, what is no JSON by its name, what lies beside landing/.
    Links are followed.
    """
    base = folder / "landing" if (folder / "landing").is_dir() else folder
    files, left_out = {}, []
    for directory, folders, names in os.walk(folder, onerror=_raise, followlinks=True):
        here = Path(directory).resolve()
        folders[:] = [name for name in folders if not here.is_relative_to((here / name).resolve())]  # in circles
        for file in sorted(Path(directory, name) for name in names):
            if not file.stat().st_size:
                continue
            path = file.relative_to(base) if file.is_relative_to(base) else None
            if path and path.name.endswith(SUFFIXES) and not passed_over(path.as_posix()):
                files[f"{prefix(entity)}{path.as_posix()}"] = file
            else:
                left_out.append(file)
    return files, left_out


def _raise(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):  # a folder that is not there is said in other words
        raise error


def _refuse_name(key: str, file: Path) -> None:
    """Raise a DataError for a file that no object can be named after."""
    if UNNAMEABLE.search(key):  # S3 lists objects as XML, which has no control characters; nor what is not UTF-8
        raise DataError(f"The landing file {str(file)!r} has a character in its name that an object's key cannot have.")
    if len(key.encode()) > LONGEST_KEY:
        raise DataError(f"The landing file {file} would be an object of a longer name than S3's {LONGEST_KEY} bytes.")


def _look_into(file: Path) -> None:
    """Read a little of a file, so that one that cannot be read stops the command and not a job minutes later."""
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as content:
            content.read(1)
    except (OSError, EOFError) as error:
        raise DataError(f"The landing file {file} cannot be read: {error}.") from error
