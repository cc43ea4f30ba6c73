"""step_trainer_landing -> step_trainer_trusted: the distances measured by Step Trainers of curated customers."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

import consent
from job import Job
from policies import Policies


def transform(
    steps: DataFrame, curated: DataFrame, trusted: DataFrame, owners: DataFrame, *, policies: Policies
) -> DataFrame:
    """Keep the distinct readings of agreed Step Trainers; by policy only those since the owners' consent.

    `owners` are the customer records whose consent is asked for.
    """
    devices = agreed_devices(owners, trusted, policies=policies).join(
        curated.select("serialnumber"), on="serialnumber", how="left_semi"
    )
    covered = steps["serialnumber"] == devices["serialnumber"]
    if policies.step_trainer_consent == "since_consent":
        covered &= steps["sensorreadingtime"] >= devices["since"]
    return (
        steps.join(devices, on=covered, how="left_semi")
        .distinct()  # the same reading delivered twice; readings of one instant that differ are all kept
        .select("sensorreadingtime", "serialnumber", "distancefromobject")
    )


def agreed_devices(owners: DataFrame, trusted: DataFrame, *, policies: Policies) -> DataFrame:
    """Return one row per Step Trainer that counts: `serialnumber`, and `since` when, by its owners' consent."""
    consents = owners.select("serialnumber", "email").join(consent.since_when(trusted), on="email", how="left")
    if policies.shared_serial_number == "any_owner":
        return consents.groupBy("serialnumber").agg(F.min("since").alias("since")).where("since is not null")
    return (
        consents.groupBy("serialnumber")
        .agg(F.max("since").alias("since"), F.every(F.col("since").isNotNull()).alias("all agreed"))
        .where("`all agreed`")
    )


def main() -> None:
    """Run the job."""
    with Job(publishes="step_trainer_trusted") as job:
        steps = job.read_landing("step_trainer_landing")
        curated = job.read_table("customers_curated")
        trusted = job.read_table("customer_trusted")
        all_owners = job.policies.shared_serial_number == "all_owners"
        owners = job.read_landing("customer_landing") if all_owners else curated
        job.publish(transform(steps, curated, trusted, owners, policies=job.policies))


if __name__ == "__main__":
    main()
