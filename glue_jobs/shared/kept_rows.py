"""Small tables that a job keeps for the next run, so that it can tell what has changed without computing all again.

They are Parquet files below `parsed/`, which no analyst may read. What is not there is computed. So an erasure deletes
a file that mentions the person, as it does with parsed rows, and nothing else refers to it.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
from botocore.exceptions import BotoCoreError, ClientError

import parsed_rows
from problems import BadInputError
from s3_root import split


def client() -> Any:
    """Return a client of S3."""
    return boto3.client("s3")


@dataclass(frozen=True)
class Kept:
    """Small tables of one kind: a file for each, by a name that says what its rows were made from."""

    prefix: str
    """Where the files are, below the root of the lakehouse: its bucket, with its prefix if it shares the bucket."""
    schema: pa.Schema
    """The columns, none of them null."""

    def load(self, root: str, name: str) -> list[tuple[Any, ...]] | None:
        """Return the rows of a file; None if there is none, or a damaged one.

        Raises a BadInputError if S3 refuses to read it.
        """
        bucket, key = self._place(root, name)
        try:
            content = client().get_object(Bucket=bucket, Key=key)["Body"].read()
        except (BotoCoreError, ClientError) as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise BadInputError(
                f"s3://{bucket}/{key} cannot be read: {error}. Nothing was published. Fix the cause and run again."
            ) from error
        try:
            table = pq.read_table(pa.BufferReader(content), schema=self.schema, page_checksum_verification=True)
        except (pa.ArrowException, OSError, ValueError, IndexError, OverflowError):  # as pyarrow reports damage
            return None
        if any(column.null_count for column in table.columns):  # as it reads a column whose name is damaged
            return None
        return list(zip(*table.to_pydict().values(), strict=True))

    def keep(self, root: str, name: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Write a file. Raises a BadInputError if S3 refuses."""
        columns = [*map(list, zip(*rows, strict=True))] or [[] for _ in self.schema]
        content = pa.BufferOutputStream()
        table = pa.Table.from_arrays(
            [pa.array(c, f.type) for c, f in zip(columns, self.schema, strict=True)], schema=self.schema
        )
        pq.write_table(table, content, compression="zstd", write_page_checksum=True)
        bucket, key = self._place(root, name)
        with self._refusals(root):
            client().put_object(
                Bucket=bucket,
                Key=key,
                Body=content.getvalue().to_pybytes(),
                ContentType="application/vnd.apache.parquet",
            )

    def delete_others(self, root: str, names: Collection[str]) -> None:
        """Delete all files but those with these names. Raises a BadInputError if S3 refuses."""
        s3, kept = client(), {self._place(root, name)[1] for name in names}
        bucket, top = self._place(root)
        with self._refusals(root):
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=top):
                for item in page.get("Contents", []):
                    if item["Key"] not in kept:
                        s3.delete_object(Bucket=bucket, Key=item["Key"])

    def _place(self, root: str, name: str | None = None) -> tuple[str, str]:
        """Return the bucket and the key of a file, or that of all of them."""
        bucket, prefix = split(root)
        return bucket, f"{prefix}{self.prefix}" + (f"{name}.parquet" if name else "")

    @contextmanager
    def _refusals(self, root: str) -> Iterator[None]:
        """Turn an error of S3 into one that names what was to be written."""
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise BadInputError(
                f"Files below s3://{'/'.join(self._place(root))} cannot be written or replaced: {error}. Nothing was "
                "published. Fix the cause and run again."
            ) from error


PEOPLE: Final = Kept(
    f"{parsed_rows.PREFIX}people_of_training_rows/",
    pa.schema([("serialnumber", pa.string()), ("user", pa.string()), ("rows", pa.int64())]),
)
"""The number of training rows of each Step Trainer and user, by the derivation of the training rows."""
DECISIONS: Final = Kept(
    f"{parsed_rows.PREFIX}decisions/",
    pa.schema([("person", pa.string()), ("decision", pa.string())]),
)
"""What decides about the rows of each person, by what it was made from (see `Job.decide`)."""
