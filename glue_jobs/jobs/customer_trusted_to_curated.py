"""customer_trusted -> customers_curated: the trusted customers who have trusted accelerometer readings."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

import pseudonyms
import reconciliation
from address import Addresses
from job import Job


def transform(classified: DataFrame, secret: bytes | None = None) -> DataFrame:
    """Keep the records without a drop reason; with a pseudonym key, pseudonyms replace the identifying columns."""
    records = reconciliation.to_publish(classified)
    if secret:
        replaced = {name: pseudonyms.pseudonymizer(secret, name)(name) for name in pseudonyms.CURATED}
        records = records.withColumns(replaced)
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


def classify(trusted: DataFrame, users: DataFrame) -> DataFrame:
    """Give each trusted record its drop reason: its customer has no trusted accelerometer reading.

    `users` has the `user` of readings, each at least once.
    """
    addresses = Addresses(trusted.select("email"), users.select("user"))
    movers = addresses.add_to(users, "user").select(F.col("address").alias("mover")).distinct()
    with_mover = addresses.add_to(trusted, "email").join(movers, on=F.col("address") == F.col("mover"), how="left")
    drop_reason = F.when(F.col("mover").isNull(), "no trusted accelerometer reading")
    return reconciliation.with_drop_reason(with_mover, drop_reason)


def movers(readings: DataFrame) -> DataFrame:
    """Return what is decided about each `person` with readings."""
    return readings.select(F.col("user").alias("person"), F.lit("has moved").alias("decision"))


def main() -> None:
    """Run the job."""
    with Job(writes="customers_curated") as job:
        trusted = job.read_table("customer_trusted")
        # Of the readings only their customers matter, however many there are of each.
        users = job.read_table("accelerometer_trusted").select("user").distinct().persist()
        more = job.added_to("accelerometer_trusted")
        job.decide("customer_trusted", movers(users), added=None if more is None else movers(more))
        classified = classify(trusted, users).persist()
        secret = job.subject_key if job.policies.curated_identity == "pseudonym" else None
        job.write(
            transform(classified, secret),
            classified={"customer_trusted": classified},
            audit_inputs={"customer_trusted": trusted, "accelerometer_trusted": users},
        )


if __name__ == "__main__":
    main()
