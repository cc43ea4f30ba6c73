"""Landing data: validate a folder, and make the landing zone hold exactly the data of a folder or of another bucket."""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from lakehouse.console import Tell
from lakehouse.errors import DataError
from lakehouse.s3_root import split
from lakehouse.temporary_files import ignored_because_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ENTITIES = ("customer", "accelerometer", "step_trainer")
SUFFIXES = (".json", ".json.gz")
LAYOUT = "customer/landing/, accelerometer/landing/ and step_trainer/landing/ with files *.json or *.json.gz"
REMEDY = f"DATA must be a folder with {LAYOUT}. To run on a generated sample: make run-pipeline"
UPLOADS_AT_ONCE = 8
IN_PARTS = 8 * 1024**2  # bytes from which boto3 uploads a file in parts
KEYS_PER_DELETE = 1000  # limit of DeleteObjects
LONGEST_KEY = 1024  # bytes of UTF-8
UNNAMEABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
SHOWN_FILES = 5


class LandingData(Protocol):
    """Validated landing data: what is to be in the landing zone, by object key."""

    @property
    def files(self) -> Mapping[str, Any]:
        """The files, by object key."""

    @property
    def left_out(self) -> Sequence[Any]:
        """Non-empty files that are not landing data by their names."""

    @property
    def name(self) -> str:
        """Where the data is."""

    @property
    def megabytes(self) -> float:
        """Size of all files."""

    def put(self, s3: S3Client, key: str, to: Mapping[str, str], written: Callable[[int], None]) -> None:
        """Write the file with a key to an address in S3 (Bucket, Key), and tell how many bytes were written."""


@dataclass(frozen=True)
class FolderData:
    """A validated folder of landing data: the files to upload, by object key."""

    folder: Path
    files: Mapping[str, Path]
    left_out: Sequence[Path] = ()
    """Non-empty files that are not landing data by their names."""

    @property
    def name(self) -> str:
        """Where the data is."""
        return str(self.folder)

    @property
    def megabytes(self) -> float:
        """Size of all files."""
        return sum(file.stat().st_size for file in self.files.values()) / 1e6

    def put(self, s3: S3Client, key: str, to: Mapping[str, str], written: Callable[[int], None]) -> None:
        """Upload a file; a small one at once, since boto3's transfer manager takes as long as the request itself."""
        file = self.files[key]
        size = file.stat().st_size
        if size < IN_PARTS:
            s3.put_object(Bucket=to["Bucket"], Key=to["Key"], Body=file.read_bytes())
            written(size)
        else:
            s3.upload_file(str(file), to["Bucket"], to["Key"], Callback=written)


def prefix(entity: str) -> str:
    """Return the prefix of an entity's files in the lakehouse."""
    return f"{entity}/landing/"


def find(folder: Path) -> FolderData:
    """Validate a folder of landing data; raise a DataError if the jobs could not use it."""
    if not folder.exists():
        raise DataError(f"The landing folder {folder} does not exist. {REMEDY}")
    if not folder.is_dir():
        raise DataError(f"The landing folder {folder} is a file. {REMEDY}")
    try:
        if not any(folder.iterdir()):
            raise DataError(f"The landing folder {folder} is empty. {REMEDY}")
        found = {entity: _find_files(folder / entity, entity) for entity in ENTITIES}
    except OSError as error:
        raise DataError(f"The landing folder {folder} cannot be read: {error}. Nothing was uploaded.") from error
    left_out = [file for _, others in found.values() for file in others]
    missing = [entity for entity, (files, _) in found.items() if not files]
    if missing:
        others = f" Left out by their names: {shown(left_out)}." if left_out else ""
        raise DataError(f"The landing folder {folder} has no data for: {', '.join(missing)}.{others} {REMEDY}")
    files = {key: file for taken, _ in found.values() for key, file in taken.items()}
    for key, file in files.items():
        refuse_name(key, str(file))
        _refuse_unreadable(file)
    return FolderData(folder, files, left_out)


