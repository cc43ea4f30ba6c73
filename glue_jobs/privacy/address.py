"""Compare e-mail addresses in Spark by their canonical form.

Stored values stay as they arrived. Everything that compares addresses uses the canonical form: joins, the latest record
of a customer, pseudonyms, audit rules and erasure.
"""

import sys
from functools import reduce
from typing import Final

from pyspark import cloudpickle
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from canonical import canonical

# Spark's Python workers may be unable to import our modules, so the code that a UDF calls is pickled with it.
cloudpickle.register_pickle_by_value(sys.modules[canonical.__module__])  # type: ignore[no-untyped-call]

ASCII_BLANKS: Final = "\t\n\v\f\r\x1c\x1d\x1e\x1f "  # the ASCII characters that `str.strip` removes


class Addresses:
    """The addresses in some columns, each given as a DataFrame of one column; without a column, all are ASCII."""

    def __init__(self, *columns: DataFrame) -> None:
        self._other: DataFrame | None = None
        """Each distinct `spelling` that needs Python for its canonical form."""
        if columns:
            spelt = reduce(DataFrame.union, columns).toDF("spelling")
            other = F.expr(is_not_ascii("spelling"))
            # Rarely any: Spark folds ASCII itself, while a Python UDF would cost a process and a join.
            (found,) = spelt.select(F.bool_or(other)).head()  # type: ignore[misc] # an aggregate is one row
            self._other = spelt.where(other).distinct() if found else None

    def add_to(self, rows: DataFrame, column: str) -> DataFrame:
        """Add `address`, the canonical form of the given column; null for null."""
        plain = F.lower(F.btrim(column, F.lit(ASCII_BLANKS)))
        if self._other is None:
            return rows.withColumn("address", plain)
        known = self._other.select("spelling", F.udf(canonical, "string")("spelling").alias("address"))
        joined = rows.join(known, on=F.col(column) == F.col("spelling"), how="left")
        return joined.withColumn("address", F.coalesce("address", plain)).drop("spelling")


def with_address(rows: DataFrame, column: str) -> DataFrame:
    """Add `address`, the canonical form of a column, to rows; null for null."""
    return Addresses(rows.select(column)).add_to(rows, column)


def is_not_ascii(column: str) -> str:
    """Return the SQL condition of the values of a column that need Python for their canonical form."""
    return f"octet_length(`{column}`) <> length(`{column}`)"
