"""What a job run reads, and all else that decides its rows: each part with its state, noted where it is used.

So a job that uses more under some policy has more parts (see `derivation`).
"""

from collections.abc import Collection, Mapping

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors import AnalysisException, PySparkException, PythonException
from pyspark.sql import DataFrame

import derivation
import file_numbers
import landing_files
import landing_rules
import lineage
import parsed_rows
import pseudonyms
import quarantine
import reconciliation
import refusals
import table_contract
from iceberg import MAIN
from job_run import JobRun
from parsed_rows import Parsed, ParsedRows
from problems import BadInputError, describe_error
from training_split import Shares


class Inputs:
    """The inputs of a job run: landing tables, tables that other jobs have written, keys, and the time."""

    def __init__(self, run: JobRun) -> None:
        self._run = run
        self.states: dict[str, str] = {}
        """The state of each part that decides the rows, by its name."""
        self.whole: dict[str, DataFrame] = {}
        """All usable rows of each table that was read."""
        self.rows_read: dict[str, int] = {}
        """The number of all rows of each table that was read, with those in quarantine."""
        self.quarantined: dict[str, DataFrame] = {}
        """The unusable rows of each landing table that was read, with those columns that could be parsed."""
        self.quarantine_counts: dict[str, dict[str, int]] = {}
        """The number of these by their reason."""
        self.landing: dict[str, tuple[ParsedRows, Parsed]] = {}
        """The parsed rows of each landing table that was read, and where they are kept."""
        self._rows_parsed: dict[str, int] = {}
        self._snapshots_read: dict[str, int] = {}

    @property
    def now(self) -> int:
        """When the run began, epoch milliseconds. By default, rows that it decides are computed anew by each run."""
        self.states.setdefault(derivation.TIME, str(self._run.now))
        return self._run.now

    def note_only(self, states: Mapping[str, str]) -> None:
        """Forget the states of all parts but these: what is used from now on is noted anew."""
        self.states = dict(states)

    def holds_until(self, moment: int | None) -> None:
        """State when the rows that `now` decided will be others, epoch milliseconds; None: never."""
        self.states[derivation.TIME] = derivation.ALWAYS if moment is None else str(moment)

    @property
    def subject_key(self) -> bytes:
        """The HMAC key of the pseudonyms."""
        key = pseudonyms.key(self._run.arguments.subject_key_secret)
        self.states[derivation.SUBJECT_KEY] = derivation.of_key(key)
        return key

    @property
    def refusal_key(self) -> bytes:
        """The HMAC key of the refusals that outlive an erasure."""
        key = pseudonyms.key(self._run.arguments.refusal_key_secret)
        self.states[derivation.REFUSAL_KEY] = derivation.of_key(key)
        return key

    @property
    def training_shares(self) -> Shares:
        """The shares of the subjects that validate and test a model."""
        shares = self._run.arguments.training_split
        self.states[derivation.TRAINING_SPLIT] = str(shares)
        return shares

    def refusals(self) -> set[str]:
        """Return the serial number pseudonyms of all Step Trainers that an erased owner refused to share."""
        found = refusals.load(self._run.bucket)
        self.states[derivation.REFUSALS] = derivation.digest(*sorted(found))
        return found

    def read_table(self, table: str) -> None:
        """Read an Iceberg table as this run has written it, or else as it was last published."""
        source = self._run.table(table)
        heads = source.heads()
        branch = self._run.branch if self._run.branch in heads else MAIN
        head = heads.get(branch)
        # In the order of the DDL: columns that were added to it later stand last in the table.
        self.whole[table] = source.read(branch).select(*table_contract.load(table).schema.fieldNames())
        self.rows_read[table] = head.rows if head else 0
        self._snapshots_read[table] = head.id if head else 0  # 0: the table was never published
        # A snapshot that a job did not compute, as after an erasure, is like no other.
        state = (lineage.derivation(head.report) or f"snapshot {head.id}") if head else "never published"
        self.states[f"{derivation.TABLE}{table}"] = state

    def read_landing(self, table: str) -> None:
        """Read a landing table; its unusable rows go to the quarantine if the job accounts for the table.

        Raises a BadInputError if it has no rows or, of such a table, more unusable ones than the limit allows.
        """
        if table not in self.landing:
            self.landing[table] = self._parse(table)
            self.whole[table] = usable_rows(self.landing[table][1], table)
        _, parsed = self.landing[table]
        self.states[f"{derivation.LANDING}{table}"] = parsed.state or derivation.of_no_state()

    def _parse(self, table: str) -> tuple[ParsedRows, Parsed]:
        run, contract, location = self._run, table_contract.load(table), self._run.location(table)
        kept = ParsedRows(run.spark, parsed_rows.client(), root=run.bucket, contract=contract, location=location)
        try:
            parsed = kept.read(
                landing_rules.of(table, now=run.now),
                now=run.now,
                rebuild=bool(run.facts.rebuild),
                before_deleting=run.lease.check,
            )
        except AnalysisException as error:
            if error.getErrorClass() == "PATH_NOT_FOUND":
                raise BadInputError(f"There is no landing data at {location}. Upload some and run again.") from error
            raise
        except (Py4JJavaError, PythonException) as error:
            if explained := landing_files.explain(run.spark, location, error):
                raise explained from error
            raise
        self._warn_of_ignored_files(table, location)
        # Reconciliation checks what happens to the rows later against these counts.
        reasons, read = parsed.reasons, parsed.usable + sum(parsed.reasons.values())
        unusable = parsed.rows.where("problem is not null")
        print(f"{table}: {read - parsed.kept:,} rows parsed now, {parsed.kept:,} kept from earlier runs", flush=True)
        if not read:
            raise BadInputError(f"The landing data at {location} holds no row. Upload some and run again.")
        if reasons and table in run.accounts_for:
            self._quarantine(table, unusable, reasons, read)
        self.rows_read[table] = read
        self._rows_parsed[table] = read - parsed.kept
        self.quarantine_counts[table] = dict(reasons)
        self.quarantined[table] = unusable.select(*contract.schema.fieldNames())
        return kept, parsed

    def _quarantine(self, table: str, unusable: DataFrame, reasons: Mapping[str, int], read: int) -> None:
        given = self._run.arguments
        location = quarantine.location_of(given.bucket, table, given.job_run_id)
        quarantine.write(
            unusable,
            location,
            table=table,
            workflow_run_id=given.workflow_run_id,
            job_run_id=given.job_run_id,
            now=self._run.now,
        )
        limit = given.quarantine_limit(table)
        try:
            quarantine.enforce(unusable, reasons, table=table, read=read, limit=limit, location=location)
        except BadInputError:
            counts = reconciliation.of_refused_run(table, read=read, quarantined=reasons)
            self._run.record_counts(counts, None, computed_by=given.job_run_id)
            raise

    def _warn_of_ignored_files(self, table: str, location: str) -> None:
        if ignored := landing_files.ignored(self._run.spark, location):
            keys = [path.partition("://")[2].partition("/")[2] for path in ignored]
            print(
                f"{table}: {len(ignored):,} files or folders were not read, since names that begin with . or _ "
                "(without a =) or end in ._COPYING_ mark temporary files: "
                f"{landing_files.shown(list(map(file_numbers.of, keys)))}. {file_numbers.REMEDY}.",
                flush=True,
            )

    def state_of(self, part: str, then: str) -> str | None:
        """Return the state of a part by using it as the job itself does; None for a part that is not known.

        Time has the state that it had `then`, if the rows still hold.
        """
        kind, dot, table = part.partition(".")
        match kind + dot:
            case derivation.TIME:
                self.states[part] = derivation.of_time(then, self._run.now)
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
        return self.states.get(part)

    def report(self, growing: Collection[str]) -> dict[str, str]:
        """Return what the report of the run says about its inputs; of `growing` ones also the batches of rows."""
        return {
            **{f"rows-read.{table}": str(rows) for table, rows in self.rows_read.items()},
            **{f"rows-parsed.{table}": str(rows) for table, rows in self._rows_parsed.items()},
            **lineage.input_entries(self._snapshots_read),
            **lineage.derived_from_entries(self.states),
            **{
                f"{lineage.PARSED_BATCHES}{table}": ",".join(batch.name for batch in parsed.batches)
                for table, (_, parsed) in self.landing.items()
                if table in growing
            },
        }

    def explain(self, error: Py4JError | PySparkException | OSError) -> str:
        """Describe a Spark error; names the damaged file of an input table, which Spark often does not."""
        message = describe_error(error)
        if f"/{parsed_rows.PREFIX}" in message:
            return f"{message} If the file is damaged, parse all landing files anew: make run-pipeline REBUILD=1"
        if "://" in message or isinstance(error, OSError):
            return message
        try:
            for table, snapshot_id in self._snapshots_read.items():
                if found := self._run.table(table).unreadable_file(snapshot_id):
                    return f"A data file of {table} cannot be read: {found}. {message}"
        except (Py4JError, PySparkException, OSError):  # then no single file is the cause
            pass
        return message


def usable_rows(parsed: Parsed, table: str) -> DataFrame:
    """Return the usable ones among parsed rows, with the columns of their landing table."""
    return parsed.rows.where("problem is null").select(*table_contract.load(table).schema.fieldNames())
