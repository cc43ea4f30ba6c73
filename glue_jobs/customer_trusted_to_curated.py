"""customer_trusted -> customers_curated: the trusted customers who also have movements to offer."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from job import Job


def transform(trusted: DataFrame, readings: DataFrame) -> DataFrame:
    """Keep the trusted records of customers with at least one trusted accelerometer reading."""
    movers = readings.select("user").distinct()  # few: shuffles and broadcasts users instead of readings
    return trusted.join(movers, on=F.col("email") == F.col("user"), how="left_semi").select(
        "customername",
        "email",
        "phone",
        "birthday",
        "serialnumber",
        "registrationdate",
        "lastupdatedate",
        "sharewithresearchasofdate",
        "sharewithpublicasofdate",
        "sharewithfriendsasofdate",
    )


def main() -> None:
    """Run the job."""
    with Job(publishes="customers_curated") as job:
        trusted = job.read_table("customer_trusted")
        readings = job.read_table("accelerometer_trusted")
        job.publish(transform(trusted, readings))


if __name__ == "__main__":
    main()
