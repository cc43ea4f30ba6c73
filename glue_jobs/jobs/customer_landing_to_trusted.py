"""customer_landing -> customer_trusted: the customers who agreed to share their data with research."""

from collections.abc import Callable

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

import accounting
import consent
import subject
from address import Addresses
from job import Job
from policies import Policies


def transform(decided: DataFrame) -> DataFrame:
    """Keep the records that `decide` did not drop."""
    return accounting.published(decided).select(
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


def decide(customers: DataFrame, quarantined: DataFrame, *, policies: Policies, now: int) -> DataFrame:
    """Tell for each distinct record why it is dropped at `now`, epoch milliseconds; by policy only the latest counts.

    `quarantined` are the records that cannot be used, as far as they could be read.
    """
    records = accounting.distinct(customers)  # the same record delivered twice; records that differ are all kept
    if policies.customer_records == "each":
        return accounting.decide(records, consent.objection(now))
    of_address = Window.partitionBy("address")
    # One without a date may be later than any other, so it is taken for that.
    withdrawal = (F.coalesce("lastupdatedate", F.lit(0)) < 1) & consent.objection(now).isNotNull()
    newest_first = of_address.orderBy(
        withdrawal.desc(),
        F.desc_nulls_last("lastupdatedate"),
        F.desc_nulls_last("registrationdate"),
        consent.objection(now).isNull(),  # without consent first
        *customers.columns,  # a last resort that makes the choice the same in every run
    )
    addresses = Addresses(customers.select("email"), quarantined.select("email"))
    unclear = addresses.beside(quarantined, "email").select(F.col("address").alias("unclear")).distinct()
    ranked = (
        addresses.beside(records, "email")
        .withColumn("rank", F.row_number().over(newest_first))
        .withColumn("withdrawn", F.max(withdrawal).over(of_address))
        .join(unclear, on=F.col("address") == F.col("unclear"), how="left")
    )
    dropped = (
        F.when(F.col("unclear").isNotNull(), "a quarantined record of the address may withdraw consent")
        .when((F.col("rank") > 1) & F.col("withdrawn"), "an undated record of the address may withdraw consent")
        .when(F.col("rank") > 1, "a later record of the address decides")
        .otherwise(consent.objection(now))
    )
    return accounting.decide(ranked, dropped).drop("address", "rank", "withdrawn", "unclear")


def evidence(decided: DataFrame, pseudonym: Callable[[str], Column], *, now: int) -> DataFrame:
    """Return what was decided about each distinct record, under the pseudonym of its customer."""
    return decided.select(
        pseudonym("email").alias("subjectkey"),
        F.when(F.col("dropped").isNull(), "kept").otherwise("dropped").alias("decision"),
        F.coalesce("dropped", F.lit("")).alias("reason"),
        F.col("sharewithresearchasofdate").alias("consentedat"),
        F.col("copies").alias("records"),
        F.lit(now).alias("decided_at"),
    )


def main() -> None:
    """Run the job."""
    with Job(writes="customer_trusted") as job:
        customers = job.read_landing("customer_landing")
        quarantined = job.quarantined("customer_landing")
        decided = decide(customers, quarantined, policies=job.policies, now=job.now).persist()
        job.record("consent_decisions", evidence(decided, subject.pseudonym(job.subject_key), now=job.now))
        job.write(transform(decided), {"customer_landing": decided})


if __name__ == "__main__":
    main()
