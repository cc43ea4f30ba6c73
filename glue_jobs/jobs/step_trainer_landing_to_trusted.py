"""step_trainer_landing -> step_trainer_trusted: the readings of Step Trainers that belong to curated customers."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

import consent
import pseudonyms
import reconciliation
import refusals
from address import Addresses
from job import Job
from policies import Policies


def transform(classified: DataFrame) -> DataFrame:
    """Keep the readings without a drop reason."""
    return reconciliation.to_publish(classified).select("sensorreadingtime", "serialnumber", "distancefromobject")


def classify(steps: DataFrame, devices: DataFrame, *, policies: Policies) -> DataFrame:
    """Give each reading its drop reason, given what `curated_devices` returns.

    That is: no curated owner, an owner without consent or, by policy, older than the consent.
    """
    with_consent = steps.join(devices, on=F.col("serialnumber") == F.col("curated"), how="left")
    drop_reason = F.when(F.col("curated").isNull(), "not of a curated customer's Step Trainer").when(
        F.col("since").isNull(), "an owner of the Step Trainer did not agree"
    )
    if policies.step_trainer_consent == "since_consent":
        drop_reason = drop_reason.when(F.col("sensorreadingtime") < F.col("since"), "before the owners' consent")
    return reconciliation.with_drop_reason(with_consent, drop_reason).drop("curated", "since")


def curated_devices(curated: DataFrame, trusted: DataFrame, owners: DataFrame, *, policies: Policies) -> DataFrame:
    """Return each Step Trainer of a curated customer (`curated`) and `since`, as of `agreed_devices`; null without.

    `owners` are the customer records that count as owners of the Step Trainers.
    """
    devices = curated.select(F.col("serialnumber").alias("curated")).distinct()
    agreed = agreed_devices(owners, trusted, policies=policies)
    return devices.join(agreed, on=F.col("curated") == F.col("serialnumber"), how="left").drop("serialnumber")


def agreed_devices(owners: DataFrame, trusted: DataFrame, *, policies: Policies) -> DataFrame:
    """Return `serialnumber` and `since`, the start of consent, of each Step Trainer with the consent of its owners."""
    addresses = Addresses(owners.select("email"), trusted.select("email"))
    consents_by_address = consent.earliest_consent(addresses.add_to(trusted, "email"))
    consents = addresses.add_to(owners, "email").join(consents_by_address, on="address", how="left")
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
        curated = job.read_table("customers_curated")
        trusted = job.read_table("customer_trusted")
        owners = curated
        if job.policies.curated_identity == "pseudonym":
            owners = pseudonyms.resolve(curated, trusted.select("email"), [job.subject_key])
        if job.policies.shared_serial_number == "all_owners":
            # An owner known only from an unusable record counts too.
            customers = job.read_landing("customer_landing")
            owners = customers.unionByName(job.quarantined("customer_landing"))
            if refused := job.refusals():
                refused_owners = refusals.refused_owners(curated.select("serialnumber"), refused, job.refusal_key)
                owners = owners.unionByName(refused_owners, allowMissingColumns=True)
        devices = curated_devices(curated, trusted, owners, policies=job.policies)
        job.decide("step_trainer_landing", devices.selectExpr("curated AS person", "since AS decision"))
        steps = job.read_landing("step_trainer_landing")
        classified = classify(steps, devices, policies=job.policies)
        job.write(
            transform(classified),
            classified={"step_trainer_landing": classified},
            audit_inputs={
                "step_trainer_landing": steps,
                "customers_curated": curated,
                "customer_trusted": trusted,
                "owners": owners,
            },
        )


if __name__ == "__main__":
    main()
