"""step_trainer_trusted + accelerometer_trusted -> machine_learning_curated: pairs of readings to train on."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from job import Job
from policies import Policies


def transform(steps: DataFrame, readings: DataFrame, curated: DataFrame, *, policies: Policies) -> DataFrame:
    """Pair step readings with accelerometer readings of the same millisecond, and say nothing about the customer."""
    paired = steps["sensorreadingtime"] == readings["timestamp"]
    if policies.training_match == "timestamp_and_customer":
        # An address with several records of the same Step Trainer must not repeat its readings.
        owners = curated.select("email", F.col("serialnumber").alias("owned")).distinct()
        readings = readings.join(owners, on=F.col("user") == F.col("email"), how="inner")
        paired = paired & (steps["serialnumber"] == readings["owned"])
    how = "left" if policies.unmatched_steps == "keep" else "inner"
    return steps.join(readings, on=paired, how=how).select(
        "serialnumber", "sensorreadingtime", "distancefromobject", "x", "y", "z"
    )


def main() -> None:
    """Run the job."""
    with Job(publishes="machine_learning_curated") as job:
        steps = job.read_table("step_trainer_trusted")
        readings = job.read_table("accelerometer_trusted")
        curated = job.read_table("customers_curated")
        job.publish(transform(steps, readings, curated, policies=job.policies))


if __name__ == "__main__":
    main()
