"""step_trainer_trusted + accelerometer_trusted -> machine_learning_curated: pairs of readings to train on."""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

import lineage
import pseudonyms
import reconciliation
import small_frames
import training_split
from address import Addresses
from canonical import canonical
from dataset_card import STEPS
from job import Job
from policies import Policies
from training_split import Shares

UNPAIRED: Final = "no reading of the other sensor to pair with"
PAIR_KEY: Final = ["moment", "device"]
"""Columns in which a step reading and an accelerometer reading agree if they form a pair."""


def pair(steps: DataFrame, readings: DataFrame, curated: DataFrame, *, policies: Policies) -> DataFrame:
    """Pair step readings with accelerometer readings; `user` is the customer who moved, null without a partner."""
    steps, readings = _with_pair_keys(steps, readings, curated, policies=policies)
    how = "left" if policies.unmatched_steps == "keep" else "inner"
    return steps.join(readings, on=PAIR_KEY, how=how).select(
        "serialnumber", "sensorreadingtime", "distancefromobject", "x", "y", "z", "user"
    )


def transform(pairs: DataFrame, pseudonym: Callable[[str], Column] | None = None) -> DataFrame:
    """Make a training row of each pair, without any data that identifies the customer.

    With a function `pseudonym` of e-mail addresses, the pseudonym of the customer who moved replaces the serial number.
    """
    if pseudonym:
        # Computed once per customer, of whom there are far fewer than pairs.
        keys = pairs.select("user").distinct().select(F.col("user").alias("mover"), pseudonym("user").alias("key"))
        pairs = pairs.join(keys, on=F.col("user") == F.col("mover"), how="left")
    none = F.lit(None).cast("string")
    return pairs.select(
        none.alias("serialnumber") if pseudonym else "serialnumber",
        "sensorreadingtime",
        "distancefromobject",
        "x",
        "y",
        "z",
        (F.col("key") if pseudonym else none).alias("subjectkey"),
    )


def classify(
    steps: DataFrame, readings: DataFrame, curated: DataFrame, *, policies: Policies
) -> tuple[DataFrame, DataFrame]:
    """Give each step reading, and each accelerometer reading, its drop reason: it has no partner to pair with."""
    keyed_steps, keyed_readings = _with_pair_keys(steps, readings, curated, policies=policies)
    paired = F.lit(True).alias("paired")
    moved = keyed_readings.select(*PAIR_KEY).distinct().select(*PAIR_KEY, paired)
    measured = keyed_steps.select(*PAIR_KEY).distinct().select(*PAIR_KEY, paired)
    movements = keyed_readings.join(measured, on=PAIR_KEY, how="left")
    if policies.training_match == "timestamp_and_customer":
        # A customer's reading has one key for each of their Step Trainers; a partner for one of them is enough.
        with_partner = movements.where("paired").select("user", "timestamp").distinct()
        movements = readings.join(with_partner.select("*", paired), on=["user", "timestamp"], how="left")

    unpaired = F.when(F.col("paired").isNull(), UNPAIRED)
    unpaired_step = F.lit(None).cast("string") if policies.unmatched_steps == "keep" else unpaired
    return (
        reconciliation.with_drop_reason(keyed_steps.join(moved, on=PAIR_KEY, how="left"), unpaired_step),
        reconciliation.with_drop_reason(movements, unpaired),
    )


def people_of_rows(pairs: DataFrame) -> DataFrame:
    """Return each `serialnumber` and `user` that training rows combine, with the number of these `rows`.

    With pairs by time alone, the user need not own the Step Trainer.
    """
    return pairs.where("user is not null").groupBy("serialnumber", "user").agg(F.count("*").alias("rows"))


def splits(
    people: Collection[tuple[str, str]], shares: Shares, key: bytes, subject_key: bytes | None
) -> dict[str, str]:
    """Return the split of each subject, which is a customer's pseudonym with a subject key, else a Step Trainer.

    `people` are the Step Trainer and the user of training rows. A prefix keeps the two kinds of names apart.
    """
    devices = {serial: f"device {serial}" for serial in {serial for serial, _ in people}}
    customers = {user: f"customer {canonical(user)}" for user in {user for _, user in people}}
    found = training_split.assign([(devices[serial], customers[user]) for serial, user in people], shares, key)
    if subject_key is None:
        return {serial: found[name] for serial, name in devices.items()}
    return {pseudonyms.of(subject_key, user): found[name] for user, name in customers.items()}


