"""Put all tables back to an earlier run; or, with --discard, drop the branches of a run that is not published.

The snapshots of the run become the current ones again. Refused if one of them is gone, or if the run was before an
erasure request, a withdrawal of consent or a change of the policies that identify people.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

import lease
import pipeline
import published_card
import restoring
import table_contract
import withdrawal
from iceberg import CATALOG, Table, branch_of
from lease import LeaseError
from problems import JobError, describe_error


@dataclass(frozen=True)
class Arguments:
    """The arguments of one run."""

    database: str
    bucket: str
    """Bucket of the lakehouse, with its prefix if it shares the bucket: see s3_root."""
    run: str
    """Id of the run to put back."""
    discard: str
    """Id of the run of which to drop the branches; empty for a rollback."""
    started_by: str
    commit: str
    job_name: str
    job_run_id: str
    lease: str
    """Id of the operation that started the run; empty if the run is its own operation."""


def roll_back(spark: SparkSession, given: Arguments, check_lease: Callable[[], None]) -> None:
    """Put the tables back and record it, or raise a JobError; nothing is changed unless all can be."""
    tables = {name: Table(spark, f"{CATALOG}.{given.database}.{name}") for name in reversed(pipeline.WRITTEN)}
    audit = Table(spark, f"{CATALOG}.{given.database}_audit.pipeline_runs")
    audit.evolve(table_contract.load("pipeline_runs"))
    records = audit.read()
    target = restoring.snapshots_of(tables, given.run)
    restoring.refuse_missing(given.run, pipeline.WRITTEN, target, records)
    beside = {name: Table(spark, f"{CATALOG}.{given.database}.{name}") for name in pipeline.BESIDE}
    # A run without a label has no tag there.
    beside_target = restoring.tagged(beside, branch_of(given.run, ""))
    restoring.refuse_past_erasure(given.run, target, records)
    restoring.refuse_inconsistent(given.run, target)
    restoring.refuse_other_identity(given.run, tables, target)
    restoring.refuse_withdrawn(given.run, tables[withdrawal.CUSTOMER_TABLE], target[withdrawal.CUSTOMER_TABLE])
    check_lease()
    tables |= {name: beside[name] for name in beside_target}
    changed = restoring.restore(tables, target | beside_target)
    _record(audit, records, given, restoring.rows_for_record(target, given.run))
    print(f"rolled back to {given.run}: {', '.join(changed) or 'all tables were there already'}", flush=True)


def discard(spark: SparkSession, given: Arguments) -> None:
    """Drop the branches of a run, with the files that only they refer to."""
    branch = branch_of(given.discard, "")
    for name in (*pipeline.WRITTEN, *pipeline.BESIDE):
        Table(spark, f"{CATALOG}.{given.database}.{name}").discard_branches([branch])
    print(f"discarded the branches of {given.discard}", flush=True)


def _record(audit: Table, records: DataFrame, given: Arguments, rows: Sequence[dict[str, object]]) -> None:
    common = {
        "job": given.job_name,
        "job_run_id": given.job_run_id,
        "started_by": given.started_by,
        "code_commit": given.commit,
        "recorded_at": time.time_ns() // 1_000_000,
    }
    audit.append(restoring.frame(records, rows, **common))


def parse_arguments(argv: Sequence[str]) -> Arguments:
    """Parse `--key value` pairs; arguments that Glue adds are ignored."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("--database", "--bucket"):
        parser.add_argument(name, required=True)
    for name in ("--run", "--discard", "--started_by", "--commit", "--JOB_NAME", "--JOB_RUN_ID", "--lease"):
        parser.add_argument(name, default="")
    given, _ = parser.parse_known_args(argv)
    if bool(given.run) == bool(given.discard):
        parser.error("give either --run, the run to put back, or --discard, the run to drop the branches of")
    return Arguments(
        given.database,
        given.bucket,
        given.run,
        given.discard,
        given.started_by,
        given.commit,
        given.JOB_NAME,
        given.JOB_RUN_ID,
        given.lease,
    )


def main() -> None:
    """Run the job."""
    given = parse_arguments(sys.argv[1:])
    held = lease.for_job_run(given.bucket, given=given.lease, job=given.job_name, job_run_id=given.job_run_id)
    try:
        held.take()
        spark = SparkSession.builder.getOrCreate()
        if given.discard:
            discard(spark, given)
        else:
            roll_back(spark, given, held.check)
            published_card.write(spark, database=given.database, bucket=given.bucket)
    except (JobError, LeaseError) as error:
        sys.exit(f"rollback: {error}")
    except (Py4JError, PySparkException, OSError) as error:
        sys.exit(f"rollback failed: {describe_error(error)}")
    finally:
        if given.lease:  # the command goes on
            held.hand_on()
        else:
            held.release()


if __name__ == "__main__":
    main()
