"""One bucket of the emulated S3 and one directory, made equal before and after a job."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

T = TypeVar("T")

CONCURRENCY: Final = 8
DELETE_BATCH: Final = 1000  # keys in one DeleteObjects


@dataclass(frozen=True)
class FileState:
    """What tells a file from a later version of itself."""

    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Synced:
    """An object and the file that were the same when they were last compared."""

    etag: str
    file: FileState


@dataclass(frozen=True)
class Changes:
    """The keys that a pull or push wrote, removed, or left out because the role may not read them."""

    written: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


class Mirror:
    """A bucket as a directory. Jobs that run at the same time share it, as they would share the bucket.

    Only what changed on either side since it was last the same is copied. The S3 client that a caller passes
    carries the role of the job on whose behalf it acts.
    """

    def __init__(self, bucket: str, directory: Path) -> None:
        self.bucket = bucket
        self.directory = directory
        self._synced: dict[str, Synced] = {}
        self._users = 0
        self._lock = threading.Lock()

    def pull(self, s3: S3Client, settle: Callable[[], None] = lambda: None) -> Changes:
        """Make the directory equal to the bucket, for one more job; `release` follows when that job has ended.

        While other jobs use the directory, files that they have written and not yet pushed stay. While none does,
        `settle` may put right in the directory what an earlier job has left in the bucket.
        """
        with self._lock:
            shared, self._users = self._users > 0, self._users + 1
            try:
                changes = self._pull(s3, shared)
                if not shared:
                    settle()
            except BaseException:
                self._users -= 1
                raise
            return changes

    def push(self, s3: S3Client, commit: Callable[[Changes], None] = lambda _: None) -> Changes:
        """Make the bucket equal to the directory, as far as files changed in it.

        `commit` is called between writing and removing: if one of the three fails, nothing that was committed refers to
        a file that is not there.
        """
        with self._lock:
            files = scan(self.directory)
            changed = [key for key, state in files.items() if self._file_changed(key, state)]
            removed = [key for key in self._synced if key not in files]
            uploaded = self._each(changed, lambda key: self._upload(s3, key))
            changed = [key for key, done in zip(changed, uploaded, strict=True) if done]
            changes = Changes(written=sorted(changed), removed=sorted(removed))
            commit(changes)
            for start in range(0, len(removed), DELETE_BATCH):
                self._delete(s3, removed[start : start + DELETE_BATCH])
            return changes

    def release(self) -> None:
        """Note that a job which pulled uses the directory no longer."""
        with self._lock:
            self._users -= 1

    def size(self) -> int:
        """Return the bytes of all files."""
        return sum(state.size for state in scan(self.directory).values())

    def _pull(self, s3: S3Client, shared: bool) -> Changes:
        self.directory.mkdir(parents=True, exist_ok=True)
        objects, files = dict(self._list(s3)), scan(self.directory)
        gone = [key for key in files if key not in objects]
        stale = [key for key, etag in objects.items() if self._differs(key, etag, files)]
        if shared:
            gone = [key for key in gone if key in self._synced and not self._file_changed(key, files[key])]
            stale = [key for key in stale if key not in files or not self._file_changed(key, files[key])]
        for key in gone:
            (self.directory / key).unlink()
        for key in self._synced.keys() - objects.keys():
            del self._synced[key]
        if not shared:
            _prune_empty(self.directory)  # S3 knows no directories
        readable = self._each(stale, lambda key: self._download(s3, key))
        unreadable = [key for key, could in zip(stale, readable, strict=True) if not could]
        return Changes(sorted(set(stale) - set(unreadable)), sorted(gone), sorted(unreadable))

    def _list(self, s3: S3Client) -> Iterator[tuple[str, str]]:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket):
            for item in page.get("Contents", []):
                if _is_path(item["Key"]):
                    yield item["Key"], item["ETag"]

    def _differs(self, key: str, etag: str, files: Mapping[str, FileState]) -> bool:
        synced = self._synced.get(key)
        return synced is None or synced.etag != etag or files.get(key) != synced.file

    def _file_changed(self, key: str, state: FileState) -> bool:
        synced = self._synced.get(key)
        return synced is None or synced.file != state

    def _download(self, s3: S3Client, key: str) -> bool:
        path = self.directory / key
        try:
            response = s3.get_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("AccessDenied", "403"):
                raise
            path.unlink(missing_ok=True)  # what the role may not read is not there for its job
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for chunk in response["Body"].iter_chunks(1024**2):
                file.write(chunk)
        self._synced[key] = Synced(response["ETag"], _state(path.stat()))
        return True

    def _upload(self, s3: S3Client, key: str) -> bool:
        try:
            file = (self.directory / key).open("rb")
        except FileNotFoundError:
            return False  # a temporary file of another job that runs
        with file:
            state = _state(os.fstat(file.fileno()))
            response = s3.put_object(Bucket=self.bucket, Key=key, Body=file)
        self._synced[key] = Synced(response["ETag"], state)
        return True

    def _delete(self, s3: S3Client, keys: list[str]) -> None:
        objects: list[ObjectIdentifierTypeDef] = [{"Key": key} for key in keys]
        response = s3.delete_objects(Bucket=self.bucket, Delete={"Objects": objects, "Quiet": True})
        if response.get("Errors"):
            raise ClientError({"Error": response["Errors"][0]}, "DeleteObjects")
        for key in keys:
            del self._synced[key]

    @staticmethod
    def _each(keys: Iterable[str], act: Callable[[str], T]) -> list[T]:
        with ThreadPoolExecutor(CONCURRENCY) as pool:
            return list(pool.map(act, keys))


def scan(directory: Path) -> dict[str, FileState]:
    """Return every file below a directory by its key: the path below it, with slashes."""
    return dict(_scan(directory, ""))


def _scan(directory: Path, prefix: str) -> Iterator[tuple[str, FileState]]:
    with contextlib.suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _scan(Path(entry.path), f"{prefix}{entry.name}/")
            elif entry.is_file(follow_symlinks=False):
                yield f"{prefix}{entry.name}", _state(entry.stat())


def _state(stat: os.stat_result) -> FileState:
    return FileState(stat.st_size, stat.st_mtime_ns)


def _is_path(key: str) -> bool:
    """Tell whether a key names a file below a directory: not a folder marker, and not a way out of it."""
    return not {"", ".", ".."} & set(key.split("/"))


def _prune_empty(directory: Path) -> None:
    for folder, _, _ in os.walk(directory, topdown=False):
        if folder != str(directory):
            with contextlib.suppress(OSError):  # not empty
                os.rmdir(folder)  # noqa: PTH106 - no Path is needed for the string that os.walk gives
