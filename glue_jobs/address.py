"""Compares e-mail addresses in Spark, by their canonical form.

What is stored stays as it came. Whatever compares addresses compares their canonical form: joins, the latest record of
a customer, pseudonyms, the rules of the audits, and erasure.
"""

import sys
from functools import reduce
from typing import Final

from pyspark import cloudpickle
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from canonical import canonical

# Python beside Spark's workers need not find our modules: what a UDF calls is sent along with it.
cloudpickle.register_pickle_by_value(sys.modules[canonical.__module__])  # type: ignore[no-untyped-call]

ASCII_BLANKS: Final = "\t\n\v\f\r\x1c\x1d\x1e\x1f "  # those that `str.strip` removes


def spellings(*columns: DataFrame) -> DataFrame:
    """Return each `spelling` that occurs in these columns once, and `address`, its canonical form; nulls are left out.

    Rows are joined by it, spelling by spelling: addresses are few beside readings, so what a reading's spelling means
    is worked out once. Spark can do that for ASCII; the few others go through Python.
    """
    found = reduce(DataFrame.union, columns).toDF("spelling").where("spelling is not null").distinct()
    ascii_only = F.octet_length("spelling") == F.length("spelling")
    plain = F.lower(F.btrim("spelling", F.lit(ASCII_BLANKS)))
    return (
        found.where(ascii_only)
        .select("spelling", plain.alias("address"))
        .union(found.where(~ascii_only).select("spelling", _canonical("spelling").alias("address")))
    )


def with_address(rows: DataFrame, column: str) -> DataFrame:
    """Return rows with `address`, the canonical form of a column; null for null. For rows of which there are few."""
    known = spellings(rows.select(column))
    return rows.join(known, on=F.col(column) == F.col("spelling"), how="left").drop("spelling")


def _canonical(column: str) -> Column:
    return F.udf(canonical, "string")(column)
