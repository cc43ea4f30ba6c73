"""accelerometer_landing -> accelerometer_trusted: the movements that a customer's consent to research covers."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

import accounting
import consent
from address import Addresses
from job import Job
from policies import Policies


def transform(decided: DataFrame) -> DataFrame:
    """Keep the readings that `decide` did not drop."""
    return accounting.published(decided).select("user", "timestamp", "x", "y", "z")


def decide(readings: DataFrame, trusted: DataFrame, *, policies: Policies) -> DataFrame:
    """Tell for each distinct reading why it is dropped: not a trusted customer's or, by policy, before the consent."""
    addresses = Addresses(readings.select("user"), trusted.select("email"))
    agreed = consent.since_when(addresses.beside(trusted, "email"))
    # The same reading delivered twice counts once; readings of one instant that differ are all kept.
    distinct = addresses.beside(accounting.distinct(readings), "user")
    with_consent = distinct.join(agreed, on="address", how="left")
    dropped = F.when(F.col("since").isNull(), "not of a trusted customer")
    if policies.accelerometer_consent == "since_consent":
        dropped = dropped.when(F.col("timestamp") < F.col("since"), "before the customer's consent")
    return accounting.decide(with_consent, dropped)


def main() -> None:
    """Run the job."""
    with Job(writes="accelerometer_trusted") as job:
        readings = job.read_landing("accelerometer_landing")
        trusted = job.read_table("customer_trusted")
        decided = decide(readings, trusted, policies=job.policies).persist()
        job.write(transform(decided), {"accelerometer_landing": decided})


if __name__ == "__main__":
    main()
