"""Write the dataset card of the training table to the bucket, from the tables as they are published.

The jobs do this, so that a run that starts by schedule or by arrival of files has a card as any other has. It reads the
published tables only: a run that publishes rows of an earlier run has its card too.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from math import sqrt
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

import dataset_card
import lineage
import pipeline
import policies
import reconciliation
import table_contract
import training_split
from dataset_card import MEASURED, OUT_OF_DATE, PREFIX, STEPS, TRAINING, Facts
from file_numbers import mask_names
from iceberg import CATALOG, MAIN, Snapshot, Table, branch_of
from problems import describe_error
from s3_root import split

NO_SPLIT: Final = "none"
"""What a card calls the split of rows that are in none."""
COUNTED: Final = ("rows", "subjects", "split_rows", "measured", "values")
"""The facts that take a pass over the training table. Those of the last card are taken over, or added to."""


def client() -> Any:
    """Return a client of S3."""
    return boto3.client("s3")


def write(spark: SparkSession, *, database: str, bucket: str, masked: Callable[[str], str] = mask_names) -> None:
    """Write the card, or log a warning: what was published stands even if that fails.

    `masked` takes out of an error's text what no log may have.
    """
    try:
        s3 = client()
        name, root = split(bucket)
        facts = gather(spark, database, _last(s3, name, f"{root}{PREFIX}{dataset_card.FACTS}"))
        for file, text, media_type in dataset_card.objects(facts):
            s3.put_object(Bucket=name, Key=f"{root}{PREFIX}{file}", Body=text.encode(), ContentType=media_type)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not fail a run that is published
        spark_failed = isinstance(error, Py4JError | PySparkException)
        reason = describe_error(error) if spark_failed else f"{type(error).__name__}: {error}"
        print(f"WARNING: {OUT_OF_DATE}: {masked(reason)}", flush=True)
    else:
        print(f"dataset card: s3://{bucket}/{PREFIX}{dataset_card.FILE}", flush=True)


def gather(spark: SparkSession, database: str, last: Facts | None) -> Facts:
    """Collect the facts of the published tables, given those of the last card, if there is one."""
    published = {name: Table(spark, f"{CATALOG}.{database}.{name}") for name in pipeline.WRITTEN}
    heads = {name: table.snapshot() for name, table in published.items()}
    training = heads[TRAINING]
    report = training.report if training else {}
    workflow_run, job_run = report.get("workflow-run-id", ""), report.get("job-run-id", "")
    run, tag = workflow_run or job_run, branch_of(workflow_run, job_run)
    tagged = published[TRAINING].tagged(tag)
    known = Table(spark, f"{CATALOG}.{database}.{STEPS}").snapshot()
    split = Table(spark, f"{CATALOG}.{database}.{training_split.TABLE}")
    numbers = _numbers(published[TRAINING], training, split, last)
    left_out = exclusions([head.report for head in heads.values() if head])
    contract = table_contract.load(TRAINING).schema
    return Facts(
        run=run,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        steps=known.rows if known else 0,
        **numbers,
        columns=[(field.name, field.dataType.simpleString(), field.metadata["comment"]) for field in contract],
        policies=_policies(json.loads(report.get("policies", "{}"))),
        profile=report.get("profile", ""),
        exclusions=left_out,
        duplicates=sum(rows for _, reason, rows in left_out if reason == reconciliation.DUPLICATE),
        of_two_people=int(report.get(lineage.OF_TWO_PEOPLE, 0)),
        shared_serial_numbers=int(report.get(lineage.SHARED_SERIAL_NUMBERS, 0)),
        snapshots={name: head.id for name, head in heads.items() if head},
        tag=tag if training and tagged and tagged.id == training.id else None,
        before=dataset_card.before(last, run),
    )


def _numbers(table: Table, head: Snapshot | None, split: Table, last: Facts | None) -> dict[str, Any]:
    """Return the facts that `COUNTED` names, by a pass over as few rows as the last card leaves to count."""
    if head and last and last.snapshots.get(TRAINING) == head.parent:
        counted = {name: getattr(last, name) for name in COUNTED}
        if lineage.UNCHANGED_SINCE in head.report:
            return counted
        subjects = head.report.get(lineage.GROWN_SPLIT)
        if subjects and last.values and (added := table.added_since(last.snapshots[TRAINING], MAIN)) is not None:
            parts = measure(added, split.read())
            if all(row["split"] != NO_SPLIT for row in parts):  # whose subjects may have been counted already
                return add(counted, parts, json.loads(subjects))
    return count(measure(table.read(), split.read()))


def measure(training: DataFrame, split_of_subjects: DataFrame) -> list[Row]:
    """Count rows and subjects of each split, and describe each measured column, in one pass over the training table.

    A row without a movement is in no split.
    """
    subject = F.coalesce("subjectkey", "serialnumber").alias("person")
    numbers = [
        F.struct(
            F.count(column).alias("n"),
            F.avg(column).alias("mean"),
            F.var_pop(column).alias("variance"),
            F.min(column).cast("double").alias("least"),
            F.max(column).cast("double").alias("most"),
        ).alias(column)
        for column in MEASURED
    ]
    # One equality, without a second condition: each row looks its subject up.
    in_split = F.when(F.col("x").isNotNull(), F.col("person")) == F.col("subject")
    return (
        training.select(subject, *MEASURED)
        .join(F.broadcast(split_of_subjects.select("subject", "split")), on=in_split, how="left")
        .groupBy(F.coalesce("split", F.lit(NO_SPLIT)).alias("split"))
        .agg(F.count("*").alias("rows"), F.countDistinct("person").alias("subjects"), *numbers)
        .orderBy("split")
        .collect()
    )


def count(parts: Sequence[Row]) -> dict[str, Any]:
    """Return the facts that `COUNTED` names, from the numbers of the splits (see `measure`)."""
    return {
        "rows": sum(row["rows"] for row in parts),
        "subjects": {row["split"]: row["subjects"] for row in parts},
        "split_rows": {row["split"]: row["rows"] for row in parts},
        "measured": {column: summarize([row[column] for row in parts]) for column in MEASURED},
        "values": {column: sum(row[column]["n"] for row in parts) for column in MEASURED},
    }


def add(before: Mapping[str, Any], parts: Sequence[Row], subjects: Mapping[str, int]) -> dict[str, Any]:
    """Return the facts that `COUNTED` names, given those of the rows before, the numbers of new rows and all subjects.

    The rows before are still in the same splits.
    """
    gained = count(parts)
    measured = {}
    for column in MEASURED:
        of_before = _part(before["values"][column], *before["measured"][column])
        measured[column] = summarize([of_before, *(row[column] for row in parts)])
    return {
        "rows": before["rows"] + gained["rows"],
        "subjects": dict(sorted((before["subjects"] | subjects).items())),
        "split_rows": dict(sorted((Counter(before["split_rows"]) + Counter(gained["split_rows"])).items())),
        "measured": measured,
        "values": {column: before["values"][column] + gained["values"][column] for column in MEASURED},
    }


def summarize(parts: Iterable[Row | Mapping[str, Any]]) -> list[float | None]:
    """Return mean, standard deviation, minimum and maximum of a column, from those of the splits (see `measure`)."""
    filled = [part for part in parts if part["n"]]
    total = sum(part["n"] for part in filled)
    if not total:
        return [None] * 4
    mean = sum(part["n"] * part["mean"] for part in filled) / total
    # Within the splits and between them: a difference of two sums of squares would lose digits.
    squares = sum(part["n"] * (part["variance"] + (part["mean"] - mean) ** 2) for part in filled)
    deviation = sqrt(squares / (total - 1)) if total > 1 else None
    return [mean, deviation, min(part["least"] for part in filled), max(part["most"] for part in filled)]


def _part(
    n: int, mean: float | None, deviation: float | None, least: float | None, most: float | None
) -> dict[str, Any]:
    """Return the numbers of a column as `measure` does, given how many there are and what `summarize` returns."""
    variance = deviation**2 * (n - 1) / n if deviation else 0.0
    return {"n": n, "mean": mean, "variance": variance, "least": least, "most": most}


def exclusions(reports: Iterable[Mapping[str, str]]) -> list[tuple[str, str, int]]:
    """Return source table, reason and number of the rows that a run left out, from the reports of its tables.

    They are in the order of the tables, and for each by source and number.
    """
    found = []
    for report in reports:
        counts = reconciliation.of_report(report)
        sources = list(dict.fromkeys(count.source_table for count in counts))
        counts.sort(key=lambda each: (sources.index(each.source_table), -each.rows, each.outcome, each.reason))
        left_out = [count for count in counts if count.outcome in ("dropped", "quarantined")]
        found += [(count.source_table, count.reason, count.rows) for count in left_out]
    return found


def _policies(values: Mapping[str, str]) -> list[tuple[str, str, str]]:
    declared = policies.DECLARED["policies"]
    return [
        (name, value, declared[name]["values"].get(value, "")) for name, value in values.items() if name in declared
    ]


def _last(s3: Any, bucket: str, key: str) -> Facts | None:
    try:
        text = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("NoSuchKey", "404"):
            raise
        return None
    return dataset_card.last(text)
