"""Where landing rows go that cannot be used, and how many of them a run bears."""

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

import file_numbers
from arguments import QuarantineLimit
from problems import BadInputError

SHOWN_GROUPS = 10  # what is shown of a job's message is bounded, on AWS too


def location_of(bucket: str, table: str, job_run_id: str) -> str:
    """Return where the rows go that a job run could not use."""
    return f"s3://{bucket}/quarantine/{table}/{job_run_id}/"


def write(problems: DataFrame, location: str, *, table: str, workflow_run_id: str, job_run_id: str, now: int) -> None:
    """Write rows of `landing.parse` that have a problem, as they came, with what is known about them."""
    problems.select(
        F.lit(table).alias("source_table"),
        "file",
        "record",
        F.col("problem").alias("reason"),
        F.lit(workflow_run_id).alias("workflow_run_id"),
        F.lit(job_run_id).alias("job_run_id"),
        F.lit(now).alias("quarantined_at"),
    ).write.mode("overwrite").json(location)


def reasons(problems: DataFrame) -> dict[str, int]:
    """Count rows by their problem."""
    return {row["problem"]: row["count"] for row in problems.groupBy("problem").count().collect()}


def enforce(
    problems: DataFrame, reasons: Mapping[str, int], *, table: str, read: int, limit: QuarantineLimit, location: str
) -> None:
    """Raise a BadInputError that says which rows cannot be used and where they are, if they are more than the limit."""
    found = sum(reasons.values())
    if found <= min(limit.rows, limit.share * read):
        return
    groups = problems.groupBy("problem", "file").count()
    largest = groups.orderBy(F.desc("count"), "problem", "file").take(SHOWN_GROUPS)
    lines = [f"  {row['count']:,} x {row['problem']}, in {file_numbers.of(row['file'])}" for row in largest]
    shown = sum(row["count"] for row in largest)
    if shown < found:
        lines.append(f"  ... and {groups.count() - len(lines):,} more groups, {found - shown:,} rows")
    raise BadInputError(
        "\n".join(
            [
                f"{table} has {found:,} rows of {read:,} that cannot be used, so nothing was published:",
                *lines,
                f"They were set aside in {location}. {file_numbers.REMEDY}.",
                f"Up to {limit.share:.2%} of a table and {limit.rows:,} rows do not stop a run (Terraform variable "  # noqa: ISC004
                "quarantine_limits). Correct or remove the others in the landing zone and run again.",
            ]
        )
    )
