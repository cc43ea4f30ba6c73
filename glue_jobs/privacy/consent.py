"""Which customers consent to research, and since when."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def no_consent_reason(now: int) -> Column:
    """Return why a customer record does not consent to research at `now`, epoch milliseconds; null if it does.

    An absent, null, 0 or empty date is no consent, and neither is a date in the future.
    """
    since = F.coalesce(F.col("sharewithresearchasofdate"), F.lit(0))
    return F.when(since < 1, "no consent to research").when(since > now, "consent lies in the future")


def next_consent(records: DataFrame, now: int) -> int | None:
    """Return when the first of the consents in the future begins, epoch milliseconds; None if there is none."""
    later = records.where(F.col("sharewithresearchasofdate") > now)
    (found,) = later.select(F.min("sharewithresearchasofdate")).head()  # type: ignore[misc] # an aggregate is one row
    return int(found) if found is not None else None


def earliest_consent(trusted: DataFrame) -> DataFrame:
    """Return one row per `address` of trusted customers with `since`, the earliest consent among its records."""
    return trusted.groupBy("address").agg(F.min("sharewithresearchasofdate").alias("since"))
