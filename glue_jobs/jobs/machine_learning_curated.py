"""step_trainer_trusted + accelerometer_trusted -> machine_learning_curated: pairs of readings to train on."""

from collections.abc import Callable
from typing import Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

import pseudonyms
import reconciliation
from address import Addresses
from job import Job
from policies import Policies

UNPAIRED: Final = "no reading of the other sensor to pair with"
PAIR_KEY: Final = ["moment", "device"]
"""Columns in which a step reading and an accelerometer reading agree if they form a pair."""


def transform(
    steps: DataFrame,
    readings: DataFrame,
    curated: DataFrame,
    *,
    policies: Policies,
    pseudonym: Callable[[str], Column] | None = None,
) -> DataFrame:
    """Pair step readings with accelerometer readings, without any data that identifies the customer.

    With a function `pseudonym` of e-mail addresses, the pseudonym of the customer who moved replaces the serial number.
    """
    if pseudonym:
        # Computed once per customer, of whom there are far fewer than readings.
        keys = (
            readings.select("user")
            .distinct()
            .select(F.col("user").alias("mover"), pseudonym("user").alias("subjectkey"))
        )
        readings = readings.join(keys, on=F.col("user") == F.col("mover"), how="left")
    steps, readings = _with_pair_keys(steps, readings, curated, policies=policies)
    how = "left" if policies.unmatched_steps == "keep" else "inner"
    return steps.join(readings, on=PAIR_KEY, how=how).select(
        F.lit(None).cast("string").alias("serialnumber") if pseudonym else "serialnumber",
        "sensorreadingtime",
        "distancefromobject",
        "x",
        "y",
        "z",
        "subjectkey" if pseudonym else F.lit(None).cast("string").alias("subjectkey"),
    )


def classify(
    steps: DataFrame, readings: DataFrame, curated: DataFrame, *, policies: Policies
) -> tuple[DataFrame, DataFrame]:
    """Give each step reading, and each accelerometer reading, its drop reason: it has no partner to pair with."""
    keyed_steps, keyed_readings = _with_pair_keys(steps, readings, curated, policies=policies)
    paired = F.lit(True).alias("paired")
    partners = keyed_readings.select(*PAIR_KEY).distinct().select(*PAIR_KEY, paired)
    # A customer's reading has one key for each of their Step Trainers; a partner for one of them is enough.
    moved = keyed_readings.join(keyed_steps.select(*PAIR_KEY), on=PAIR_KEY, how="left_semi")
    movements = moved.select("user", "timestamp").distinct().select("user", "timestamp", paired)

    unpaired = F.when(F.col("paired").isNull(), UNPAIRED)
    unpaired_step = F.lit(None).cast("string") if policies.unmatched_steps == "keep" else unpaired
    once = F.lit(1).alias("copies")  # trusted readings are distinct already
    return (
        reconciliation.with_drop_reason(keyed_steps.join(partners, on=PAIR_KEY, how="left"), unpaired_step).select(
            once, "drop_reason"
        ),
        reconciliation.with_drop_reason(
            readings.join(movements, on=["user", "timestamp"], how="left"), unpaired
        ).select(once, "drop_reason"),
    )


def _with_pair_keys(
    steps: DataFrame, readings: DataFrame, curated: DataFrame, *, policies: Policies
) -> tuple[DataFrame, DataFrame]:
    """Add the columns of `PAIR_KEY` to both kinds of readings: the definition of which readings form a pair.

    Readings pair at the same millisecond. With training_match = timestamp_and_customer the customer who moved must also
    own the Step Trainer: then an accelerometer reading is repeated for each Step Trainer of its customer.
    """
    steps = steps.withColumn("moment", F.col("sensorreadingtime"))
    readings = readings.withColumn("moment", F.col("timestamp"))
    if policies.training_match == "timestamp":
        any_device = F.lit("")
        return steps.withColumn("device", any_device), readings.withColumn("device", any_device)
    owned = readings.join(_devices(readings, curated), on=F.col("user") == F.col("owner"), how="inner").drop("owner")
    return steps.withColumn("device", F.col("serialnumber")), owned


def _devices(readings: DataFrame, curated: DataFrame) -> DataFrame:
    """Return each Step Trainer (`device`) of each `owner`, spelled as the readings spell the address.

    Each pair is distinct: an owner with several records of one Step Trainer must not have readings repeated.
    """
    addresses = Addresses(readings.select("user"), curated.select("email"))
    owned = addresses.add_to(curated, "email").select("address", F.col("serialnumber").alias("device")).distinct()
    users = addresses.add_to(readings.select(F.col("user").alias("owner")).distinct(), "owner")
    return users.join(owned, on="address", how="inner").select("owner", "device")


def main() -> None:
    """Run the job."""
    with Job(writes="machine_learning_curated") as job:
        steps = job.read_table("step_trainer_trusted")
        readings = job.read_table("accelerometer_trusted")
        curated = job.read_table("customers_curated")
        owners = curated
        if job.policies.curated_identity == "pseudonym":
            owners = pseudonyms.resolve(curated, readings.select("user"), [job.subject_key])
        with_pseudonyms = job.policies.training_subject == "pseudonym"
        pseudonym = pseudonyms.pseudonymizer(job.subject_key) if with_pseudonyms else None
        classified_steps, classified_readings = classify(steps, readings, owners, policies=job.policies)
        job.write(
            transform(steps, readings, owners, policies=job.policies, pseudonym=pseudonym),
            classified={"step_trainer_trusted": classified_steps, "accelerometer_trusted": classified_readings},
            audit_inputs={
                "step_trainer_trusted": steps,
                "accelerometer_trusted": readings,
                "customers_curated": curated,
                "owners": owners,
            },
        )


if __name__ == "__main__":
    main()
