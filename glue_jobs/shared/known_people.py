"""Whom training rows combine, kept for the next run: where rows are only added, it need not pair all readings again.

They are a Parquet file below `parsed/`, named by the derivation of the rows. What is not there is computed. So an
erasure deletes a file that mentions the person, as it does with parsed rows, and nothing else refers to it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
from botocore.exceptions import BotoCoreError, ClientError

import parsed_rows
from problems import BadInputError
from s3_root import split

PREFIX: Final = f"{parsed_rows.PREFIX}people_of_training_rows/"
SCHEMA: Final = pa.schema([("serialnumber", pa.string()), ("user", pa.string()), ("rows", pa.int64())])


def client() -> Any:
    """Return a client of S3."""
    return boto3.client("s3")


def load(root: str, derivation: str) -> Counter[tuple[str, str]] | None:
    """Return the number of training rows of each Step Trainer and user, given the derivation of the rows.

    `root` is the bucket of the lakehouse, with its prefix if it shares the bucket. None if there is no file, or a
    damaged one; a BadInputError if S3 refuses to read it.
    """
    bucket, prefix = split(root)
    key = f"{prefix}{PREFIX}{derivation}.parquet"
    try:
        content = client().get_object(Bucket=bucket, Key=key)["Body"].read()
    except (BotoCoreError, ClientError) as error:
        if isinstance(error, ClientError) and error.response["Error"]["Code"] in ("NoSuchKey", "404"):
            return None
        raise BadInputError(
            f"s3://{bucket}/{key} cannot be read: {error}. Nothing was published. Fix the cause and run again."
        ) from error
    try:
        table = pq.read_table(pa.BufferReader(content), schema=SCHEMA, page_checksum_verification=True)
    except (pa.ArrowException, OSError, ValueError, IndexError, OverflowError):  # as pyarrow reports damage
        return None
    if any(column.null_count for column in table.columns):  # as it reads a column whose name is damaged
        return None
    serials, users, rows = table.to_pydict().values()
    return Counter(dict(zip(zip(serials, users, strict=True), rows, strict=True)))


def keep(root: str, derivation: str, people: Mapping[tuple[str, str], int]) -> None:
    """Keep the people of the training rows with a derivation, in place of those of all other rows.

    Raises a BadInputError if S3 refuses.
    """
    columns = [*map(list, zip(*people, strict=True))] or [[], []]
    table = pa.Table.from_arrays([*columns, list(people.values())], schema=SCHEMA)
    content = pa.BufferOutputStream()
    pq.write_table(table, content, compression="zstd", write_page_checksum=True)
    bucket, prefix = split(root)
    key, body = f"{prefix}{PREFIX}{derivation}.parquet", content.getvalue().to_pybytes()
    with _refusals(bucket, prefix):
        client().put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/vnd.apache.parquet")
    delete_others(root, derivation)


def delete_others(root: str, derivation: str) -> None:
    """Delete the people of all training rows but those with a derivation. Raises a BadInputError if S3 refuses."""
    bucket, prefix = split(root)
    s3, top = client(), f"{prefix}{PREFIX}"
    with _refusals(bucket, prefix):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=top):
            for item in page.get("Contents", []):
                if item["Key"] != f"{top}{derivation}.parquet":
                    s3.delete_object(Bucket=bucket, Key=item["Key"])


@contextmanager
def _refusals(bucket: str, prefix: str) -> Iterator[None]:
    """Turn an error of S3 into one that names what was to be written."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise BadInputError(
            f"Files below s3://{bucket}/{prefix}{PREFIX} cannot be written or replaced: {error}. Nothing was "
            "published. Fix the cause and run again."
        ) from error
