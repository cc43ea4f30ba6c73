"""The frame of the five pipeline jobs: arguments, inputs, and write, reconcile, audit, publish."""

import json
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from py4j.protocol import Py4JError, Py4JJavaError
from pyspark import SparkContext
from pyspark.errors import AnalysisException, PySparkException, PythonException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

import arguments
import audits
import decisions
import derivation
import file_numbers
import growth
import kept_rows
import landing_files
import landing_rules
import lease
import lineage
import parsed_rows
import pipeline
import pseudonyms
import published_card
import publishing
import quarantine
import reconciliation
import refusals
import restoring
import resumption
import retention
import run_facts
import small_frames
import table_contract
import withdrawal
from arguments import History
from decisions import Decisions
from file_numbers import mask_names
from growth import Gained, Period
from lease import LeaseError
from parsed_rows import Parsed, ParsedRows
from policies import Policies
from problems import AuditError, BadInputError, JobError, describe_error
from publishing import CATALOG, MAIN, Snapshot, Table
from reconciliation import RowCount
from resumption import AlreadyWrittenError
from run_facts import RunFacts
from s3_root import split
from table_contract import TableContract
from training_split import Shares

BESIDE: Final = "beside"
"""Entry of a report with the tables that the job wrote beside its own, separated by commas."""


class UnchangedError(Exception):
    """The published rows are those that the job would compute; it has taken them over, and ends."""


@dataclass(frozen=True)
class Undecided:
    """Changes of inputs that matter only by what the job decides about people, before it has decided."""

    published: Snapshot
    part: str
    """The first such input."""
    then: Decisions
    """What was decided about the published rows."""
    derived_from: dict[str, str]
    """All that would decide about the rows now."""


