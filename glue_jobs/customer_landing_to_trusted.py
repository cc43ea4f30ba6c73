"""customer_landing -> customer_trusted: the customers who agreed to share their data with research."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

import consent
from job import Job
from policies import Policies


def transform(customers: DataFrame, *, policies: Policies, now: int) -> DataFrame:
    """Keep the distinct records that agree at `now`, epoch milliseconds; by policy only an address's latest record."""
    records = customers.distinct()  # the same record delivered twice; records that differ are all kept
    if policies.customer_records == "latest":
        records = latest_of_each_email(records, now=now)
    return records.where(consent.agreed(now)).select(
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


def latest_of_each_email(records: DataFrame, *, now: int) -> DataFrame:
    """Keep one record per e-mail address: the last updated, then the last registered, then one without consent."""
    newest_first = Window.partitionBy("email").orderBy(
        F.desc_nulls_last("lastupdatedate"),
        F.desc_nulls_last("registrationdate"),
        consent.agreed(now),
        *records.columns,  # a last resort that makes the choice the same in every run
    )
    return records.withColumn("rank", F.row_number().over(newest_first)).where("rank = 1").drop("rank")


def main() -> None:
    """Run the job."""
    with Job(publishes="customer_trusted") as job:
        customers = job.read_landing("customer_landing")
        job.publish(transform(customers, policies=job.policies, now=job.now))


if __name__ == "__main__":
    main()
