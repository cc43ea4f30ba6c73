"""customer_trusted -> customers_curated: the trusted customers who also have movements to offer."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

import accounting
import subject
from address import Addresses
from job import Job


def transform(decided: DataFrame, secret: bytes | None = None) -> DataFrame:
    """Keep the records that `decide` did not drop; with the secret of the pseudonyms, these identify the customers."""
    records = accounting.published(decided)
    if secret:
        records = records.withColumns({name: subject.pseudonym(secret, name)(name) for name in subject.CURATED})
    return records.select(
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


def decide(trusted: DataFrame, readings: DataFrame) -> DataFrame:
    """Tell for each trusted record whether it is dropped: its customer has no trusted accelerometer reading."""
    addresses = Addresses(trusted.select("email"), readings.select("user"))
    movers = addresses.beside(readings, "user").select(F.col("address").alias("mover")).distinct()
    records = addresses.beside(accounting.distinct(trusted), "email")
    with_mover = records.join(movers, on=F.col("address") == F.col("mover"), how="left")
    return accounting.decide(with_mover, F.when(F.col("mover").isNull(), "no trusted accelerometer reading"))


def main() -> None:
    """Run the job."""
    with Job(writes="customers_curated") as job:
        trusted = job.read_table("customer_trusted")
        readings = job.read_table("accelerometer_trusted")
        decided = decide(trusted, readings).persist()
        secret = job.subject_key if job.policies.curated_identity == "pseudonym" else None
        job.write(transform(decided, secret), {"customer_trusted": decided})


if __name__ == "__main__":
    main()
