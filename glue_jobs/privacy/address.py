"""Compares e-mail addresses in Spark, by their canonical form.

What is stored stays as it came. Whatever compares addresses compares their canonical form: joins, the latest record of
a customer, pseudonyms, the rules of the audits, and erasure.
"""

import sys
from functools import reduce
from typing import Final

from pyspark import cloudpickle
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from canonical import canonical

# Python beside Spark's workers need not find our modules: what a UDF calls is sent along with it.
cloudpickle.register_pickle_by_value(sys.modules[canonical.__module__])  # type: ignore[no-untyped-call]

ASCII_BLANKS: Final = "\t\n\v\f\r\x1c\x1d\x1e\x1f "  # those that `str.strip` removes


class Addresses:
    """What stands in some columns, each a DataFrame of one column, as far as it is an address or may be one."""

    def __init__(self, *columns: DataFrame) -> None:
        spelt = reduce(DataFrame.union, columns).toDF("spelling")
        other = F.octet_length("spelling") != F.length("spelling")
        # Nearly always none: Spark folds ASCII by itself, and a column of Python's would cost a process and a join.
        (found,) = spelt.select(F.bool_or(other)).head()  # type: ignore[misc] # an aggregate is one row
        self._other = spelt.where(other).distinct() if found else None
        """Each `spelling` once that has to go through Python."""

    def beside(self, rows: DataFrame, column: str) -> DataFrame:
        """Return rows with `address`, the canonical form of one of the columns; null for null."""
        plain = F.lower(F.btrim(column, F.lit(ASCII_BLANKS)))
        if self._other is None:
            return rows.withColumn("address", plain)
        known = self._other.select("spelling", F.udf(canonical, "string")("spelling").alias("address"))
        joined = rows.join(known, on=F.col(column) == F.col("spelling"), how="left")
        return joined.withColumn("address", F.coalesce("address", plain)).drop("spelling")


def with_address(rows: DataFrame, column: str) -> DataFrame:
    """Return rows with `address`, the canonical form of a column; null for null."""
    return Addresses(rows.select(column)).beside(rows, column)
