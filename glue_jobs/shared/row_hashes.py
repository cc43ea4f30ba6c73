"""Hashes that tell rows apart: far cheaper to group by and to move than the rows themselves."""

from collections.abc import Sequence
from typing import Final

from pyspark.sql import Column
from pyspark.sql import functions as F

NAMES: Final = ("hash", "second_hash")
"""Of 64 bits each. With one of them only, some two of ten billion different rows would probably have the same hash."""


def of(columns: Sequence[str], seeds: Sequence[int] = (0, 1)) -> list[Column]:
    """Return the hashes of a row over these columns, with their names.

    Spark's hash ignores null, so each column is hashed with whether it is null.
    """
    parts = [part for column in columns for part in (F.col(f"`{column}`"), F.col(f"`{column}`").isNull())]
    return [F.xxhash64(F.lit(seed).cast("bigint"), *parts).alias(name) for name, seed in zip(NAMES, seeds, strict=True)]
