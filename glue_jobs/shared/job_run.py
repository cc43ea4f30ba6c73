"""What the run of a pipeline job is: its arguments, what started it, its lease, Spark session, tables and records."""

import json
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from pyspark import SparkContext
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

import arguments
import lease
import pipeline
import resumption
import run_facts
import table_contract
from iceberg import CATALOG, Snapshot, Table, branch_of
from lease import Lease, LeaseError
from policies import Policies
from problems import JobError
from reconciliation import RowCount
from run_facts import RunFacts
from s3_root import split


class JobRun:
    """The context in which a job runs; complete from `begin` on.

    Args:
        writes: The table that the job writes.
        argv: The command line of the job.

    """

    lease: Lease
    """The lease of the lakehouse, from `begin` on."""
    spark: SparkSession
    """The session, from `begin` on, unless the table `is_written` already."""

    def __init__(self, writes: str, argv: Sequence[str]) -> None:
        self.writes: Final = writes
        declared = pipeline.TABLES[writes]
        self.accounts_for: Final[Sequence[str]] = declared["accounts_for"]
        """The inputs every row of which the job accounts for, the main one first."""
        self.pairs: Final[bool] = declared.get("pairs", False)
        """Whether a row of the table pairs rows of these inputs, so that one may be in several rows, or in none."""
        self.now: Final = time.time_ns() // 1_000_000
        """When the run began, epoch milliseconds."""
        self._argv = argv
        self.arguments = arguments.parse(argv)
        """Those of the command line; `begin` takes over the id of the run that is resumed, or the profile compared."""
        self.facts = RunFacts()
        """What the workflow run was started with, from `begin` on."""
        self.branch = branch_of(self.arguments.workflow_run_id, self.arguments.job_run_id)
        """The branch of each table to which the run writes."""
        self.is_written = False
        """Whether the run that this one resumes has written the table."""

    @property
    def bucket(self) -> str:
        """The bucket of the lakehouse, with its prefix if it shares the bucket."""
        return self.arguments.bucket

    @property
    def policies(self) -> Policies:
        """The effective policies: those of the profile, as overridden by single arguments."""
        return self.arguments.policies

    def begin(self) -> None:
        """Take the lease of the lakehouse, read the facts of the workflow run, and start Spark.

        Ends the process with a message if the lease is held by another, or if the facts cannot be read.
        """
        # In the background: Spark starts for seconds, the lease and the facts of the run take another one.
        starting = threading.Thread(target=_start_spark, name="spark", daemon=True)
        starting.start()
        try:
            self.lease = lease.for_job_run(
                self.bucket,
                given=self.arguments.lease,
                job=self.arguments.job_name,
                job_run_id=self.arguments.job_run_id,
                workflow=self.arguments.workflow_name,
                workflow_run_id=self.arguments.workflow_run_id,
            )
            self.lease.take()
        except LeaseError as error:
            sys.exit(f"{self.writes}: {error} Nothing was touched.")
        except (BotoCoreError, ClientError) as error:
            sys.exit(f"{self.writes}: the lease of {self.bucket} cannot be taken: {error} Nothing was touched.")
        self._read_facts()
        if not self.is_written:
            starting.join()
            self.spark = SparkSession.builder.getOrCreate()

    def _read_facts(self) -> None:
        """Read what the workflow run was started with, and take over the id of the run that it resumes."""
        given = self.arguments
        if not given.workflow_name:
            return
        try:
            answer = boto3.client("glue").get_workflow_run_properties(
                Name=given.workflow_name, RunId=given.workflow_run_id
            )
            self.facts = RunFacts.of(answer.get("RunProperties", {}))
            if self.facts.compares:
                given = arguments.parse([*self._argv, "--profile", self.facts.compares])
            self.arguments = replace(given, workflow_run_id=self.facts.resumes or given.workflow_run_id)
            self.branch = branch_of(self.arguments.workflow_run_id, given.job_run_id)
            self.is_written = resumption.is_written(
                given.database,
                self.writes,
                run_id=self.arguments.workflow_run_id,
                branch=self.branch,
                resumes_from=self.facts.resumes_from,
            )
        except (JobError, BotoCoreError, ClientError) as error:
            self.lease.release()
            sys.exit(f"{self.writes}: {error}")

    def table(self, name: str) -> Table:
        """Return a table of the lakehouse."""
        return Table(self.spark, f"{CATALOG}.{self.arguments.database}.{name}")

    def audit_table(self, name: str) -> Table:
        """Return a table of the audit database."""
        return Table(self.spark, f"{CATALOG}.{self.arguments.database}_audit.{name}")

    def published_beside(self) -> dict[str, Snapshot | None]:
        """Return the published snapshot of each table that goes with the one that the job writes; None if none ever."""
        return {name: self.table(name).snapshot() for name, of in pipeline.BESIDE.items() if of == self.writes}

    def location(self, table: str) -> str:
        """Return the S3 URI below which a table has its files."""
        contract = table_contract.load(table)
        return contract.location_in(bucket=self.bucket, database=self.arguments.database)

    def columns(self) -> dict[str, str]:
        """Return the columns of the audit tables that are the same for all rows of this run."""
        return {
            "workflow_run_id": self.arguments.workflow_run_id,
            "job_run_id": self.arguments.job_run_id,
            "job": self.arguments.job_name,
            "profile": self.arguments.profile,
            "started_by": self.facts.started_by,
            "code_commit": self.facts.commit,
        }

    def record(self, name: str, rows: DataFrame) -> None:
        """Append rows to a table of the audit database, with the ids and the profile of the run."""
        contract, table = table_contract.load(name), self.audit_table(name)
        table.evolve(contract)
        common = {"target_table": self.writes, **self.columns()}
        missing = {column: F.lit(value) for column, value in common.items() if column not in rows.columns}
        given = rows.withColumns(missing)
        table.append(given.select(*(F.col(f.name).cast(f.dataType).alias(f.name) for f in contract.schema)))

    def record_counts(self, counts: Iterable[RowCount], snapshot_id: int | None, *, computed_by: str) -> None:
        """Append the account of a table to pipeline_runs: a snapshot of it, and the job run that computed its rows."""
        common = {
            "target_table": self.writes,
            **self.columns(),
            "recorded_at": self.now,
            "snapshot_id": snapshot_id,
            "landing_data": self._landing_data(),
            "computed_by": computed_by,
        }
        table = self.audit_table("pipeline_runs")
        table.evolve(table_contract.load("pipeline_runs"))
        table.append_few(asdict(count) | common for count in counts)

    def _landing_data(self) -> str:
        """Return the landing data as it is now, for pipeline_runs; nothing for a job outside a workflow."""
        if not self.arguments.workflow_name:
            return ""
        landing = [table for table, declared in pipeline.TABLES.items() if declared["zone"] == "landing"]
        places = {table: split(self.location(table).removeprefix("s3://").rstrip("/")) for table in landing}
        return json.dumps({"name": self.facts.data} | run_facts.landing_state(boto3.client("s3"), places))


def _start_spark() -> None:
    # Not the session: Spark's catalogs find it only in the thread that made it.
    with suppress(Exception):  # the same error comes when the job asks for its session
        SparkContext.getOrCreate()
