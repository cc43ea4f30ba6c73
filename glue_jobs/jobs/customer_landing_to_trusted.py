"""customer_landing -> customer_trusted: the customers who consent to share their data with research."""

from collections.abc import Callable

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

import consent
import pseudonyms
import reconciliation
from address import Addresses
from job import Job
from policies import Policies


def transform(classified: DataFrame) -> DataFrame:
    """Keep the records without a drop reason."""
    return reconciliation.to_publish(classified).select(
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


def classify(customers: DataFrame, quarantined: DataFrame, *, policies: Policies, now: int) -> DataFrame:
    """Give each record its drop reason at `now`, epoch milliseconds; by policy only the latest record counts.

    `quarantined` are the unusable records, as far as they could be parsed.
    """
    if policies.customer_records == "each":
        return reconciliation.with_drop_reason(customers, consent.no_consent_reason(now))
    of_address = Window.partitionBy("address")
    # A record without a date may be later than any other, so it counts as the latest.
    withdrawal = (F.coalesce("lastupdatedate", F.lit(0)) < 1) & consent.no_consent_reason(now).isNotNull()
    newest_first = of_address.orderBy(
        withdrawal.desc(),
        F.desc_nulls_last("lastupdatedate"),
        F.desc_nulls_last("registrationdate"),
        consent.no_consent_reason(now).isNull(),  # without consent comes first
        *customers.columns,  # makes the choice the same in every run
    )
    addresses = Addresses(customers.select("email"), quarantined.select("email"))
    unclear = addresses.add_to(quarantined, "email").select(F.col("address").alias("unclear")).distinct()
    ranked = (
        addresses.add_to(customers, "email")
        .withColumn("rank", F.dense_rank().over(newest_first))  # the same for exact duplicates
        .withColumn("withdrawn", F.max(withdrawal).over(of_address))
        .join(unclear, on=F.col("address") == F.col("unclear"), how="left")
    )
    drop_reason = (
        F.when(F.col("unclear").isNotNull(), "a quarantined record of the address may withdraw consent")
        .when((F.col("rank") > 1) & F.col("withdrawn"), "an undated record of the address may withdraw consent")
        .when(F.col("rank") > 1, "a later record of the address counts")
        .otherwise(consent.no_consent_reason(now))
    )
    return reconciliation.with_drop_reason(ranked, drop_reason).drop("address", "rank", "withdrawn", "unclear")


def evidence(classified: DataFrame, pseudonym: Callable[[str], Column], *, now: int) -> DataFrame:
    """Return the consent decision about each distinct record, under the pseudonym of its customer."""
    records = classified.groupBy(*classified.columns).agg(F.count("*").alias("copies"))
    return records.select(
        pseudonym("email").alias("subjectkey"),
        F.when(F.col("drop_reason").isNull(), "kept").otherwise("dropped").alias("decision"),
        F.coalesce("drop_reason", F.lit("")).alias("reason"),
        F.col("sharewithresearchasofdate").alias("consentedat"),
        F.col("copies").alias("records"),
        F.lit(now).alias("decided_at"),
    )


def main() -> None:
    """Run the job."""
    with Job(writes="customer_trusted") as job:
        customers = job.read_landing("customer_landing")
        quarantined = job.quarantined("customer_landing")
        classified = classify(customers, quarantined, policies=job.policies, now=job.now).persist()
        job.holds_until(consent.next_consent(classified, job.now))
        job.record("consent_decisions", evidence(classified, pseudonyms.pseudonymizer(job.subject_key), now=job.now))
        job.write(
            transform(classified),
            classified={"customer_landing": classified},
            audit_inputs={"customer_landing": customers, "customer_landing_quarantined": quarantined},
        )


if __name__ == "__main__":
    main()
