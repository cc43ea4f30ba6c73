"""What the five jobs have in common: arguments, session, inputs, the published table and its report."""

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

import arguments
import landing
import publishing
import table_contract
from policies import Policies
from problems import BadInputError

CATALOG: Final = "glue_catalog"


class Job:
    """One run of a job; as a context it turns a BadInputError into a non-zero exit with a message.

    The input that a job reads first is its main input, the one that it refines.
    """

    def __init__(self, publishes: str, argv: Sequence[str] | None = None) -> None:
        self._arguments = arguments.parse(sys.argv[1:] if argv is None else argv)
        self._publishes = publishes
        self._rows_read: dict[str, int] = {}
        self.now = time.time_ns() // 1_000_000
        """When the run began, epoch milliseconds."""
        self._spark = SparkSession.builder.getOrCreate()

    @property
    def policies(self) -> Policies:
        """The effective policies: the profile's, and what single arguments say instead."""
        return self._arguments.policies

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, BadInputError):
            sys.exit(f"{self._publishes}: {error}")

    def read_landing(self, table: str) -> DataFrame:
        """Return the rows of a landing table, all of them usable: else nothing is published."""
        contract = table_contract.load(table)
        location = contract.location_in(bucket=self._arguments.bucket, database=self._arguments.database)
        try:
            rows = landing.read(self._spark, contract, location).persist()
        except AnalysisException as error:
            if error.getErrorClass() == "PATH_NOT_FOUND":
                raise BadInputError(f"There is no landing data at {location}. Upload some and run again.") from error
            raise
        count, problems = rows.agg(F.count("*"), F.count("problem")).head() or (0, 0)
        if problems:
            landing.refuse_problems(rows, contract)
        if not count:
            raise BadInputError(f"The landing data at {location} holds no row. Upload some and run again.")
        self._rows_read[table] = count
        return rows.select(*contract.schema.fieldNames())

    def read_table(self, table: str) -> DataFrame:
        """Return an Iceberg table of the lakehouse."""
        rows = publishing.read(self._spark, self._name(table))
        self._rows_read[table] = rows.count()  # answered from the table's metadata
        return rows

    def publish(self, rows: DataFrame) -> None:
        """Make these rows the content of the job's table, in one commit that also carries the run's report."""
        name = self._name(self._publishes)
        publishing.evolve(self._spark, name, table_contract.load(self._publishes))
        rows = rows.persist()  # counted before the commit, since the commit carries the count
        rows_in = next(iter(self._rows_read.values()))
        rows_out = rows.count()
        report = {
            "job": self._arguments.job_name,
            "job-run-id": self._arguments.job_run_id,
            "workflow-run-id": self._arguments.workflow_run_id,
            "profile": self._arguments.profile,
            "policies": self.policies.to_json(),
            "rows-in": str(rows_in),
            "rows-out": str(rows_out),
            **{f"rows-read.{table}": str(count) for table, count in self._rows_read.items()},
        }
        publishing.overwrite(rows, rows_out, name, {f"lakehouse.{key}": value for key, value in report.items()})
        print(f"{self._publishes}: {rows_in:,} rows in, {rows_out:,} rows out")

    def _name(self, table: str) -> str:
        return f"{CATALOG}.{self._arguments.database}.{table}"