def defects(rows: Mapping[tuple[str, str], int], owned: Collection[tuple[str, str]]) -> dict[str, str]:
    """Return what the report says about known defects: rows that pair two people, and shared serial numbers.

    `rows` counts training rows by Step Trainer and user, `owned` are the Step Trainer and address of each owner.
    """
    owners = {(serial, canonical(email)) for serial, email in owned}
    of_two = sum(count for (serial, user), count in rows.items() if (serial, canonical(user)) not in owners)
    shared = sum(count > 1 for count in Counter(serial for serial, _ in owners).values())
    return {lineage.OF_TWO_PEOPLE: str(of_two), lineage.SHARED_SERIAL_NUMBERS: str(shared)}


def growth_of_split(before: Iterable[tuple[str, str]], now: Mapping[str, str]) -> dict[str, str]:
    """Return what the report says about a split that has only grown; nothing if a subject of before has another one."""
    if any(now.get(subject) != split for subject, split in before):
        return {}
    return {lineage.GROWN_SPLIT: json.dumps(Counter(now.values()))}


def steps_of_subjects(known: DataFrame, rows: DataFrame) -> DataFrame:
    """Keep the known steps of subjects in the training rows, from the first row of each: consent covers no earlier."""
    subject = F.coalesce("subjectkey", "serialnumber").alias("subject")
    since = rows.groupBy(subject).agg(F.min("sensorreadingtime").alias("since"))
    return known.join(since, on="subject", how="inner").where("steptime >= since").select("subject", "steptime")


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
        curated = job.read_table("customers_curated")
        all_steps, all_readings = job.whole("step_trainer_trusted"), job.whole("accelerometer_trusted")
        owners = curated
        if job.policies.curated_identity == "pseudonym":
            owners = pseudonyms.resolve(curated, all_readings.select("user"), [job.subject_key])
        job.decide("accelerometer_trusted", owners.selectExpr("email AS person", "serialnumber AS decision"))
        steps, readings = job.read_table("step_trainer_trusted"), job.read_table("accelerometer_trusted")
        with_pseudonyms = job.policies.training_subject == "pseudonym"
        pseudonym = pseudonyms.pseudonymizer(job.subject_key) if with_pseudonyms else None
        classified_steps, classified_readings = classify(steps, readings, owners, policies=job.policies)
        pairs = pair(steps, readings, owners, policies=job.policies).persist()
        all_pairs = pair(all_steps, all_readings, owners, policies=job.policies) if job.adds_rows else pairs
        # Whom all rows combine decides about the split. To pair all readings for it would take as long as a full run.
        known = job.published_people()
        asked = {
            "rows": people_of_rows(all_pairs if known is None else pairs),
            "owned": owners.where("email is not null").select("serialnumber", "email", F.lit(0)).distinct(),
        }
        if job.adds_rows and (published := job.read_beside(training_split.TABLE)) is not None:
            asked["split"] = published.select("subject", "split", F.lit(0))
        found = small_frames.collect(asked)
        people = Counter({(serial, user): rows for serial, user, rows in found["rows"]}) + Counter(known or {})
        owned = [(serial, user) for serial, user, _ in found["owned"]]
        # The key of the refusals is never rotated: with another key, each subject would get another split.
        split = splits(people, job.training_shares, job.refusal_key, job.subject_key if with_pseudonyms else None)
        facts = defects(people, owned)
        if "split" in found:
            facts |= growth_of_split((row[:2] for row in found["split"]), split)
        beside = {training_split.TABLE: partial(job.rows_of, training_split.TABLE, sorted(split.items()))}
        if (label := job.read_beside(STEPS)) is not None:
            beside[STEPS] = partial(steps_of_subjects, label, transform(all_pairs, pseudonym))
        job.write(
            transform(pairs, pseudonym),
            classified={"step_trainer_trusted": classified_steps, "accelerometer_trusted": classified_readings},
            audit_inputs={
                "step_trainer_trusted": steps,
                "accelerometer_trusted": readings,
                "customers_curated": curated,
                "owners": owners,
            },
            beside=beside,
            facts=facts,
            people=people,
        )


if __name__ == "__main__":
    main()
