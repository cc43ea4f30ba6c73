"""Who agreed to share data with research, and since when."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def objection(now: int) -> Column:
    """Return why a customer record does not agree to research at a moment (epoch milliseconds); null when it does.

    Absent, null, 0 and empty mean no, and so does a date that is still to come.
    """
    since = F.coalesce(F.col("sharewithresearchasofdate"), F.lit(0))
    return F.when(since < 1, "no consent to research").when(since > now, "consent lies in the future")


def since_when(trusted: DataFrame) -> DataFrame:
    """Return one row per `address` of trusted customers, with `since`, the earliest consent of the records of it."""
    return trusted.groupBy("address").agg(F.min("sharewithresearchasofdate").alias("since"))
