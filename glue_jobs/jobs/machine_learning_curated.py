"""step_trainer_trusted + accelerometer_trusted -> machine_learning_curated: pairs of readings to train on."""

from collections.abc import Callable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

import subject
from address import Addresses
from job import Job
from policies import Policies

UNPAIRED = "no reading of the other sensor to pair with"


def transform(
    steps: DataFrame,
    readings: DataFrame,
    curated: DataFrame,
    *,
    policies: Policies,
    pseudonym: Callable[[str], Column] | None = None,
) -> DataFrame:
    """Pair step readings with accelerometer readings of the same millisecond, and say nothing about the customer.

    With a function that gives `pseudonym`s of e-mail addresses, that of the customer who moved stands in for the serial
    number.
    """
    paired = steps["sensorreadingtime"] == readings["timestamp"]
    if policies.training_match == "timestamp_and_customer":
        readings = readings.join(_devices(readings, curated), on=F.col("user") == F.col("owner"), how="inner")
        paired = paired & (steps["serialnumber"] == readings["owned"])
    if pseudonym:
        # Of each customer once: far fewer than readings.
        keys = (
            readings.select("user")
            .distinct()
            .select(F.col("user").alias("mover"), pseudonym("user").alias("subjectkey"))
        )
        readings = readings.join(keys, on=F.col("user") == F.col("mover"), how="left")
    how = "left" if policies.unmatched_steps == "keep" else "inner"
    return steps.join(readings, on=paired, how=how).select(
        F.lit(None).cast("string").alias("serialnumber") if pseudonym else "serialnumber",
        "sensorreadingtime",
        "distancefromobject",
        "x",
        "y",
        "z",
        "subjectkey" if pseudonym else F.lit(None).cast("string").alias("subjectkey"),
    )


def decide(
    steps: DataFrame, readings: DataFrame, curated: DataFrame, *, policies: Policies
) -> tuple[DataFrame, DataFrame]:
    """Tell of each step reading, and of each accelerometer reading, whether it is dropped for want of a partner."""
    moments_of_steps = steps.select(F.col("sensorreadingtime").alias("moment"), F.col("serialnumber").alias("of"))
    moments_of_readings = readings.select(F.col("timestamp").alias("moment"), F.col("user").alias("of"))
    by_step = F.col("sensorreadingtime") == F.col("moment")
    by_reading = F.col("timestamp") == F.col("moment")
    if policies.training_match == "timestamp":
        moments_of_steps, moments_of_readings = moments_of_steps.select("moment"), moments_of_readings.select("moment")
    else:
        devices = _devices(readings, curated)
        moments_of_steps = moments_of_steps.join(devices, on=F.col("of") == F.col("owned"), how="inner").select(
            "moment", F.col("owner").alias("of")
        )
        moments_of_readings = moments_of_readings.join(devices, on=F.col("of") == F.col("owner"), how="inner").select(
            "moment", F.col("owned").alias("of")
        )
        by_step, by_reading = (
            by_step & (F.col("serialnumber") == F.col("of")),
            by_reading & (F.col("user") == F.col("of")),
        )

    unpaired = F.when(F.col("moment").isNull(), UNPAIRED)
    dropped_step = F.lit(None).cast("string") if policies.unmatched_steps == "keep" else unpaired
    once = F.lit(1).alias("copies")  # trusted readings are distinct already
    return (
        steps.join(moments_of_readings.distinct(), on=by_step, how="left").select(once, dropped_step.alias("dropped")),
        readings.join(moments_of_steps.distinct(), on=by_reading, how="left").select(once, unpaired.alias("dropped")),
    )


def _devices(readings: DataFrame, curated: DataFrame) -> DataFrame:
    """Return for each `owner`, as readings spell the address, each Step Trainer that is `owned`.

    Each once: an address with several records of one Step Trainer must not repeat its readings.
    """
    addresses = Addresses(readings.select("user"), curated.select("email"))
    owned = addresses.beside(curated, "email").select("address", F.col("serialnumber").alias("owned")).distinct()
    users = addresses.beside(readings.select(F.col("user").alias("owner")).distinct(), "owner")
    return users.join(owned, on="address", how="inner").select("owner", "owned")


def main() -> None:
    """Run the job."""
    with Job(writes="machine_learning_curated") as job:
        steps = job.read_table("step_trainer_trusted")
        readings = job.read_table("accelerometer_trusted")
        curated = job.read_table("customers_curated")
        if job.policies.curated_identity == "pseudonym":
            curated = subject.identified(curated, readings.select("user"), [job.subject_key])
        job.name_for_audit("owners", curated)
        pseudonyms = job.policies.training_subject == "pseudonym"
        pseudonym = subject.pseudonym(job.subject_key) if pseudonyms else None
        decided_steps, decided_readings = decide(steps, readings, curated, policies=job.policies)
        job.write(
            transform(steps, readings, curated, policies=job.policies, pseudonym=pseudonym),
            {"step_trainer_trusted": decided_steps, "accelerometer_trusted": decided_readings},
        )


if __name__ == "__main__":
    main()
