"""The frame of the five pipeline jobs: read, decide; then account for all rows, write, audit, publish.

`job_run` has what the run is, `inputs` what it reads, `changes` what has changed since the table was published, and
`publishing` what readers then see.
"""

import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

import audits
import derivation
import growth
import kept_rows
import lineage
import pipeline
import publishing
import reconciliation
import small_frames
import table_contract
from changes import Changes, goes_with
from file_numbers import mask_names
from iceberg import Snapshot, refuse_clock_behind
from inputs import Inputs
from job_run import JobRun
from lease import LeaseError
from policies import Policies
from problems import AuditError, JobError
from reconciliation import RowCount
from resumption import AlreadyWrittenError
from table_contract import TableContract
from training_split import Shares


class UnchangedError(Exception):
    """The published rows are those that the job would compute; it has taken them over, and ends."""


class Job:
    """What the script of a pipeline job works with: it writes a table, audits it, and publishes it if that is due.

    As a context it holds the lease of the lakehouse and turns a JobError, a Spark error or an OSError into a message
    and exit code 1. The jobs of a workflow run read each other's tables on the run's branch; only the publisher that
    pipeline.json declares publishes, and it publishes all tables of the run. That job releases the lease, as does any
    job that fails. Outside a workflow run every job publishes its own table at once.

    A job of a workflow run whose published table was made from the very same inputs, by the same code, ends with its
    first read: it takes the published rows over to the branch of the run, in a commit without new files, and accounts
    for them as the job run did that computed them (see `derivation`). If its inputs have only gained rows, it reads
    what they have gained, and adds rows to the published ones (see `growth`). So it does if besides only decisions have
    changed, about people whom no row of before mentions (see `decisions`).

    Args:
        writes: The table that the job writes; pipeline.json declares of which inputs it reconciles every row.
        argv: The command line, by default that of the process.

    """

    def __init__(self, *, writes: str, argv: Sequence[str] | None = None) -> None:
        self._writes = writes
        self._run = JobRun(writes, sys.argv[1:] if argv is None else argv)
        self._inputs = Inputs(self._run)
        self._changes = Changes(self._run, self._inputs)
        self._is_compared = False
        self._is_published = False

    def __enter__(self) -> Self:
        self._run.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        run = self._run
        if isinstance(error, AlreadyWrittenError):
            run.lease.hand_on()
            print(f"{self._writes}: already written by the run {run.arguments.workflow_run_id}", flush=True)
            return True
        is_unchanged = isinstance(error, UnchangedError)
        if (error is None or is_unchanged) and not self._is_published:
            run.lease.hand_on()
        else:
            run.lease.release()
        if isinstance(error, JobError | LeaseError):
            sys.exit(f"{self._writes}: {mask_names(str(error))}")
        if isinstance(error, Py4JError | PySparkException | OSError):  # a ConnectionError if the JVM is gone
            print(mask_names("".join(traceback.format_exception(error))), flush=True)
            sys.exit(f"{self._writes}: {mask_names(self._inputs.explain(error))}")
        return is_unchanged

    @property
    def policies(self) -> Policies:
        """The effective policies: those of the profile, as overridden by single arguments."""
        return self._run.policies

    @property
    def now(self) -> int:
        """When the run began, epoch milliseconds. By default, rows that it decides are computed anew by each run."""
        return self._inputs.now

    def holds_until(self, moment: int | None) -> None:
        """State when the rows that `now` decided will be others, epoch milliseconds; None: never."""
        self._inputs.holds_until(moment)

    @property
    def subject_key(self) -> bytes:
        """The HMAC key of the pseudonyms."""
        return self._inputs.subject_key

    @property
    def refusal_key(self) -> bytes:
        """The HMAC key of the refusals that outlive an erasure."""
        return self._inputs.refusal_key

    @property
    def training_shares(self) -> Shares:
        """The shares of the subjects that validate and test a model."""
        return self._inputs.training_shares

    def refusals(self) -> set[str]:
        """Return the serial number pseudonyms of all Step Trainers that an erased owner refused to share."""
        return self._inputs.refusals()

    def read_landing(self, table: str) -> DataFrame:
        """Return the usable rows of a landing table; the unusable rows of the main input go to the quarantine.

        Of an input that has gained rows, if that is all that has changed: those.
        """
        self._begin_to_read()
        self._inputs.read_landing(table)
        return self._changes.new_rows(table)

    def quarantined(self, table: str) -> DataFrame:
        """Return the unusable rows of a landing table that was read, with those columns that could be parsed."""
        return self._inputs.quarantined[table]

    def read_table(self, table: str) -> DataFrame:
        """Return an Iceberg table as this run has written it, or else as it was last published.

        Of an input that has gained rows, if that is all that has changed: those.
        """
        self._begin_to_read()
        self._inputs.read_table(table)
        return self._changes.new_rows(table)

    def whole(self, table: str) -> DataFrame:
        """Return all rows of an input table, also if the job reads only those that it has gained."""
        self._begin_to_read()
        if f"{derivation.TABLE}{table}" not in self._inputs.states:  # read, maybe, but only to be compared
            self._inputs.read_table(table)
        return self._inputs.whole[table]

    def read_beside(self, table: str) -> DataFrame | None:
        """Return the published rows of a table that goes with the job's own; None if it has none.

        They are no input: the run publishes them anew, as far as they may stay.
        """
        source = self._run.table(table)
        snapshot = source.snapshot()
        return (
            source.read().select(*table_contract.load(table).schema.fieldNames())
            if snapshot and snapshot.rows
            else None
        )

    def rows_of(self, table: str, rows: Iterable[tuple[Any, ...]]) -> DataFrame:
        """Return rows that were made in Python, with the columns of a table."""
        schema = table_contract.load(table).schema
        return small_frames.of(self._run.spark, schema, (dict(zip(schema.names, row, strict=True)) for row in rows))

    def _begin_to_read(self) -> None:
        """End the job, whose first step is to read, if the run that it resumes has written its table, or none needs to.

        That is so if all that decided the published rows is as it was then.
        """
        if self._run.is_written:
            raise AlreadyWrittenError
        if not self._is_compared:
            self._is_compared = True
            self._take_over_and_end(self._changes.compare())

    def _take_over_and_end(self, published: Snapshot | None) -> None:
        """Take the rows of a published snapshot over and end the job; go on without one."""
        if published:
            self._take_over(published)
            raise UnchangedError

    def added_to(self, table: str) -> DataFrame | None:
        """Return the rows that a table that decides has gained since the published ones were made from it.

        None if more has changed in it or in another input that decides, or if nothing has.
        """
        return self._changes.added_to(table)

    def decide(self, source: str, rows: DataFrame, *, added: DataFrame | None = None) -> None:
        """State what matters of inputs whose rows the job does not account for: decisions about the people of a source.

        If only people whom no row of before mentions have other decisions than when the table was published, the
        published rows hold, and the job adds what its inputs have gained. A job whose table cannot grow ends.

        Args:
            source: An input, the rows of whose people are decided about. Neither it nor another input that may gain
                rows has been read yet, but by `whole`.
            rows: `person`, as the source identifies people, and `decision`, of any type; a person may have several.
            added: Those that are new, if it is known that all of before hold (see `added_to`).

        """
        self._take_over_and_end(self._changes.decide(source, rows, added))

    @property
    def adds_rows(self) -> bool:
        """Whether the job reads only rows that its inputs have gained, and adds rows to the published ones."""
        return self._changes.adds_to is not None

    def published_people(self) -> Mapping[tuple[str, str], int] | None:
        """Return the number of published training rows of each Step Trainer and user (see `kept_rows`).

        None if the job does not add rows to the published ones, or if the file is gone, as after an erasure.
        """
        published = self._changes.adds_to
        state = lineage.derivation(published.report) if published else None
        found = kept_rows.PEOPLE.load(self._run.bucket, state) if state else None
        return None if found is None else {(serial, user): rows for serial, user, rows in found}

    def record(self, table: str, rows: DataFrame) -> None:
        """Append rows to a table of the audit database, with the ids and the profile of the run."""
        self._run.record(table, rows)

    def write(
        self,
        rows: DataFrame,
        *,
        classified: Mapping[str, DataFrame],
        audit_inputs: Mapping[str, DataFrame],
        beside: Mapping[str, Callable[[], DataFrame]] | None = None,
        facts: Mapping[str, str] | None = None,
        people: Mapping[tuple[str, str], int] | None = None,
    ) -> None:
        """Account for all rows, write the table to the run's branch, audit, and publish if that is due.

        Args:
            rows: The rows of the table. Exact duplicates in the landing data are dropped here, if there are any.
            classified: By source table, its rows with their drop reasons (see `reconciliation`). Every row read from
                these tables must be accounted for.
            audit_inputs: The rows that the audit rules read, by the names that the rules use.
            beside: What makes the rows of each table that goes with this one and is published with it.
            facts: What the report of the run also says about the rows.
            people: The number of rows of each Step Trainer and user, for the next run (see `kept_rows`).

        Raises:
            AuditError: If rows are unaccounted for or a rule is broken. The written branch is discarded.

        """
        if classified.keys() != set(self._run.accounts_for):
            raise AuditError(
                f"The job classifies the rows of {', '.join(classified)}, but {pipeline.FILE} declares "
                f"{', '.join(self._run.accounts_for)}. Nothing was published; correct one of them."
            )
        run, adds_to = self._run, self._changes.adds_to
        contract, table = table_contract.load(self._writes), run.table(self._writes)
        table.evolve(contract)
        before = table.snapshot()
        refuse_clock_behind(self._writes, before, run.now)
        rows, new_rows, counts = self._account_for(rows.select(*contract.schema.fieldNames()), classified)
        output_rows = new_rows + (adds_to.rows if adds_to else 0)
        accounts = [*counts, reconciliation.output(counts, output_rows)]
        report = {
            **self._report(output_rows),
            **(facts or {}),
            reconciliation.COUNTS: reconciliation.to_json(accounts),
            lineage.BESIDE: ",".join(beside or {}),
        }
        written = self._write(rows, new_rows, report)
        self._log_counts(counts, output_rows)
        try:
            with ThreadPoolExecutor() as beside_the_audit:  # of a small table, all mostly wait for Spark to plan
                others = [
                    beside_the_audit.submit(run.record_counts, accounts, written, computed_by=run.arguments.job_run_id),
                    *(beside_the_audit.submit(self._write_beside, *other) for other in (beside or {}).items()),
                    beside_the_audit.submit(self._changes.keep_decisions),
                ]
                if people is not None and not run.facts.compares:
                    others.append(beside_the_audit.submit(self._keep, people))
                self._audit(audit_inputs, contract, before=before, rows=output_rows)
                for done in others:
                    done.result()
        except JobError:
            for name in (self._writes, *(beside or {})):
                run.table(name).discard_branches([run.branch])
            raise
        self._publish_if_due(beside or {})

    def _account_for(
        self, rows: DataFrame, classified: Mapping[str, DataFrame]
    ) -> tuple[DataFrame, int, list[RowCount]]:
        """Return the rows to write, each as often as the table has it, their number, and the counts of all sources.

        The commit carries the number of rows, so it is known before.
        """
        inputs, gained, adds_to = self._inputs, self._changes.gained, self._changes.adds_to
        counted = {source: classified[source] for source in self._run.accounts_for}
        pairs = self._run.pairs
        if pairs:
            counted[self._writes] = rows.select(F.lit(None).alias("drop_reason"))
        landed = {source for source in counted if pipeline.TABLES[source]["zone"] == "landing"}
        tallies = reconciliation.tally(counted, may_repeat=landed)
        made = tallies.pop(self._writes, [])
        counts = reconciliation.reconcile(
            tallies,
            read={**inputs.rows_read, **{source: each.read for source, each in gained.items()}},
            quarantined={**inputs.quarantine_counts, **{source: each.quarantined for source, each in gained.items()}},
        )
        published = reconciliation.total(counts, "published")
        new_rows = sum(row["distinct"] for row in made) if pairs else published
        if reconciliation.has_duplicates(counts):
            rows = rows.distinct()
        if not adds_to:
            return rows, new_rows, counts
        if not pairs:
            published_then = self._changes.of_period(self._run.table(self._writes).read())
            if not published_then.isEmpty():  # mostly, new readings are later than all others
                rows = growth.not_in(rows, published_then).persist()
                new_rows = rows.count()
        all_counts = reconciliation.add(
            reconciliation.of_report(adds_to.report),
            counts,
            repeated=0 if pairs else published - new_rows,
            read={source: inputs.rows_read[source] for source in self._run.accounts_for},
        )
        return rows, new_rows, all_counts

    def _write(self, rows: DataFrame, count: int, report: Mapping[str, str]) -> int:
        """Write the rows, or add them to the published ones, on the run's branch; return the id of the snapshot."""
        table, branch, adds_to = self._run.table(self._writes), self._run.branch, self._changes.adds_to
        if not adds_to:
            return table.write(rows, count, branch, report).id
        state = lineage.derivation(adds_to.report)
        if state and not count:
            return table.write_again(branch, {**report, lineage.SAME_ROWS_AS: state})
        return table.add(rows, count, branch, report).id

    def _write_beside(self, name: str, make: Callable[[], DataFrame]) -> None:
        """Write a table that goes with the one that the job writes to the run's branch."""
        contract, table = table_contract.load(name), self._run.table(name)
        table.evolve(contract)
        rows = make().select(*contract.schema.fieldNames())
        count = rows.count()
        table.write(rows, count, self._run.branch, self._report(count))

    def _keep(self, people: Mapping[tuple[str, str], int]) -> None:
        """Keep the people of the rows that were written for the next run."""
        self._run.lease.check()
        written = self._run.table(self._writes).snapshot(self._run.branch)
        if written and (state := lineage.derivation(written.report)):
            rows = sorted((serial, user, count) for (serial, user), count in people.items())
            kept_rows.PEOPLE.keep(self._run.bucket, state, rows)

    def _audit(
        self, audit_inputs: Mapping[str, DataFrame], contract: TableContract, *, before: Snapshot | None, rows: int
    ) -> None:
        """Check the schema, the rules and the number of rows of what is on the run's branch; raise a JobError."""
        run, changes = self._run, self._changes
        audited = run.table(self._writes).read(run.branch)
        all_rows = audited.select(*contract.schema.fieldNames()) if changes.is_decided_anew else None
        if changes.adds_to:
            audited = changes.of_period(audited)
            whole = {source: changes.of_period(self._inputs.whole[source], source) for source in changes.grows_with}
            audit_inputs = {**audit_inputs, **whole}
        audits.check_schema(audited, contract)
        views = {self._writes: audited.select(*contract.schema.fieldNames()), **audit_inputs}
        exhaustive = run.arguments.audit == "exhaustive"
        parameters = {"now": run.now, **self.policies}
        audits.check_rules(run.spark, self._writes, views, parameters, exhaustive=exhaustive, all_rows=all_rows)
        if before and audits.same_policies(before, self.policies.to_json()):
            audits.check_row_count(self._writes, before.rows, rows, run.arguments.row_count_change)

    def _take_over(self, published: Snapshot) -> None:
        """Write the published rows to the run's branch without computing them, account for them, and publish if due."""
        run, then = self._run, published.report
        since = then.get(lineage.UNCHANGED_SINCE) or then["workflow-run-id"] or then["job-run-id"]
        computed_by = then.get(lineage.COMPUTED_BY) or then["job-run-id"]
        taken_over = {lineage.UNCHANGED_SINCE: since, lineage.COMPUTED_BY: computed_by}
        if self._changes.same_rows_as:
            taken_over[lineage.SAME_ROWS_AS] = self._changes.same_rows_as
        report = {**then, **self._report(published.rows), **taken_over}
        snapshot_id = run.table(self._writes).write_again(run.branch, report)
        counts = reconciliation.of_report(then)
        run.record_counts(counts, snapshot_id, computed_by=computed_by)
        print(f"{self._writes}: unchanged since run {since}, not computed again", flush=True)
        self._log_counts(counts[:-1], published.rows)
        beside = {name: s for name, s in run.published_beside().items() if s is not None and goes_with(s, published)}
        for name, snapshot in beside.items():
            run.table(name).write_again(run.branch, {**self._report(snapshot.rows), **taken_over})
        self._publish_if_due(beside)

    def _publish_if_due(self, beside: Iterable[str]) -> None:
        """Publish the tables of the run if the job is its last, or its own table if it runs alone."""
        if not self._run.arguments.workflow_run_id:
            publishing.publish(self._run, [self._writes, *beside])
            self._is_published = True
        elif pipeline.publishes(self._writes) and not self._run.facts.compares:
            publishing.publish(self._run, [*pipeline.WRITTEN[::-1], *beside])
            self._is_published = True

    def _log_counts(self, counts: Sequence[RowCount], output_rows: int) -> None:
        print(f"{self._writes}: {reconciliation.describe(counts)}; {output_rows:,} rows out", flush=True)
        if reason := reconciliation.output(counts, output_rows).reason:
            read, losses = reconciliation.total(counts, "read"), reconciliation.describe_losses(counts)
            print(f"WARNING: {self._writes} is {reason}: {read:,} rows read, {losses}", flush=True)

    def _report(self, output_rows: int) -> dict[str, str]:
        """Return what the snapshot says about the run (see `lineage`)."""
        given = self._run.arguments
        return {
            "job": given.job_name,
            "job-run-id": given.job_run_id,
            "workflow-run-id": given.workflow_run_id,
            "profile": given.profile,
            "policies": self.policies.to_json(),
            "rows-in": str(self._inputs.rows_read[self._run.accounts_for[0]]),
            "rows-out": str(output_rows),
            **self._inputs.report(self._changes.grows_with),
        }