class Job:
    """One run of a pipeline job: it writes a table, audits it, and publishes it if it is the last job or runs alone.

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
        self._argv = sys.argv[1:] if argv is None else argv
        self._arguments = arguments.parse(self._argv)
        self._facts = RunFacts()
        self._writes = writes
        self._reconciled: Sequence[str] = pipeline.TABLES[writes]["accounts_for"]
        self._branch = publishing.branch_of(self._arguments.workflow_run_id, self._arguments.job_run_id)
        self._derived_from: dict[str, str] = {}
        self._is_compared = False
        self._adds_to: Snapshot | None = None
        self._same_rows_as: str | None = None
        self._period = Period(None, None)
        self._gained: dict[str, Gained] = {}
        self._landing: dict[str, tuple[ParsedRows, Parsed]] = {}
        self._whole: dict[str, DataFrame] = {}
        self._undecided: Undecided | None = None
        self._is_decided_anew = False
        self._decides: Callable[[], Decisions] | None = None
        self._rows_read: dict[str, int] = {}
        self._rows_parsed: dict[str, int] = {}
        self._snapshots_read: dict[str, int] = {}
        self._quarantined: dict[str, DataFrame] = {}
        self._quarantine_counts: dict[str, dict[str, int]] = {}
        self._published = False
        self._is_written = False
        self._now = time.time_ns() // 1_000_000

    @property
    def now(self) -> int:
        """When the run began, epoch milliseconds. By default, rows that it decides are computed anew by each run."""
        self._derived_from.setdefault(derivation.TIME, str(self._now))
        return self._now

    def holds_until(self, moment: int | None) -> None:
        """State when the rows that `now` decided will be others, epoch milliseconds; None: never."""
        self._derived_from[derivation.TIME] = derivation.ALWAYS if moment is None else str(moment)

    @property
    def policies(self) -> Policies:
        """The effective policies: those of the profile, as overridden by single arguments."""
        return self._arguments.policies

    @property
    def subject_key(self) -> bytes:
        """The HMAC key of the pseudonyms."""
        key = pseudonyms.key(self._arguments.subject_key_secret)
        self._derived_from[derivation.SUBJECT_KEY] = derivation.of_key(key)
        return key

    @property
    def refusal_key(self) -> bytes:
        """The HMAC key of the refusals that outlive an erasure."""
        key = pseudonyms.key(self._arguments.refusal_key_secret)
        self._derived_from[derivation.REFUSAL_KEY] = derivation.of_key(key)
        return key

    @property
    def training_shares(self) -> Shares:
        """The shares of the subjects that validate and test a model."""
        self._derived_from[derivation.TRAINING_SPLIT] = str(self._arguments.training_split)
        return self._arguments.training_split

    def rows_of(self, table: str, rows: Iterable[tuple[Any, ...]]) -> DataFrame:
        """Return rows that were made in Python, with the columns of a table."""
        schema = table_contract.load(table).schema
        return small_frames.of(self._spark, schema, (dict(zip(schema.names, row, strict=True)) for row in rows))

    def refusals(self) -> set[str]:
        """Return the serial number pseudonyms of all Step Trainers that an erased owner refused to share."""
        found = refusals.load(self._arguments.bucket)
        self._derived_from[derivation.REFUSALS] = derivation.digest(*sorted(found))
        return found

    def __enter__(self) -> Self:
        # In the background: Spark starts for seconds, the lease and the facts of the run take another one.
        starting = threading.Thread(target=_start_spark, name="spark", daemon=True)
        starting.start()
        try:
            self._lease = lease.for_job_run(
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
                f"{self._writes}: the lease of {self._arguments.bucket} cannot be taken: {error} Nothing was touched."
            )
        self._read_facts()
        if not self._is_written:
            starting.join()
            self._spark = SparkSession.builder.getOrCreate()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, AlreadyWrittenError):
            self._lease.hand_on()
            print(f"{self._writes}: already written by the run {self._arguments.workflow_run_id}", flush=True)
            return True
        is_unchanged = isinstance(error, UnchangedError)
        if (error is None or is_unchanged) and not self._published:
            self._lease.hand_on()
        else:
            self._lease.release()
        if isinstance(error, JobError | LeaseError):
            sys.exit(f"{self._writes}: {mask_names(str(error))}")
        if isinstance(error, Py4JError | PySparkException | OSError):  # a ConnectionError if the JVM is gone
            print(mask_names("".join(traceback.format_exception(error))), flush=True)
            sys.exit(f"{self._writes}: {mask_names(self._explain(error))}")
        return is_unchanged

    def _read_facts(self) -> None:
        """Read what the workflow run was started with, and take over the id of the run that it resumes."""
        given = self._arguments
        if not given.workflow_name:
            return
        try:
            answer = boto3.client("glue").get_workflow_run_properties(
                Name=given.workflow_name, RunId=given.workflow_run_id
            )
            self._facts = RunFacts.of(answer.get("RunProperties", {}))
            if self._facts.compares:
                given = arguments.parse([*self._argv, "--profile", self._facts.compares])
            self._arguments = replace(given, workflow_run_id=self._facts.resumes or given.workflow_run_id)
            self._branch = publishing.branch_of(self._arguments.workflow_run_id, given.job_run_id)
            self._is_written = resumption.is_written(
                given.database,
                self._writes,
                run_id=self._arguments.workflow_run_id,
                branch=self._branch,
                resumes_from=self._facts.resumes_from,
            )
        except (JobError, BotoCoreError, ClientError) as error:
            self._lease.release()
            sys.exit(f"{self._writes}: {error}")

    def _begin_to_read(self) -> None:
        """End the job, whose first step is to read, if the run that it resumes has written its table, or none needs to.

        That is so if all that decided the published rows is as it was then.
        """
        if self._is_written:
            raise AlreadyWrittenError
        if not self._is_compared:
            self._is_compared = True  # what follows reads too
            self._compare_with_published()

    def _compare_with_published(self) -> None:
        """Take over the published rows and end the job if it would compute the same ones."""
        of_all_jobs = {
            derivation.CODE: derivation.of_code(self._writes),
            derivation.POLICIES: derivation.digest(self.policies.to_json()),
        }
        self._derived_from = dict(of_all_jobs)
        table = self._table(self._writes)
        published = table.snapshot()
        if (
            published is None
            or not self._arguments.workflow_run_id  # whoever starts a job by hand wants it to run
            or self._facts.rebuild
            or self._arguments.audit == "exhaustive"
            or published.committed_at > self._now
            or lineage.derivation(published.report) is None
            or not table.has_schema_of(published)
        ):
            return
        if changed := self._find_changes(published):
            self._compute_anew(changed)
        elif not self._undecided:
            self._build_on(published)
        self._derived_from = of_all_jobs

    def _compute_anew(self, changed: str) -> None:
        print(f"{self._writes}: computed anew, since this has changed: {changed}", flush=True)
        self._gained = {}

    def _build_on(self, published: Snapshot) -> None:
        """Add to the published rows if inputs have gained some; otherwise take them over, and end the job."""
        if not self._gained:
            self._take_over(published)
            raise UnchangedError
        if grown := [source for source, gained in self._gained.items() if gained.read]:
            print(f"{self._writes}: rows are added, since {' and '.join(grown)} only gained some", flush=True)
        else:
            print(f"{self._writes}: the rows stay, since nothing else is decided about them", flush=True)
        self._adds_to = published

    def _find_changes(self, published: Snapshot) -> str | None:
        """Find what inputs have gained since a snapshot; return the first part that has changed in any other way.

        Unless it may matter only by decisions that the job has not told yet.
        """
        then = lineage.derived_from(published.report)
        deciding = derivation.deciding(then, self._reconciled)
        undecided: Undecided | None = None
        grown = {}
        for part in self._changes(published):
            if part in deciding:
                undecided = undecided or self._undecided_by(part, published)
                if not undecided:
                    return part
            elif (gained := self._gained_by(part, published)) is None:
                return part
            else:
                grown[part.partition(".")[2]] = gained
        if grown and (other := self._find_old_partners(grown)):
            return other
        self._gained, self._undecided = grown, undecided
        return None

    def _undecided_by(self, part: str, published: Snapshot) -> Undecided | None:
        """Return what was decided about published rows, since an input that decides is another; None if unknown."""
        name = derivation.of_decisions(lineage.derived_from(published.report), self._reconciled)
        then = kept_rows.DECISIONS.load(self._arguments.bucket, name)
        return None if then is None else Undecided(published, part, set(then), self._derived_from)

    def _find_old_partners(self, grown: dict[str, Gained]) -> str | None:
        """Find the time that rows gained cover, and of pairs the input of which not all rows of that time are new."""
        self._period = growth.period({source: gained.rows for source, gained in grown.items()}, self._grows_with)
        if pipeline.TABLES[self._writes].get("pairs"):
            # A row may have a partner among all rows of its time, so all of these must be new.
            for source in self._grows_with:
                rows = self._of_period(self._whole[source], source)
                gained = replace(grown.get(source) or self._no_gain(source), rows=rows)
                if rows.count() != gained.read:
                    return f"{derivation.TABLE}{source}"
                grown[source] = gained
        return None

    @property
    def _grows_with(self) -> Mapping[str, str]:
        """The time column of each input that may gain rows."""
        columns: Mapping[str, str] = pipeline.TABLES[self._writes].get("grows_with", {})
        return columns

    def _no_gain(self, source: str) -> Gained:
        """Return what an input that has only the rows of before has gained."""
        return Gained(self._whole[source].limit(0), 0, {}, before=partial(self._whole.__getitem__, source))

    def _changes(self, published: Snapshot) -> Iterator[str]:
        """Return the parts of what decided the published rows that have another state now."""
        then = lineage.derived_from(published.report)
        for part in derivation.in_order(then):
            if self._state_of(part, then[part]) != then[part]:
                yield part
        written = published.report[BESIDE].split(",")
        for name, snapshot in self._beside().items():
            has_rows = snapshot is not None and snapshot.rows
            if (has_rows or name in written) and not _goes_with(snapshot, published):
                yield f"{derivation.TABLE}{name}"

    def _gained_by(self, part: str, published: Snapshot) -> Gained | None:
        """Return the rows that an input has gained since a snapshot was made from it; None if more has changed."""
        kind, dot, table = part.partition(".")
        if table not in self._grows_with:
            return None
        report = published.report
        if kind + dot == derivation.LANDING:
            kept, parsed = self._landing[table]
            batches = report.get(f"{lineage.PARSED_BATCHES}{table}", "").split(",")
            state = lineage.derived_from(report)[part]
            found = kept.added(parsed, batches, state, landing_rules.of(table, now=self._now))
            if found is None:
                return None
            old, new = found
            read = new.usable + sum(new.reasons.values())
            return Gained(_usable(new, table), read, new.reasons, before=lambda: _usable(old, table))
        if (added_rows := self._added_rows(table, published)) is None:
            return None
        source, snapshot_id = self._table(table), lineage.inputs(report)[table]

        def before() -> DataFrame:
            return source.read_snapshot(snapshot_id) if source.has(snapshot_id) else self._whole[table]

        read = self._rows_read[table] - int(report[f"rows-read.{table}"])
        return Gained(added_rows, read, {}, before=before)

    def _added_rows(self, table: str, published: Snapshot) -> DataFrame | None:
        """Return the rows that an input table has gained since a snapshot was made of it; None if more has changed."""
        source = self._table(table)
        branch = self._branch if self._branch in source.branches() else MAIN
        return source.added_since(lineage.inputs(published.report)[table], branch)

    def _state_of(self, part: str, then: str) -> str | None:
        """Return the state of a part by using it as the job itself does; None for a part that is not known."""
        kind, dot, table = part.partition(".")
        match kind + dot:
            case derivation.TIME:
                self._derived_from[part] = derivation.of_time(then, self._now)
            case derivation.TRAINING_SPLIT:
                _ = self.training_shares
            case derivation.SUBJECT_KEY:
                _ = self.subject_key
            case derivation.REFUSAL_KEY:
                _ = self.refusal_key
            case derivation.REFUSALS:
                self.refusals()
            case derivation.TABLE:
                self.read_table(table)
            case derivation.LANDING:
                self.read_landing(table)
        return self._derived_from.get(part)

    def _beside(self) -> dict[str, Snapshot | None]:
        """Return the published snapshot of each table that goes with the job's own; None if it was never published."""
        return {name: self._table(name).snapshot() for name, of in pipeline.BESIDE.items() if of == self._writes}

    def _take_over(self, published: Snapshot) -> None:
        """Write the published rows to the run's branch without computing them, account for them, and publish if due."""
        then = published.report
        since = then.get(lineage.UNCHANGED_SINCE) or then["workflow-run-id"] or then["job-run-id"]
        computed_by = then.get(lineage.COMPUTED_BY) or then["job-run-id"]
        taken_over = {lineage.UNCHANGED_SINCE: since, lineage.COMPUTED_BY: computed_by}
        if self._same_rows_as:
            taken_over[lineage.SAME_ROWS_AS] = self._same_rows_as
        report = {**then, **self._report(published.rows), **taken_over}
        snapshot_id = self._table(self._writes).write_again(self._branch, report)
        counts = reconciliation.of_report(then)
        self._record_counts(counts, snapshot_id, computed_by=computed_by)
        print(f"{self._writes}: unchanged since run {since}, not computed again", flush=True)
        self._log_counts(counts[:-1], published.rows)
        beside = {name: s for name, s in self._beside().items() if s is not None and _goes_with(s, published)}
        for name, snapshot in beside.items():
            self._table(name).write_again(self._branch, {**self._report(snapshot.rows), **taken_over})
        self._publish_if_due(beside)

    def _landing_data(self) -> str:
        """Return the landing data as it is now, for pipeline_runs; nothing for a job outside a workflow."""
        if not self._arguments.workflow_name:
            return ""
        uris = {
            table: table_contract.load(table).location_in(
                bucket=self._arguments.bucket, database=self._arguments.database
            )
            for table, declared in pipeline.TABLES.items()
            if declared["zone"] == "landing"
        }
        places = {table: split(uri.removeprefix("s3://").rstrip("/")) for table, uri in uris.items()}
        return json.dumps({"name": self._facts.data} | run_facts.landing_state(boto3.client("s3"), places))

    def read_landing(self, table: str) -> DataFrame:
        """Return the usable rows of a landing table; the unusable rows of the main input go to the quarantine.

        Of an input that has gained rows, if that is all that has changed: those.
        """
        self._begin_to_read()
        if table not in self._landing:
            self._landing[table] = self._read_landing(table)
            self._whole[table] = _usable(self._landing[table][1], table)
        _, parsed = self._landing[table]
        self._derived_from[f"{derivation.LANDING}{table}"] = parsed.state or derivation.of_no_state()
        return self._new_rows(table)

    def _read_landing(self, table: str) -> tuple[ParsedRows, Parsed]:
        contract = table_contract.load(table)
        location = contract.location_in(bucket=self._arguments.bucket, database=self._arguments.database)
        kept = ParsedRows(
            self._spark, parsed_rows.client(), root=self._arguments.bucket, contract=contract, location=location
        )
        try:
            parsed = kept.read(
                landing_rules.of(table, now=self._now),
                now=self._now,
                rebuild=bool(self._facts.rebuild),
                before_deleting=self._lease.check,
            )
        except AnalysisException as error:
            if error.getErrorClass() == "PATH_NOT_FOUND":
                raise BadInputError(f"There is no landing data at {location}. Upload some and run again.") from error
            raise
        except (Py4JJavaError, PythonException) as error:
            if explained := landing_files.explain(self._spark, location, error):
                raise explained from error
            raise
        self._warn_of_ignored_files(table, location)
        # Reconciliation checks what happens to the rows later against these counts.
        rows, reasons, read = parsed.rows, parsed.reasons, parsed.usable + sum(parsed.reasons.values())
        unusable = rows.where("problem is not null")
        print(f"{table}: {read - parsed.kept:,} rows parsed now, {parsed.kept:,} kept from earlier runs", flush=True)
        if not read:
            raise BadInputError(f"The landing data at {location} holds no row. Upload some and run again.")
        if reasons and table in self._reconciled:
            self._quarantine(table, unusable, reasons, read)
        columns = contract.schema.fieldNames()
        self._rows_read[table] = read
        self._rows_parsed[table] = read - parsed.kept
        self._quarantine_counts[table] = dict(reasons)
        self._quarantined[table] = unusable.select(*columns)
        return kept, parsed

    def quarantined(self, table: str) -> DataFrame:
        """Return the unusable rows of a landing table that was read, with those columns that could be parsed."""
        return self._quarantined[table]

    def read_table(self, table: str) -> DataFrame:
        """Return an Iceberg table as this run has written it, or else as it was last published.

        Of an input that has gained rows, if that is all that has changed: those.
        """
        self._begin_to_read()
        source = self._table(table)
        heads = source.heads()
        branch = self._branch if self._branch in heads else MAIN
        head = heads.get(branch)
        # In the order of the DDL: columns that were added to it later stand last in the table.
        rows = source.read(branch).select(*table_contract.load(table).schema.fieldNames())
        self._rows_read[table] = head.rows if head else 0
        self._snapshots_read[table] = head.id if head else 0  # 0: the table was never published
        # A snapshot that a job did not compute, as after an erasure, is like no other.
        state = (lineage.derivation(head.report) or f"snapshot {head.id}") if head else "never published"
        self._derived_from[f"{derivation.TABLE}{table}"] = state
        self._whole[table] = rows
        return self._new_rows(table)

    def _new_rows(self, table: str) -> DataFrame:
        if self._undecided and table in self._grows_with:
            raise RuntimeError(f"The job that writes {self._writes} reads {table} before it calls decide().")
        return self._gained[table].rows if table in self._gained else self._whole[table]

    def added_to(self, table: str) -> DataFrame | None:
        """Return the rows that a table that decides has gained since the published ones were made from it.

        None if more has changed in it or in another input that decides, or if nothing has.
        """
        if not (undecided := self._undecided):
            return None
        then = lineage.derived_from(undecided.published.report)
        deciding = derivation.deciding(then, self._reconciled)
        changed = [part for part in deciding if undecided.derived_from[part] != then[part]]
        return self._added_rows(table, undecided.published) if changed == [f"{derivation.TABLE}{table}"] else None

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
        self._decides = lambda: decisions.of(source, rows)
        if not (undecided := self._undecided):
            return
        now = decisions.of(source, rows) if added is None else undecided.then | decisions.of(source, added)
        self._undecided, self._decides = None, lambda: now
        others = decisions.changed(undecided.then, now)
        before = self._gained[source].before() if source in self._gained else self._whole[source]
        if decisions.concern(others, source, before, known={person for person, _ in undecided.then}):
            self._compute_anew(undecided.part)
            return
        self._is_decided_anew = True
        for name in self._grows_with:  # also if none has gained any: rules are checked of what was decided now
            self._gained.setdefault(name, self._no_gain(name))
        if not self._gained:
            self._same_rows_as = lineage.derivation(undecided.published.report)
            self._derived_from = {**undecided.derived_from, **self._derived_from}
            self._keep_decisions()
        self._build_on(undecided.published)

    def _keep_decisions(self) -> None:
        """Keep what was decided for the next run, unless it is what was decided about the published rows."""
        name = derivation.of_decisions(self._derived_from, self._reconciled)
        then = lineage.derived_from(self._adds_to.report) if self._adds_to else {}
        if self._decides and not self._facts.compares and name != derivation.of_decisions(then, self._reconciled):
            self._lease.check()
            kept_rows.DECISIONS.keep(self._arguments.bucket, name, sorted(self._decides()))

    @property
    def adds_rows(self) -> bool:
        """Whether the job reads only rows that its inputs have gained, and adds rows to the published ones."""
        return self._adds_to is not None

    def published_people(self) -> Mapping[tuple[str, str], int] | None:
        """Return the number of published training rows of each Step Trainer and user (see `kept_rows`).

        None if the job does not add rows to the published ones, or if the file is gone, as after an erasure.
        """
        state = lineage.derivation(self._adds_to.report) if self._adds_to else None
        found = kept_rows.PEOPLE.load(self._arguments.bucket, state) if state else None
        return None if found is None else {(serial, user): rows for serial, user, rows in found}

    def whole(self, table: str) -> DataFrame:
        """Return all rows of an input table, also if the job reads only those that it has gained."""
        if table not in self._whole:
            self.read_table(table)
        return self._whole[table]

    def read_beside(self, table: str) -> DataFrame | None:
        """Return the published rows of a table that goes with the job's own; None if it has none.

        They are no input: the run publishes them anew, as far as they may stay.
        """
        source = self._table(table)
        snapshot = source.snapshot()
        return (
            source.read().select(*table_contract.load(table).schema.fieldNames())
            if snapshot and snapshot.rows
            else None
        )

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
        """Write the table to the run's branch, reconcile, audit, and publish if the job is the last or runs alone.

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
        if classified.keys() != set(self._reconciled):
            raise AuditError(
                f"The job classifies the rows of {', '.join(classified)}, but {pipeline.FILE} declares "
                f"{', '.join(self._reconciled)}. Nothing was published; correct one of them."
            )
        contract, table = table_contract.load(self._writes), self._table(self._writes)
        table.evolve(contract)
        before = table.snapshot()
        publishing.refuse_clock_behind(self._writes, before, self._now)
        rows, new_rows, counts = self._account_for(rows.select(*contract.schema.fieldNames()), classified)
        output_rows = new_rows + (self._adds_to.rows if self._adds_to else 0)
        accounts = [*counts, reconciliation.output(counts, output_rows)]
        report = {
            **self._report(output_rows),
            **(facts or {}),
            reconciliation.COUNTS: reconciliation.to_json(accounts),
            BESIDE: ",".join(beside or {}),
        }
        written = self._write(rows, new_rows, report)
        self._log_counts(counts, output_rows)
        try:
            with ThreadPoolExecutor() as beside_the_audit:  # of a small table, all mostly wait for Spark to plan
                record = beside_the_audit.submit(
                    self._record_counts, accounts, written, computed_by=self._arguments.job_run_id
                )
                others = [beside_the_audit.submit(self._write_beside, *other) for other in (beside or {}).items()]
                others.append(beside_the_audit.submit(self._keep_decisions))
                if people is not None and not self._facts.compares:
                    others.append(beside_the_audit.submit(self._keep, people))
                self._audit(audit_inputs, contract, before=before, rows=output_rows)
                for done in (record, *others):
                    done.result()
        except JobError:
            for name in (self._writes, *(beside or {})):
                self._table(name).discard_branches([self._branch])
            raise
        self._publish_if_due(beside or {})

    def _account_for(
        self, rows: DataFrame, classified: Mapping[str, DataFrame]
    ) -> tuple[DataFrame, int, list[RowCount]]:
        """Return the rows to write, each as often as the table has it, their number, and the counts of all sources.

        The commit carries the number of rows, so it is known before.
        """
        counted = {source: classified[source] for source in self._reconciled}
        pairs = pipeline.TABLES[self._writes].get("pairs")
        if pairs:
            counted[self._writes] = rows.select(F.lit(None).alias("drop_reason"))
        landed = {source for source in counted if pipeline.TABLES[source]["zone"] == "landing"}
        tallies = reconciliation.tally(counted, may_repeat=landed)
        made = tallies.pop(self._writes, [])
        gained = self._gained
        counts = reconciliation.reconcile(
            tallies,
            read={**self._rows_read, **{source: each.read for source, each in gained.items()}},
            quarantined={**self._quarantine_counts, **{source: each.quarantined for source, each in gained.items()}},
        )
        published = reconciliation.total(counts, "published")
        new_rows = sum(row["distinct"] for row in made) if pairs else published
        if reconciliation.has_duplicates(counts):
            rows = rows.distinct()
        if not self._adds_to:
            return rows, new_rows, counts
        if not pairs:
            published_then = self._of_period(self._table(self._writes).read())
            if not published_then.isEmpty():  # mostly, new readings are later than all others
                rows = growth.not_in(rows, published_then).persist()
                new_rows = rows.count()
        all_counts = reconciliation.add(
            reconciliation.of_report(self._adds_to.report),
            counts,
            repeated=0 if pairs else published - new_rows,
            read={source: self._rows_read[source] for source in self._reconciled},
        )
        return rows, new_rows, all_counts

    def _audit(
        self, audit_inputs: Mapping[str, DataFrame], contract: TableContract, *, before: Snapshot | None, rows: int
    ) -> None:
        """Check the schema, the rules and the number of rows of what is on the run's branch; raise a JobError."""
        audited = self._table(self._writes).read(self._branch)
        all_rows = audited.select(*contract.schema.fieldNames()) if self._is_decided_anew else None
        if self._adds_to:
            audited = self._of_period(audited)
            whole = {source: self._of_period(self._whole[source], source) for source in self._grows_with}
            audit_inputs = {**audit_inputs, **whole}
        audits.check_schema(audited, contract)
        views = {self._writes: audited.select(*contract.schema.fieldNames()), **audit_inputs}
        exhaustive = self._arguments.audit == "exhaustive"
        parameters = {"now": self._now, **self.policies}
        audits.check_rules(self._spark, self._writes, views, parameters, exhaustive=exhaustive, all_rows=all_rows)
        if before and publishing.same_policies(before, self.policies.to_json()):
            audits.check_row_count(self._writes, before.rows, rows, self._arguments.row_count_change)

    def _of_period(self, rows: DataFrame, table: str | None = None) -> DataFrame:
        """Keep the rows of the time that the rows gained cover; by default rows of the table that the job writes."""
        return rows.where(self._period.covers(self._grows_with[table or self._reconciled[0]]))

    def _write(self, rows: DataFrame, count: int, report: Mapping[str, str]) -> int:
        """Write the rows, or add them to the published ones, on the run's branch; return the id of the snapshot."""
        table = self._table(self._writes)
        if not self._adds_to:
            return table.write(rows, count, self._branch, report).id
        state = lineage.derivation(self._adds_to.report)
        if state and not count:
            return table.write_again(self._branch, {**report, lineage.SAME_ROWS_AS: state})
        return table.add(rows, count, self._branch, report).id

    def _keep(self, people: Mapping[tuple[str, str], int]) -> None:
        """Keep the people of the rows that were written for the next run."""
        self._lease.check()
        written = self._table(self._writes).snapshot(self._branch)
        if written and (state := lineage.derivation(written.report)):
            rows = sorted((serial, user, count) for (serial, user), count in people.items())
            kept_rows.PEOPLE.keep(self._arguments.bucket, state, rows)

    def _publish_if_due(self, beside: Iterable[str]) -> None:
        """Publish the tables of the run if the job is its last, or its own table if it runs alone."""
        if not self._arguments.workflow_run_id:
            self._publish([self._writes, *beside])
        elif pipeline.publishes(self._writes) and not self._facts.compares:
            self._publish([*pipeline.WRITTEN[::-1], *beside])

    def _write_beside(self, name: str, make: Callable[[], DataFrame]) -> None:
        """Write a table that goes with the one that the job writes to the run's branch."""
        contract, table = table_contract.load(name), self._table(name)
        table.evolve(contract)
        rows = make().select(*contract.schema.fieldNames())
        count = rows.count()
        table.write(rows, count, self._branch, self._report(count))

    def _publish(self, tables: Sequence[str]) -> None:
        """Publish those of the tables that are on the run's branch, after a check that they are consistent.

        A workflow run has written all tables. Some may be published already, if its last job is retried.
        """
        written = {name: s for name in tables if (s := self._table(name).snapshot(self._branch))}
        if run := self._arguments.workflow_run_id:
            others = {name: self._table(name).snapshot() for name in tables if name not in written}
            publishing.refuse_incomplete(run, others)
        sources = {source for snapshot in written.values() for source in snapshot.inputs} - written.keys()
        visible = {name: s for name in sources if (s := self._table(name).snapshot())}
        publishing.refuse_inconsistent(written, visible)
        self._lease.check()
        if run and pipeline.publishes(self._writes):
            self._delete_superseded(written)
        for name in written:
            self._table(name).publish(self._branch)
        self._published = True
        print(f"published: {', '.join(written)}", flush=True)
        self._expire_withdrawn()
        # That commits current rows again and expires the snapshots of tags, maybe of an attempt that was killed.
        for name in tables:
            self._table(name).tag(self._branch)
        if run and self._arguments.history:
            self._limit_growth(self._arguments.history)
        if pipeline.publishes(self._writes):
            published_card.write(self._spark, database=self._arguments.database, bucket=self._arguments.bucket)

    def _delete_superseded(self, written: Mapping[str, Snapshot]) -> None:
        """Delete what jobs have kept for others than the rows that are about to be published, as of a killed run."""
        heads = {name: written.get(name) or self._table(name).snapshot() for name in pipeline.WRITTEN}
        reports = {name: snapshot.report for name, snapshot in heads.items() if snapshot}
        states = [state] if (state := lineage.derivation(reports[self._writes])) else []
        kept_rows.PEOPLE.delete_others(self._arguments.bucket, states)
        sources = {name: pipeline.TABLES[name]["accounts_for"] for name in reports}
        decided = {derivation.of_decisions(lineage.derived_from(reports[name]), sources[name]) for name in reports}
        kept_rows.DECISIONS.delete_others(self._arguments.bucket, decided)

    def _limit_growth(self, history: History) -> None:
        """Expire the runs before those that the tables keep, and merge small files of the audit tables.

        The run has been published: if this fails, the next run does it.
        """
        self._lease.check()
        tables = {name: self._table(name) for name in (*pipeline.WRITTEN, *pipeline.BESIDE)}
        audit_tables = {name: self._table(name, audit=True) for name in pipeline.AUDIT}
        try:
            if expired := retention.expire(tables, self._writes, history, now=self._now):
                counts = ", ".join(f"{count} of {name}" for name, count in expired.items())
                print(f"expired snapshots of runs that history no longer keeps: {counts}", flush=True)
            for name, table in audit_tables.items():
                if retention.merge_small_files(table):
                    print(f"merged small files of {name}", flush=True)
        except (Py4JError, PySparkException) as error:
            print(
                f"WARNING: earlier runs have not expired: {describe_error(error)} The next run tries again.", flush=True
            )

    def _expire_withdrawn(self) -> None:
        """Expire earlier snapshots that show people who have withdrawn, or that reveal who is behind a pseudonym."""
        tables = {name: self._table(name) for name in (*pipeline.WRITTEN, *pipeline.BESIDE)}
        if not self._arguments.workflow_run_id:  # some tables may not exist yet
            tables = {name: table for name, table in tables.items() if table.exists()}
        expired = withdrawal.expire(tables, self._purge)
        if expired:
            counts = ", ".join(f"{sum(reasons.values())} of {name}" for name, reasons in expired.items())
            print(f"expired snapshots that show withdrawn people or undo pseudonyms: {counts}", flush=True)
            rows = [
                {"target_table": name, "outcome": restoring.EXPIRED, "reason": reason, "rows": count}
                for name, reasons in expired.items()
                for reason, count in reasons.items()
            ]
            records = self._table("pipeline_runs", audit=True).read()
            self.record("pipeline_runs", restoring.frame(records, rows, recorded_at=self._now, **self._run_columns()))

    def _purge(self, table: str) -> None:
        bucket = self._arguments.bucket
        location = table_contract.load(table).location_in(bucket=bucket, database=self._arguments.database)
        began = datetime.fromtimestamp(self._now / 1000, UTC)
        prefix = location.removeprefix(f"s3://{bucket}/")
        withdrawal.delete_unreachable(bucket, prefix, self._table(table).files, before=began)

    def record(self, table: str, rows: DataFrame) -> None:
        """Append rows to a table of the audit database, with the ids and the profile of the run."""
        contract, audit_table = table_contract.load(table), self._table(table, audit=True)
        audit_table.evolve(contract)
        run = {"target_table": self._writes, **self._run_columns()}
        given = rows.withColumns({name: F.lit(value) for name, value in run.items() if name not in rows.columns})
        audit_table.append(given.select(*(F.col(f.name).cast(f.dataType).alias(f.name) for f in contract.schema)))

    def _run_columns(self) -> dict[str, str]:
        """Return the columns of the audit tables that are the same for all rows of this run."""
        return {
            "workflow_run_id": self._arguments.workflow_run_id,
            "job_run_id": self._arguments.job_run_id,
            "job": self._arguments.job_name,
            "profile": self._arguments.profile,
            "started_by": self._facts.started_by,
            "code_commit": self._facts.commit,
        }

    def _explain(self, error: Py4JError | PySparkException | OSError) -> str:
        """Describe a Spark error; names the damaged file of an input table, which Spark often does not."""
        message = describe_error(error)
        if f"/{parsed_rows.PREFIX}" in message:
            return f"{message} If the file is damaged, parse all landing files anew: make run-pipeline REBUILD=1"
        if "://" in message or isinstance(error, OSError):
            return message
        try:
            for table, snapshot_id in self._snapshots_read.items():
                if found := self._table(table).unreadable_file(snapshot_id):
                    return f"A data file of {table} cannot be read: {found}. {message}"
        except (Py4JError, PySparkException, OSError):  # then no single file is the cause
            pass
        return message

    def _quarantine(self, table: str, unusable: DataFrame, reasons: Mapping[str, int], read: int) -> None:
        location = quarantine.location_of(self._arguments.bucket, table, self._arguments.job_run_id)
        quarantine.write(
            unusable,
            location,
            table=table,
            workflow_run_id=self._arguments.workflow_run_id,
            job_run_id=self._arguments.job_run_id,
            now=self._now,
        )
        limit = self._arguments.quarantine_limit(table)
        try:
            quarantine.enforce(unusable, reasons, table=table, read=read, limit=limit, location=location)
        except BadInputError:
            counts = reconciliation.of_refused_run(table, read=read, quarantined=reasons)
            self._record_counts(counts, None, computed_by=self._arguments.job_run_id)
            raise

    def _warn_of_ignored_files(self, table: str, location: str) -> None:
        if ignored := landing_files.ignored(self._spark, location):
            keys = [path.partition("://")[2].partition("/")[2] for path in ignored]
            print(
                f"{table}: {len(ignored):,} files or folders were not read, since names that begin with . or _ "
                "(without a =) or end in ._COPYING_ mark temporary files: "
                f"{landing_files.shown(list(map(file_numbers.of, keys)))}. {file_numbers.REMEDY}.",
                flush=True,
            )

    def _log_counts(self, counts: Sequence[RowCount], output_rows: int) -> None:
        print(f"{self._writes}: {reconciliation.describe(counts)}; {output_rows:,} rows out", flush=True)
        if reason := reconciliation.output(counts, output_rows).reason:
            read, losses = reconciliation.total(counts, "read"), reconciliation.describe_losses(counts)
            print(f"WARNING: {self._writes} is {reason}: {read:,} rows read, {losses}", flush=True)

    def _record_counts(self, counts: Sequence[RowCount], snapshot_id: int | None, *, computed_by: str) -> None:
        common = {
            "target_table": self._writes,
            **self._run_columns(),
            "recorded_at": self._now,
            "snapshot_id": snapshot_id,
            "landing_data": self._landing_data(),
            "computed_by": computed_by,
        }
        contract, table = table_contract.load("pipeline_runs"), self._table("pipeline_runs", audit=True)
        table.evolve(contract)
        table.append_few(asdict(count) | common for count in counts)

    def _report(self, output_rows: int) -> dict[str, str]:
        return {
            "job": self._arguments.job_name,
            "job-run-id": self._arguments.job_run_id,
            "workflow-run-id": self._arguments.workflow_run_id,
            "profile": self._arguments.profile,
            "policies": self.policies.to_json(),
            "rows-in": str(self._rows_read[self._reconciled[0]]),
            "rows-out": str(output_rows),
            **{f"rows-read.{table}": str(rows) for table, rows in self._rows_read.items()},
            **{f"rows-parsed.{table}": str(rows) for table, rows in self._rows_parsed.items()},
            **lineage.input_entries(self._snapshots_read),
            **lineage.derived_from_entries(self._derived_from),
            **{
                f"{lineage.PARSED_BATCHES}{table}": ",".join(batch.name for batch in parsed.batches)
                for table, (_, parsed) in self._landing.items()
                if table in self._grows_with
            },
        }

    def _table(self, table: str, *, audit: bool = False) -> Table:
        database = f"{self._arguments.database}_audit" if audit else self._arguments.database
        return Table(self._spark, f"{CATALOG}.{database}.{table}")


def _goes_with(beside: Snapshot | None, snapshot: Snapshot) -> bool:
    """Tell whether the snapshot of a table beside another was made from the same as a snapshot of the other."""
    return beside is not None and lineage.derived_from(beside.report) == lineage.derived_from(snapshot.report)


def _usable(parsed: Parsed, table: str) -> DataFrame:
    return parsed.rows.where("problem is null").select(*table_contract.load(table).schema.fieldNames())


def _start_spark() -> None:
    # Not the session: Spark's catalogs find it only in the thread that made it.
    with suppress(Exception):  # the same error comes when the job asks for its session
        SparkContext.getOrCreate()
