"""step_trainer_landing -> step_trainer_trusted: the distances measured by Step Trainers of curated customers."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

import accounting
import consent
import refusals
import subject
from address import Addresses
from job import Job
from policies import Policies


def transform(decided: DataFrame) -> DataFrame:
    """Keep the readings that `decide` did not drop."""
    return accounting.published(decided).select("sensorreadingtime", "serialnumber", "distancefromobject")


def decide(
    steps: DataFrame, curated: DataFrame, trusted: DataFrame, owners: DataFrame, *, policies: Policies
) -> DataFrame:
    """Tell for each distinct reading why it is dropped: whose Step Trainer it is or, by policy, before the consent.

    `owners` are the customer records whose consent is asked for.
    """
    curated_devices = curated.select(F.col("serialnumber").alias("curated")).distinct()
    devices = agreed_devices(owners, trusted, policies=policies).withColumnRenamed("serialnumber", "agreed")
    # The same reading delivered twice counts once; readings of one instant that differ are all kept.
    with_consent = (
        accounting.distinct(steps)
        .join(curated_devices, on=F.col("serialnumber") == F.col("curated"), how="left")
        .join(devices, on=F.col("serialnumber") == F.col("agreed"), how="left")
    )
    dropped = F.when(F.col("curated").isNull(), "not of a curated customer's Step Trainer").when(
        F.col("agreed").isNull(), "an owner of the Step Trainer did not agree"
    )
    if policies.step_trainer_consent == "since_consent":
        dropped = dropped.when(F.col("sensorreadingtime") < F.col("since"), "before the owners' consent")
    return accounting.decide(with_consent, dropped)


def agreed_devices(owners: DataFrame, trusted: DataFrame, *, policies: Policies) -> DataFrame:
    """Return one row per Step Trainer that counts: `serialnumber`, and `since` when, by its owners' consent."""
    addresses = Addresses(owners.select("email"), trusted.select("email"))
    agreed = consent.since_when(addresses.beside(trusted, "email"))
    consents = addresses.beside(owners, "email").join(agreed, on="address", how="left")
    if policies.shared_serial_number == "any_owner":
        return consents.groupBy("serialnumber").agg(F.min("since").alias("since")).where("since is not null")
    return (
        consents.groupBy("serialnumber")
        .agg(F.max("since").alias("since"), F.every(F.col("since").isNotNull()).alias("all agreed"))
        .where("`all agreed`")
        .drop("all agreed")
    )


def main() -> None:
    """Run the job."""
    with Job(writes="step_trainer_trusted") as job:
        steps = job.read_landing("step_trainer_landing")
        curated = job.read_table("customers_curated")
        trusted = job.read_table("customer_trusted")
        if job.policies.curated_identity == "pseudonym":
            curated = subject.identified(curated, trusted.select("email"), [job.subject_key])
        owners = curated
        if job.policies.shared_serial_number == "all_owners":
            # Whoever owns a Step Trainer by a record that cannot be used has a say too.
            customers = job.read_landing("customer_landing", main_input=False)
            owners = customers.unionByName(job.quarantined("customer_landing"))
            if kept := job.refusals():
                refused = refusals.owners(curated.select("serialnumber"), kept, job.refusal_key)
                owners = owners.unionByName(refused, allowMissingColumns=True)
        job.name_for_audit("owners", owners)
        decided = decide(steps, curated, trusted, owners, policies=job.policies).persist()
        job.write(transform(decided), {"step_trainer_landing": decided})


if __name__ == "__main__":
    main()