def shown(files: Sequence[Any]) -> str:
    """Return the names of files for a message, only the first ones if there are many."""
    return ", ".join([*map(repr, map(str, files[:SHOWN_FILES])), *(["..."] if len(files) > SHOWN_FILES else [])])


def stale_keys(s3: S3Client, bucket: str, data: LandingData) -> list[str]:
    """Return the keys in the landing zone that are not part of this data."""
    name, root = split(bucket)
    pages = s3.get_paginator("list_objects_v2")
    return [
        item["Key"]
        for entity in ENTITIES
        for page in pages.paginate(Bucket=name, Prefix=f"{root}{prefix(entity)}")
        for item in page.get("Contents", [])
        if item["Key"].removeprefix(root) not in data.files
    ]


def replace(s3: S3Client, bucket: str, data: LandingData, tell: Tell | None = None) -> None:
    """Make the landing zone hold exactly this data: first write all of it, then delete everything else."""
    name, root = split(bucket)
    progress = _Progress(data, tell)
    with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
        uploads = [
            pool.submit(data.put, s3, key, {"Bucket": name, "Key": f"{root}{key}"}, progress.add) for key in data.files
        ]
    for upload in uploads:
        upload.result()
    stale = stale_keys(s3, bucket, data)
    for start in range(0, len(stale), KEYS_PER_DELETE):
        keys = stale[start : start + KEYS_PER_DELETE]
        response = s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True})
        if failed := response.get("Errors"):
            raise DataError(
                f"{len(failed)} earlier files could not be deleted from the landing zone of {bucket}, "
                f"the first because: {failed[0].get('Message')}. The zone still holds them besides DATA. "
                "Run the command again."
            )


class _Progress:
    """Tells how many bytes of how many are written; the threads that write share it."""

    def __init__(self, data: LandingData, tell: Tell | None) -> None:
        self._total = data.megabytes
        self._tell = tell
        self._done = 0.0
        self._lock = Lock()

    def add(self, size: int) -> None:
        """Count bytes that were written."""
        with self._lock:
            self._done += size / 1e6
            if self._tell:
                share = min(1.0, self._done / self._total) if self._total else 1.0
                self._tell(f"{self._done:.1f} of {self._total:.1f} MB", share)


def _find_files(folder: Path, entity: str) -> tuple[dict[str, Path], list[Path]]:
    """Return an entity's files by object key, and the files left out by their names; empty files are in neither.

    Left out are files that Spark and Athena skip as temporary, that are not JSON by their names, or that are beside
    landing/. Links are followed.
    """
    base = folder / "landing" if (folder / "landing").is_dir() else folder
    files, left_out = {}, []
    for directory, folders, names in os.walk(folder, onerror=_raise, followlinks=True):
        here = Path(directory).resolve()
        folders[:] = [
            name for name in folders if not here.is_relative_to((here / name).resolve())
        ]  # a link to a parent
        for file in sorted(Path(directory, name) for name in names):
            if not file.stat().st_size:
                continue
            path = file.relative_to(base) if file.is_relative_to(base) else None
            if path and path.name.endswith(SUFFIXES) and not ignored_because_of(path.as_posix()):
                files[f"{prefix(entity)}{path.as_posix()}"] = file
            else:
                left_out.append(file)
    return files, left_out


def _raise(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):  # `find` reports a missing folder itself
        raise error


def refuse_name(key: str, file: str) -> None:
    """Raise a DataError if a file name cannot be an object key."""
    if UNNAMEABLE.search(key):  # S3 lists keys as XML, which allows neither control characters nor invalid UTF-8
        raise DataError(f"The landing file {file!r} has a character in its name that an S3 key cannot have. Rename it.")
    if len(key.encode()) > LONGEST_KEY:
        raise DataError(
            f"The landing file {file} would have a key longer than S3's {LONGEST_KEY} bytes. Shorten its path."
        )


def _refuse_unreadable(file: Path) -> None:
    """Raise a DataError if a file cannot be read: better now than in a job minutes later."""
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as content:
            content.read(1)
    except (OSError, EOFError) as error:
        raise DataError(
            f"The landing file {file} cannot be read: {error}. Replace or remove it. Nothing was uploaded."
        ) from error
