"""Quarantine unusable landing rows, and stop a run that has too many of them."""

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

import file_numbers
from arguments import QuarantineLimit
from problems import BadInputError

SHOWN_GROUPS = 10  # the length of a job's error message is limited, on AWS too


def location_of(bucket: str, table: str, job_run_id: str) -> str:
    """Return the location of the rows that a job run could not use."""
    return f"s3://{bucket}/quarantine/{table}/{job_run_id}/"


def write(unusable: DataFrame, location: str, *, table: str, workflow_run_id: str, job_run_id: str, now: int) -> None:
    """Write the unusable rows of `landing_rows.parse` as they arrived, with their origin and reason."""
    unusable.select(
        F.lit(table).alias("source_table"),
        "file",
        "record",
        F.col("problem").alias("reason"),
        F.lit(workflow_run_id).alias("workflow_run_id"),
        F.lit(job_run_id).alias("job_run_id"),
        F.lit(now).alias("quarantined_at"),
    ).write.mode("overwrite").json(location)


def count(rows: DataFrame) -> tuple[int, dict[str, int]]:
    """Count the usable rows of `landing_rows.parse`, and the unusable ones by reason."""
    reasons = {row["problem"]: row["count"] for row in rows.groupBy("problem").count().collect()}
    return reasons.pop(None, 0), reasons


def enforce(
    unusable: DataFrame, reasons: Mapping[str, int], *, table: str, read: int, limit: QuarantineLimit, location: str
) -> None:
    """Raise a BadInputError if a table exceeds its quarantine limit, with the reasons, the files and the location."""
    found = sum(reasons.values())
    if found <= min(limit.rows, limit.share * read):
        return
    groups = unusable.groupBy("problem", "file").count()
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
                f"They are in quarantine at {location}. {file_numbers.REMEDY}.",
                f"The quarantine limit is {limit.share:.2%} of the rows, at most {limit.rows:,}. Correct the rows in "  # noqa: ISC004
                "the landing zone, or raise the Terraform variable quarantine_limits, and run again.",
            ]
        )
    )
