"""accelerometer_landing -> accelerometer_trusted: the movements that a customer's consent to research covers."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

import consent
from job import Job
from policies import Policies


def transform(readings: DataFrame, trusted: DataFrame, *, policies: Policies) -> DataFrame:
    """Keep the distinct readings of trusted customers; by policy only those since the customer's consent."""
    customers = consent.since_when(trusted)
    covered = F.col("user") == F.col("email")
    if policies.accelerometer_consent == "since_consent":
        covered &= F.col("timestamp") >= F.col("since")
    return (
        readings.join(customers, on=covered, how="left_semi")
        .distinct()  # the same reading delivered twice; readings of one instant that differ are all kept
        .select("user", "timestamp", "x", "y", "z")
    )


def main() -> None:
    """Run the job."""
    with Job(publishes="accelerometer_trusted") as job:
        readings = job.read_landing("accelerometer_landing")
        trusted = job.read_table("customer_trusted")
        job.publish(transform(readings, trusted, policies=job.policies))


if __name__ == "__main__":
    main()
