"""The rules that a row of each landing table must keep: which values are required, and which are possible."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from pyspark.sql import Column
from pyspark.sql import functions as F

# Keys and measurements. Everything else about a customer may be absent, a consent above all.
REQUIRED: Final = {
    "customer_landing": {"email", "serialnumber"},
    "accelerometer_landing": {"user", "timestamp", "x", "y", "z"},
    "step_trainer_landing": {"sensorreadingtime", "serialnumber", "distancefromobject"},
}

SPELLED: Final = {
    key.lower(): key
    for key in (
        "customerName",
        "birthDay",
        "serialNumber",
        "registrationDate",
        "lastUpdateDate",
        "shareWithResearchAsOfDate",
        "shareWithPublicAsOfDate",
        "shareWithFriendsAsOfDate",
        "sensorReadingTime",
        "distanceFromObject",
    )
}
"""Key of a column as the producers spell it, if not in lower case. In the order of ddl/, records are read fastest."""

SPACE: Final = r"\s\x1c-\x1f"  # with (?U) all Unicode white space, and what Python strips as white space
EMAIL: Final = rf"(?U)^[^@{SPACE}]+@[^@{SPACE}]+\.[^@{SPACE}.]+\z"  # `$` would let a line feed follow
YEAR_2000: Final = 946_684_800_000  # epoch milliseconds, before any sensor; times in seconds fall before it
YEAR_10000: Final = 253_402_300_800_000  # times in microseconds fall after it
ONE_DAY: Final = 86_400_000  # milliseconds that a sensor's clock may be ahead
IN_THE_FUTURE: Final = "in the future"


@dataclass(frozen=True)
class Rules:
    """The rules for the rows of one landing table."""

    required: Collection[str]
    """Columns without which a row is unusable."""
    possible: Mapping[str, Column]
    """Conditions on the values of a row, by the reason given where one is false; null passes."""

    @property
    def timed(self) -> list[str]:
        """The reasons that depend on the time of the run: a row may lose one as time goes on, and gains none."""
        return [reason for reason in self.possible if reason.endswith(IN_THE_FUTURE)]


def of(table: str, *, now: int) -> Rules:
    """Return the rules of a landing table at `now`, the time of the run in epoch milliseconds."""
    conditions = {
        "customer_landing": _customer,
        "accelerometer_landing": _accelerometer_reading,
        "step_trainer_landing": _step_reading,
    }
    return Rules(REQUIRED[table], conditions[table](now))


def _customer(now: int) -> dict[str, Column]:
    dates = (
        "registrationdate",
        "lastupdatedate",
        *(f"sharewith{audience}asofdate" for audience in ("research", "public", "friends")),
    )
    possible = {"email is not an e-mail address": F.col("email").rlike(EMAIL)}
    for date in dates:
        # A consent in seconds would reach back to 1970.
        in_time = F.col(date).between(YEAR_2000, YEAR_10000 - 1)
        possible[f"{date} is not a time in milliseconds"] = (F.col(date) == 0) | in_time
    for date in ("registrationdate", "lastupdatedate"):  # otherwise it could be the latest record for years
        possible[f"{date} is {IN_THE_FUTURE}"] = F.col(date) <= now + ONE_DAY
    return possible


def _accelerometer_reading(now: int) -> dict[str, Column]:
    return {"user is not an e-mail address": F.col("user").rlike(EMAIL), **_measured("timestamp", now)}


def _step_reading(now: int) -> dict[str, Column]:
    return {**_measured("sensorreadingtime", now), "distancefromobject is negative": F.col("distancefromobject") >= 0}


def _measured(time: str, now: int) -> dict[str, Column]:
    return {f"{time} is before the year 2000 or {IN_THE_FUTURE}": F.col(time).between(YEAR_2000, now + ONE_DAY)}
