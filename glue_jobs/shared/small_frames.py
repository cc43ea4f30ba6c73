"""DataFrames of a few rows that are made in Python, or collected."""

import json
from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType


def of(spark: SparkSession, schema: StructType, rows: Iterable[Mapping[str, Any]]) -> DataFrame:
    """Return rows, each by column, as a DataFrame with these columns; an absent column is null.

    The rows get to Spark as JSON, within its plan but not shown there: `createDataFrame` would start a Python process
    for each query, just to read them.
    """
    java: Any = spark._jvm
    texts = java.com.fasterxml.jackson.databind.ObjectMapper().readValue(
        json.dumps([json.dumps(dict(row)) for row in rows]), java.java.lang.Class.forName("java.util.List")
    )
    dataset = spark._jsparkSession.createDataset(texts, java.org.apache.spark.sql.Encoders.STRING())
    parsed = DataFrame(dataset, spark).select(F.from_json("value", schema).alias("row"))
    return parsed.select(*(F.col("row").getField(field.name).alias(field.name) for field in schema))


def collect(frames: Mapping[str, DataFrame]) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of DataFrames with columns of the same types, by their names.

    All are collected at once, since Spark takes about as long for each query as for all.
    """
    named = (rows.select(F.lit(name).alias("frame"), "*") for name, rows in frames.items())
    found: dict[str, list[tuple[Any, ...]]] = {name: [] for name in frames}
    for name, *row in reduce(DataFrame.union, named).collect():
        found[name].append(tuple(row))
    return found
