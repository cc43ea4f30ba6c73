"""accelerometer_landing -> accelerometer_trusted: the readings that a customer's consent to research covers."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

import consent
import reconciliation
from address import Addresses
from job import Job
from policies import Policies


def transform(classified: DataFrame) -> DataFrame:
    """Keep the readings without a drop reason."""
    return reconciliation.to_publish(classified).select("user", "timestamp", "x", "y", "z")


def classify(readings: DataFrame, trusted: DataFrame, *, policies: Policies) -> DataFrame:
    """Give each reading its drop reason: not of a trusted customer or, by policy, older than the consent."""
    addresses = Addresses(readings.select("user"), trusted.select("email"))
    consents = consent.earliest_consent(addresses.add_to(trusted, "email"))
    with_consent = addresses.add_to(readings, "user").join(consents, on="address", how="left")
    drop_reason = F.when(F.col("since").isNull(), "not of a trusted customer")
    if policies.accelerometer_consent == "since_consent":
        drop_reason = drop_reason.when(F.col("timestamp") < F.col("since"), "before the customer's consent")
    return reconciliation.with_drop_reason(with_consent, drop_reason).drop("address", "since")


def main() -> None:
    """Run the job."""
    with Job(writes="accelerometer_trusted") as job:
        trusted = job.read_table("customer_trusted")
        consents = trusted.selectExpr("email AS person", "sharewithresearchasofdate AS decision")
        job.decide("accelerometer_landing", consents)
        readings = job.read_landing("accelerometer_landing")
        classified = classify(readings, trusted, policies=job.policies)
        job.write(
            transform(classified),
            classified={"accelerometer_landing": classified},
            audit_inputs={"accelerometer_landing": readings, "customer_trusted": trusted},
        )


if __name__ == "__main__":
    main()
