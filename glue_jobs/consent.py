"""Who agreed to share data with research, and since when."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def agreed(now: int) -> Column:
    """Tell whether a customer record agrees to research at a moment (epoch milliseconds).

    Absent, null, 0 and empty mean no, and so does a date that is still to come.
    """
    return F.coalesce(F.col("sharewithresearchasofdate").between(1, now), F.lit(False))


def since_when(trusted: DataFrame) -> DataFrame:
    """Return one row per trusted customer: `email`, and `since`, the earliest consent of the customer's records."""
    return trusted.groupBy("email").agg(F.min("sharewithresearchasofdate").alias("since"))
