"""Write, audit, publish: a run writes its Iceberg tables to a branch, which nobody else reads before it is main."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from py4j.protocol import Py4JJavaError
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, DataFrameWriterV2, SparkSession
from pyspark.sql import functions as F

from problems import AuditError, BadInputError
from table_contract import TableContract

ROWS_PER_FILE: Final = 2_000_000
MAIN: Final = "main"
CLOCK_TOLERANCE: Final = 60_000  # of Iceberg, milliseconds
REPORT: Final = "lakehouse."
"""Prefix of what a run notes about itself in the summary of a snapshot."""


@dataclass(frozen=True)
class Snapshot:
    """One state of a table."""

    id: int
    rows: int
    report: Mapping[str, str]
    """What the run that made it noted, without the prefix."""
    committed_at: int
    """When, by the clock of that run, epoch milliseconds."""
    parent: int | None = None
    """The id of the state that it succeeded; None for the first."""


class Table:
    """An Iceberg table, by its name catalog.database.table."""

    def __init__(self, spark: SparkSession, name: str) -> None:
        self._spark = spark
        self.name = name

    def read(self, branch: str = MAIN) -> DataFrame:
        """Return the table's rows as they are now on a branch."""
        with self._that_exists():
            return self._spark.table(self.name if branch == MAIN else f"{self.name}.branch_{branch}")

    def exists(self) -> bool:
        """Tell whether there is such a table."""
        return bool(self._spark.catalog.tableExists(self.name))

    def branches(self) -> dict[str, int]:
        """Return the snapshot id that each branch points to; a table without a row ever written has no main."""
        refs = self._iceberg().refs()
        return {name: refs[name].snapshotId() for name in refs if refs[name].isBranch()}

    def snapshot(self, branch: str = MAIN) -> Snapshot | None:
        """Return the state that a branch points to; None where there is none yet."""
        found = self._iceberg().snapshot(branch)
        return None if found is None else self._snapshot(found)

    def history(self) -> list[Snapshot]:
        """Return all states that can still be read."""
        return list(map(self._snapshot, self._iceberg().snapshots()))

    def at(self, snapshot_id: int) -> DataFrame:
        """Return the table's rows as they were."""
        return self._spark.read.option("snapshot-id", snapshot_id).table(self.name)

    def _iceberg(self) -> Any:
        """Return Iceberg's own object for the table as it is now: a query of its metadata tables takes far longer."""
        catalog, database, table = self.name.split(".")
        java: Any = self._spark.sparkContext._jvm
        namespace = self._spark.sparkContext._gateway.new_array(java.String, 1)  # type: ignore[union-attr]
        namespace[0] = database
        identifier = java.org.apache.spark.sql.connector.catalog.Identifier.of(namespace, table)
        manager = self._spark._jsparkSession.sessionState().catalogManager()
        with self._that_exists():
            return manager.catalog(catalog).loadTable(identifier).table()

    def _snapshot(self, found: Any) -> Snapshot:
        java: Any = self._spark.sparkContext._jvm
        # In one piece: each entry of a map that stays in Java is a call of its own.
        summary = json.loads(java.com.fasterxml.jackson.databind.ObjectMapper().writeValueAsString(found.summary()))
        return Snapshot(
            found.snapshotId(),
            int(summary.get("total-records", 0)),
            {key.removeprefix(REPORT): text for key, text in summary.items() if key.startswith(REPORT)},
            found.timestampMillis(),
            found.parentId(),
        )

    @contextmanager
    def _that_exists(self) -> Iterator[None]:
        """Raise a BadInputError if there is no such table."""
        try:
            yield
        except AnalysisException as error:
            if error.getErrorClass() == "TABLE_OR_VIEW_NOT_FOUND":
                raise BadInputError(
                    f"There is no table {self.name}. Terraform creates the tables: apply it first."
                ) from error
            raise

    def unreadable_file(self, snapshot_id: int) -> str | None:
        """Return a data file of a state of the table that cannot be read, and why, in words; None without one.

        Damaged is a file whose bytes can be read and whose rows cannot.
        """
        files = self._spark.read.option("snapshot-id", snapshot_id).table(f"{self.name}.files")
        for row in files.select("file_path").toLocalIterator():
            path = row["file_path"]
            if not self._can_read("parquet", path):
                return f"{path} is {'damaged' if self._can_read('text', path) else 'gone, or denied to this role'}"
        return None

    def _can_read(self, file_format: str, path: str) -> bool:
        try:
            self._spark.read.format(file_format).load(path).write.format("noop").mode("overwrite").save()
        except (Py4JJavaError, PySparkException):
            return False
        return True

    def evolve(self, contract: TableContract) -> None:
        """Add the columns of the contract that the table lacks: Terraform can create a table, not evolve it."""
        actual = {field.name: field.dataType for field in self.read().schema}
        surplus = actual.keys() - set(contract.schema.fieldNames())
        retyped = {f.name for f in contract.schema if actual.get(f.name, f.dataType) != f.dataType}
        if surplus or retyped:
            raise BadInputError(
                f"{self.name} does not fit {contract.name}.sql: {', '.join(sorted(surplus | retyped))} "
                "differ in type or are not in the file. Alter the table by hand, or take the change back."
            )
        missing = [field for field in contract.schema if field.name not in actual]
        if missing:
            columns = ", ".join(
                f"`{field.name}` {field.dataType.simpleString()} COMMENT '{field.metadata['comment']}'"
                for field in missing
            )
            self._spark.sql(f"ALTER TABLE {self.name} ADD COLUMNS ({columns})")

    def write(self, rows: DataFrame, count: int, branch: str, report: Mapping[str, str]) -> Snapshot:
        """Make these `count` rows the content of a new branch, in one commit that also carries the run's report.

        Branches that runs before this one left behind are discarded first, what they alone held included.
        """
        self.discard(name for name in self.branches() if name != MAIN)
        self._spark.sql(f"ALTER TABLE {self.name} CREATE BRANCH `{branch}`")
        # Else each of Spark's partitions, by default 200, becomes a file. Sorted, they compress better and equal runs
        # give equal files.
        columns = [f"`{column}`" for column in rows.columns]
        files = rows.coalesce(1 + count // ROWS_PER_FILE).sortWithinPartitions(*columns)
        writer = files.writeTo(f"{self.name}.branch_{branch}").option("compression-codec", "zstd")
        _with(writer, report).overwrite(F.lit(True))
        written = self.snapshot(branch)
        if written is None or written.rows != count:
            raise AuditError(
                f"{count:,} rows were to be written to {self.name} and {written.rows if written else 0:,} were: "
                "nothing was published. Run it again."
            )
        return written

    def restate(self, report: Mapping[str, str]) -> int:
        """Commit the rows of now once more, with a report, and return the id of the new state.

        It names none of the files before it: no manifest is left that describes what the state before it replaced.
        """
        _with(self._spark.table(self.name).limit(0).writeTo(self.name), report).append()
        return self.branches()[MAIN]

    def append(self, rows: DataFrame) -> None:
        """Add rows to main in one commit."""
        rows.coalesce(1).writeTo(self.name).option("compression-codec", "zstd").append()

    def publish(self, branch: str) -> None:
        """Make a branch main, in one commit: readers see all of the old rows before it, all of the new ones after."""
        database_and_table = self.name.split(".", 1)[1]
        try:
            self._call("fast_forward", f"'{database_and_table}', '{MAIN}', '{branch}'")
        except Exception as error:
            if "not an ancestor" in str(error):
                raise AuditError(
                    f"Somebody else has published {self.name} since this run wrote it, so it was not published. "
                    "Run again."
                ) from error
            raise

    def drop(self, branch: str) -> None:
        """Drop a branch and keep what it points to."""
        self._spark.sql(f"ALTER TABLE {self.name} DROP BRANCH `{branch}`")

    def discard(self, branches: Iterable[str]) -> None:
        """Drop branches and delete the files that only they held: rows that no audit has passed are not left about."""
        heads = self.branches()
        discarded = [name for name in branches if name in heads]
        if not discarded:
            return
        for name in discarded:
            self.drop(name)
        kept = {row["snapshot_id"] for row in self._metadata("history").collect()} | {
            heads[name] for name in heads if name not in discarded
        }
        orphans = {heads[name] for name in discarded} - kept
        if orphans:
            self.expire(orphans)

    def expire(self, snapshot_ids: Collection[int]) -> None:
        """Let states go, with the tags and branches that point to them and the files that only they held."""
        for ref in self._metadata("refs").where(f"name != '{MAIN}'").collect():
            if ref["snapshot_id"] in snapshot_ids:
                self._spark.sql(f"ALTER TABLE {self.name} DROP {ref['type']} `{ref['name']}`")
        ids = ", ".join(f"{snapshot_id}L" for snapshot_id in sorted(snapshot_ids))
        database_and_table = self.name.split(".", 1)[1]
        # Else everything that is older than five days goes with them: Iceberg's default.
        nothing_else = "older_than => TIMESTAMP '1970-01-01 00:00:00'"
        arguments = f"table => '{database_and_table}', snapshot_ids => array({ids}), {nothing_else}"
        self._call("expire_snapshots", arguments)

    def _metadata(self, kind: str) -> DataFrame:
        return Table(self._spark, f"{self.name}.{kind}").read()

    def _call(self, procedure: str, arguments: str) -> Any:
        catalog = self.name.split(".", 1)[0]
        return self._spark.sql(f"CALL {catalog}.system.{procedure}({arguments})").collect()


def _with(writer: DataFrameWriterV2, report: Mapping[str, str]) -> DataFrameWriterV2:
    for key, value in report.items():
        writer = writer.option(f"snapshot-property.{REPORT}{key}", value)
    return writer


def branch_of(workflow_run_id: str, job_run_id: str) -> str:
    """Return the branch to which the jobs of one run write: the workflow's run, or the job's own outside a workflow."""
    return "run_" + re.sub(r"\W", "_", workflow_run_id or job_run_id or "by_hand")


def refuse_clock_behind(table: str, published: Snapshot | None, now: int) -> None:
    """Raise a BadInputError if a table was published later than now, by more than Iceberg bears."""
    if published and published.committed_at > now + CLOCK_TOLERANCE:
        ahead = (published.committed_at - now) / 60_000
        raise BadInputError(
            f"{table} was published {ahead:,.0f} minutes after the time of this job's clock, and Iceberg takes no "
            "commit that is older than the last one. One of the two clocks was wrong: set this one right, or run again "
            "when that time has passed."
        )


def refuse_incomplete(workflow_run_id: str, others: Mapping[str, Snapshot | None]) -> None:
    """Raise an AuditError unless a workflow run has published the other tables, those that are not on its branch."""
    own = {name for name, seen in others.items() if seen and seen.report.get("workflow-run-id") == workflow_run_id}
    if missing := [name for name in others if name not in own]:
        raise AuditError(
            f"The workflow run {workflow_run_id} has no {', '.join(missing)} to publish, so it publishes nothing: "
            "a job was left out, or another run has discarded its table. Run the whole workflow again."
        )


def refuse_inconsistent(run: Mapping[str, Snapshot], visible: Mapping[str, Snapshot]) -> None:
    """Raise an AuditError if a table was made from another state of a table than readers would see with this run.

    Both are by table: `run` what is to be published, `visible` what readers see otherwise, of which only that counts
    which comes of what the run replaces.
    """
    shown = {**visible, **run}
    for table, snapshot in shown.items():
        for source, snapshot_id in reads(snapshot).items():
            matters = table in run or source in run
            if matters and source in shown and shown[source].id != snapshot_id:
                raise AuditError(
                    f"{table} was made from another {source} than would be published with it, so nothing was "
                    f"published: something else has written {source} meanwhile. Run the whole workflow again."
                )


def reads(snapshot: Snapshot) -> dict[str, int]:
    """Return the snapshot id of each table from which a snapshot was made."""
    prefix = "snapshot-read."
    return {key.removeprefix(prefix): int(value) for key, value in snapshot.report.items() if key.startswith(prefix)}


def same_policies(snapshot: Snapshot, policies: str) -> bool:
    """Tell whether a snapshot was made with these policies, a JSON object."""
    return bool(json.loads(snapshot.report.get("policies", "null")) == json.loads(policies))
