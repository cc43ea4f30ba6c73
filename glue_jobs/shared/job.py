"""What the five jobs have in common: arguments, inputs, and write, account, audit, publish."""

import json
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import Final, Self

from botocore.exceptions import BotoCoreError, ClientError
from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors import AnalysisException, PySparkException, PythonException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

import accounting
import arguments
import audits
import file_numbers
import landing
import landing_files
import lease
import pipeline
import publishing
import quarantine
import refusals
import subject
import table_contract
import withdrawal
from accounting import Fate
from file_numbers import hide
from lease import LeaseError
from policies import Policies
from problems import AuditError, BadInputError, JobError, in_words
from publishing import MAIN, Table

CATALOG: Final = "glue_catalog"


class Job:
    """One run of a job; as a context it turns a JobError, Spark's error or the system's into a message and exit code 1.

    It holds the lease of the lakehouse while it runs; the last job of a workflow run, and any that fails, releases it.
    It writes its table to the run's branch. The jobs of a workflow run read each other's tables there, and the last of
    them publishes all of them; a job that is started by itself publishes its own at once.
    """

    def __init__(self, writes: str, argv: Sequence[str] | None = None) -> None:
        self._arguments = arguments.parse(sys.argv[1:] if argv is None else argv)
        self._writes = writes
        self._branch = publishing.branch_of(self._arguments.workflow_run_id, self._arguments.job_run_id)
        self._rows_read: dict[str, int] = {}
        self._snapshots_read: dict[str, int] = {}
        self._quarantined: dict[str, DataFrame] = {}
        self._reasons: dict[str, dict[str, int]] = {}
        self._published = False
        self.now = time.time_ns() // 1_000_000
        """When the run began, epoch milliseconds."""

    @property
    def policies(self) -> Policies:
        """The effective policies: the profile's, and what single arguments say instead."""
        return self._arguments.policies

    @property
    def _accounts_for(self) -> list[str]:
        """The tables of which the job accounts for every row."""
        return list(pipeline.TABLES[self._writes]["accounts_for"])

    @property
    def subject_key(self) -> bytes:
        """The secret of the pseudonyms."""
        return subject.key(self._arguments.subject_key_secret)

    @property
    def refusal_key(self) -> bytes:
        """The secret of the refusals that outlive an erasure."""
        return subject.key(self._arguments.refusal_key_secret)

    def refusals(self) -> set[str]:
        """Return the pseudonyms of the Step Trainers of which an owner refused who is erased."""
        return refusals.kept(self._arguments.bucket)

    def __enter__(self) -> Self:
        try:
            self._lease = lease.of_job_run(
                self._arguments.bucket,
                given=self._arguments.lease,
                job=self._arguments.job_name,
                job_run_id=self._arguments.job_run_id,
                workflow=self._arguments.workflow_name,
                workflow_run_id=self._arguments.workflow_run_id,
            )
            self._lease.take()
        except LeaseError as error:
            sys.exit(f"{self._writes}: {error} Nothing was touched.")
        except (BotoCoreError, ClientError) as error:
            sys.exit(
                f"{self._writes}: the lease of {self._arguments.bucket} cannot be had: {error} Nothing was touched."
            )
        self._spark = SparkSession.builder.getOrCreate()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and not self._published:
            self._lease.hand_on()
        else:
            self._lease.release()
        if isinstance(error, JobError | LeaseError):
            sys.exit(f"{self._writes}: {hide(str(error))}")
        if isinstance(error, Py4JError | PySparkException | OSError):  # a ConnectionError when Java has gone
            print(hide("".join(traceback.format_exception(error))), flush=True)
            sys.exit(f"{self._writes}: {hide(self._explain(error))}")

    def read_landing(self, table: str, *, main_input: bool = True) -> DataFrame:
        """Return the usable rows of a landing table; those of the main input that are not go to the quarantine."""
        contract = table_contract.load(table)
        location = contract.location_in(bucket=self._arguments.bucket, database=self._arguments.database)
        try:
            records = landing_files.read(self._spark, location)
            landing_files.refuse_compressed(records)
            read = records.count()  # before they are parsed: what happens to them later is held against it
            rows = landing.parse(records, contract, now=self.now).persist()
            problems = rows.where("problem is not null")
            reasons = quarantine.reasons(problems)
        except AnalysisException as error:
            if error.getErrorClass() == "PATH_NOT_FOUND":
                raise BadInputError(f"There is no landing data at {location}. Upload some and run again.") from error
            raise
        except (Py4JJavaError, PythonException) as error:
            if explained := landing_files.blame(self._spark, location, error):
                raise explained from error
            raise
        if hidden := landing_files.hidden(self._spark, location):
            keys = [path.partition("://")[2].partition("/")[2] for path in hidden]
            print(
                f"{table}: {len(hidden):,} files or folders were not read, since names that begin with . or _ (without "
                f"a =) or end in ._COPYING_ are of temporary files: "
                f"{landing_files.shown(list(map(file_numbers.of, keys)))}. {file_numbers.REMEDY}.",
                flush=True,
            )
        if not read:
            raise BadInputError(f"The landing data at {location} holds no row. Upload some and run again.")
        if reasons and main_input:
            self._quarantine(table, problems, reasons, read)
        self._rows_read[table] = read
        self._reasons[table] = reasons
        self._quarantined[table] = self.name_for_audit(
            f"{table}_quarantined", problems.select(*contract.schema.fieldNames())
        )
        return self.name_for_audit(table, rows.where("problem is null").select(*contract.schema.fieldNames()))

    def quarantined(self, table: str) -> DataFrame:
        """Return the unusable rows of a landing table that was read, as far as they could be read, with its columns."""
        return self._quarantined[table]

    def read_table(self, table: str) -> DataFrame:
        """Return an Iceberg table: as this run has written it or, where it has not, as it was published."""
        source = self._table(table)
        heads = source.branches()
        branch = self._branch if self._branch in heads else MAIN
        # In the order of the DDL: columns that were added to it later stand last in the table.
        rows = source.read(branch).select(*table_contract.load(table).schema.fieldNames())
        self._rows_read[table] = rows.count()  # answered from the table's metadata
        self._snapshots_read[table] = heads.get(branch, 0)  # 0: nothing was ever published
        return self.name_for_audit(table, rows)

    def write(self, rows: DataFrame, decided: Mapping[str, DataFrame]) -> None:
        """Write the job's table to the run's branch, account for its inputs, and audit it; a failed audit discards it.

        `decided` has, by input table, what was decided about its rows (see `accounting`).
        """
        if decided.keys() != set(self._accounts_for):
            raise AuditError(
                f"The job accounts for {', '.join(decided)}, but {pipeline.FILE} declares "
                f"{', '.join(self._accounts_for)}. Nothing was published; correct one of them."
            )
        contract, table = table_contract.load(self._writes), self._table(self._writes)
        table.evolve(contract)
        before = table.snapshot()
        publishing.refuse_clock_behind(self._writes, before, self.now)
        rows = rows.select(
            *contract.schema.fieldNames()
        ).persist()  # counted before the commit, which carries the count
        count = rows.count()
        fates = [fate for source in self._accounts_for for fate in self._account(source, decided[source])]
        if not pipeline.TABLES[self._writes].get("pairs"):
            accounting.refuse_other_output(self._writes, fates, count)
        written = table.write(rows, count, self._branch, self._report(count))
        output = accounting.output(fates, count)
        self._record_fates([*fates, output], written.id)
        print(f"{self._writes}: {accounting.describe(fates)}; {count:,} rows out", flush=True)
        if output.reason:
            read = accounting.total(fates, "read")
            print(
                f"WARNING: {self._writes} is {output.reason}: {read:,} rows read, {accounting.lost(fates)}", flush=True
            )
        try:
            audited = table.read(self._branch)
            audits.check_schema(audited, contract)
            self.name_for_audit(self._writes, audited.select(*contract.schema.fieldNames()))
            audits.check_rules(self._spark, self._writes, {"now": self.now, **self.policies})
            if before and publishing.same_policies(before, self.policies.to_json()):
                audits.check_row_count(self._writes, before.rows, count, self._arguments.row_count_change)
        except JobError:
            table.discard([self._branch])
            raise
        if not self._arguments.workflow_run_id:
            self._publish([self._writes])
        elif pipeline.publishes(self._writes):
            self._publish(pipeline.WRITTEN[::-1])

    def _publish(self, tables: Sequence[str]) -> None:
        """Publish those of the tables that this run has written, after a look at whether they belong together.

        A workflow run has written them all; some it may have published already, if the last job is tried again.
        """
        written = {name: s for name in tables if (s := self._table(name).snapshot(self._branch))}
        if run := self._arguments.workflow_run_id:
            others = {name: self._table(name).snapshot() for name in tables if name not in written}
            publishing.refuse_incomplete(run, others)
        sources = {source for snapshot in written.values() for source in publishing.reads(snapshot)} - written.keys()
        visible = {name: s for name in sources if (s := self._table(name).snapshot())}
        publishing.refuse_inconsistent(written, visible)
        self._lease.check()
        for name in written:
            self._table(name).publish(self._branch)
        for name in written:
            self._table(name).drop(self._branch)
        self._published = True
        print(f"published: {', '.join(written)}", flush=True)
        self._expire_withdrawn()

    def _expire_withdrawn(self) -> None:
        """Expire the earlier states that show people who have withdrawn, or what the pseudonyms of today stand for."""
        tables = {name: self._table(name) for name in pipeline.WRITTEN}
        if not self._arguments.workflow_run_id:  # which may be in want of the others
            tables = {name: table for name, table in tables.items() if table.exists()}
        expired = withdrawal.expire(tables, self._delete_old_versions)
        if expired:
            counts = ", ".join(f"{count} of {name}" for name, count in expired.items())
            print(f"expired, since they show who has withdrawn, or undo pseudonyms: {counts}", flush=True)

    def _delete_old_versions(self, table: str) -> None:
        bucket = self._arguments.bucket
        location = table_contract.load(table).location_in(bucket=bucket, database=self._arguments.database)
        withdrawal.delete_old_versions(bucket, location.removeprefix(f"s3://{bucket}/"))

    def name_for_audit(self, name: str, rows: DataFrame) -> DataFrame:
        """Make rows known to the rules of the audits by a name, and return them."""
        rows.createOrReplaceTempView(name)
        return rows

    def record(self, table: str, rows: DataFrame) -> None:
        """Append rows to a table of the audit database, which also gets the ids and the profile of the run."""
        contract, audit_table = table_contract.load(table), self._table(table, audit=True)
        audit_table.evolve(contract)
        known = {
            "workflow_run_id": self._arguments.workflow_run_id,
            "job_run_id": self._arguments.job_run_id,
            "job": self._arguments.job_name,
            "profile": self._arguments.profile,
            "target_table": self._writes,
        }
        given = rows.withColumns({name: F.lit(value) for name, value in known.items() if name not in rows.columns})
        audit_table.append(given.select(*(F.col(f.name).cast(f.dataType).alias(f.name) for f in contract.schema)))

    def _explain(self, error: Py4JError | PySparkException | OSError) -> str:
        """Return what to say about an error of Spark's; a damaged file of a table is named, which Spark need not do."""
        said = in_words(error)
        if "://" in said or isinstance(error, OSError):
            return said
        try:
            for table, snapshot_id in self._snapshots_read.items():
                if found := self._table(table).unreadable_file(snapshot_id):
                    return f"Of {table} the file {found}. {said}"
        except (Py4JError, PySparkException, OSError):  # then it is not for one file's sake
            pass
        return said

    def _quarantine(self, table: str, problems: DataFrame, reasons: Mapping[str, int], read: int) -> None:
        location = quarantine.location_of(self._arguments.bucket, table, self._arguments.job_run_id)
        quarantine.write(
            problems,
            location,
            table=table,
            workflow_run_id=self._arguments.workflow_run_id,
            job_run_id=self._arguments.job_run_id,
            now=self.now,
        )
        limit = self._arguments.quarantine_limit(table)
        try:
            quarantine.enforce(problems, reasons, table=table, read=read, limit=limit, location=location)
        except BadInputError:
            self._record_fates(accounting.refused(table, read=read, quarantined=reasons), None)
            raise

    def _account(self, source: str, decided: DataFrame) -> list[Fate]:
        quarantined = self._reasons.get(source, {})
        return accounting.account(source, decided, read=self._rows_read[source], quarantined=quarantined)

    def _record_fates(self, fates: Sequence[Fate], snapshot_id: int | None) -> None:
        # As one JSON text: createDataFrame would start a Python process just to read a few rows back.
        shape = "array<struct<source_table: string, fate: string, reason: string, rows: bigint>>"
        text = F.lit(json.dumps([asdict(fate) for fate in fates]))
        frame = self._spark.range(1).select(F.inline(F.from_json(text, shape)))
        self.record(
            "pipeline_runs", frame.withColumns({"recorded_at": F.lit(self.now), "snapshot_id": F.lit(snapshot_id)})
        )

    def _report(self, count: int) -> dict[str, str]:
        return {
            "job": self._arguments.job_name,
            "job-run-id": self._arguments.job_run_id,
            "workflow-run-id": self._arguments.workflow_run_id,
            "profile": self._arguments.profile,
            "policies": self.policies.to_json(),
            "rows-in": str(self._rows_read[self._accounts_for[0]]),
            "rows-out": str(count),
            **{f"rows-read.{table}": str(rows) for table, rows in self._rows_read.items()},
            **{f"snapshot-read.{table}": str(snapshot) for table, snapshot in self._snapshots_read.items()},
        }

    def _table(self, table: str, *, audit: bool = False) -> Table:
        database = f"{self._arguments.database}_audit" if audit else self._arguments.database
        return Table(self._spark, f"{CATALOG}.{database}.{table}")
