"""Iceberg tables: a run writes each to a branch, which no reader sees until it becomes `main` (see `publishing`)."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final

from py4j.protocol import Py4JJavaError
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, DataFrameWriterV2, SparkSession
from pyspark.sql import functions as F

import lineage
from problems import AuditError, BadInputError
from table_contract import TableContract

CATALOG: Final = "glue_catalog"
"""Name of Glue's catalog in Spark; the Glue jobs' `--conf` configures it."""
ROWS_PER_FILE: Final = 2_000_000
MAIN: Final = "main"
PROPERTIES: Final = {
    # Otherwise each commit leaves the metadata file that it replaces: readers under way need only the last ones.
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    # One row group of the default 128 MiB is the whole file: no reader could skip any of it. See decision 0025.
    "write.parquet.row-group-size-bytes": str(1024**2),
    # Iceberg counts each row group as the 4 MiB that opening a file is worth, so each task would read only four.
    "read.split.open-file-cost": str(256 * 1024),
}
"""Properties of every table. Terraform cannot set them: Glue creates the metadata of an Iceberg table itself."""
TAG_AGE: Final = 90 * 24 * 60 * 60 * 1000  # milliseconds, after which maintenance may drop the tag of a run
CLOCK_TOLERANCE: Final = 60_000  # milliseconds by which Iceberg lets a commit be older than the last one


@dataclass(frozen=True)
class Snapshot:
    """A snapshot of a table."""

    id: int
    rows: int
    report: Mapping[str, str]
    """What the run that committed it reports about itself (see `lineage`)."""
    committed_at: int
    """Time of the commit by the clock of that run, epoch milliseconds."""
    parent: int | None = None
    """Id of the snapshot before it; None for the first."""

    @property
    def inputs(self) -> dict[str, int]:
        """The snapshot id of each table from which this one was made."""
        return lineage.inputs(self.report)


class Table:
    """An Iceberg table, by its full name catalog.database.table."""

    def __init__(self, spark: SparkSession, name: str) -> None:
        self._spark = spark
        self.name = name

    def read(self, branch: str = MAIN) -> DataFrame:
        """Return the current rows of a branch."""
        with self._must_exist():
            return self._spark.table(self.name if branch == MAIN else f"{self.name}.branch_{branch}")

    def exists(self) -> bool:
        """Tell whether the table exists."""
        return bool(self._spark.catalog.tableExists(self.name))

    def references(self) -> dict[str, int]:
        """Return the snapshot id of each branch and tag."""
        refs = self._iceberg().refs()
        return {name: refs[name].snapshotId() for name in refs}

    def branches(self) -> dict[str, int]:
        """Return the snapshot id of each branch; a table that was never written has no main."""
        refs = self._iceberg().refs()
        return {name: refs[name].snapshotId() for name in refs if refs[name].isBranch()}

    def heads(self) -> dict[str, Snapshot]:
        """Return the current snapshot of each branch; a table that was never written has no main."""
        table = self._iceberg()
        refs = table.refs()
        return {name: self._snapshot(table.snapshot(refs[name].snapshotId())) for name in refs if refs[name].isBranch()}

    def snapshot(self, branch: str = MAIN) -> Snapshot | None:
        """Return the current snapshot of a branch; None if there is none yet."""
        return self.heads().get(branch)

    def tagged(self, tag: str) -> Snapshot | None:
        """Return the snapshot that a tag names; None if there is no such tag."""
        table = self._iceberg()
        ref = table.refs().get(tag)
        return self._snapshot(table.snapshot(ref.snapshotId())) if ref is not None and ref.isTag() else None

    def history(self) -> list[Snapshot]:
        """Return all snapshots that have not expired."""
        return list(map(self._snapshot, self._iceberg().snapshots()))

    def published_ids(self) -> set[int]:
        """Return the ids of the unexpired snapshots that readers have seen: not those of a branch alone."""
        return {entry.snapshotId() for entry in self._iceberg().history()} & {each.id for each in self.history()}

    def set_current(self, snapshot_id: int) -> None:
        """Make an earlier or later snapshot the one that readers see, in one commit."""
        self._call("set_current_snapshot", f"table => '{self.name.split('.', 1)[1]}', snapshot_id => {snapshot_id}L")

    def read_snapshot(self, snapshot_id: int) -> DataFrame:
        """Return the rows of a snapshot that has not expired."""
        return self._spark.read.option("snapshot-id", snapshot_id).table(self.name)

    def has(self, snapshot_id: int) -> bool:
        """Tell whether a snapshot has not expired."""
        return self._iceberg().snapshot(snapshot_id) is not None

    def added_since(self, snapshot_id: int, branch: str) -> DataFrame | None:
        """Return the rows that were added to a branch since a snapshot; None if anything else was committed since."""
        table = self._iceberg()
        head = at = table.refs()[branch].snapshotId()
        while at != snapshot_id:
            snapshot = table.snapshot(at) if at is not None else None
            if snapshot is None or snapshot.operation() != "append":
                return None
            at = snapshot.parentId()
        if head == snapshot_id:
            return self.read_snapshot(head).where(F.lit(False))
        options = {"start-snapshot-id": str(snapshot_id), "end-snapshot-id": str(head)}
        return self._spark.read.options(**options).table(self.name)

    def _iceberg(self) -> Any:
        """Return the current Java `Table` of Iceberg: querying its metadata tables takes far longer."""
        catalog, database, table = self.name.split(".")
        java: Any = self._spark.sparkContext._jvm
        namespace = self._spark.sparkContext._gateway.new_array(java.String, 1)  # type: ignore[union-attr]
        namespace[0] = database
        identifier = java.org.apache.spark.sql.connector.catalog.Identifier.of(namespace, table)
        manager = self._spark._jsparkSession.sessionState().catalogManager()
        with self._must_exist():
            return manager.catalog(catalog).loadTable(identifier).table()

    def _package_of(self, table: Any) -> Any:
        """Return the Java package of Iceberg, given a table: a jar may have relocated it."""
        above, _, _ = table.getClass().getName().partition(".iceberg.")
        return reduce(getattr, f"{above}.iceberg".split("."), self._spark.sparkContext._jvm)

    def _snapshot(self, found: Any) -> Snapshot:
        java: Any = self._spark.sparkContext._jvm
        # As one JSON text: each entry of a Java map would take a call of its own.
        summary = json.loads(java.com.fasterxml.jackson.databind.ObjectMapper().writeValueAsString(found.summary()))
        return Snapshot(
            found.snapshotId(),
            int(summary.get("total-records", 0)) - int(summary.get("total-position-deletes", 0)),
            lineage.report(summary),
            found.timestampMillis(),
            found.parentId(),
        )

    @contextmanager
    def _must_exist(self) -> Iterator[None]:
        """Raise a BadInputError if the table does not exist."""
        try:
            yield
        except AnalysisException as error:
            if error.getErrorClass() == "TABLE_OR_VIEW_NOT_FOUND":
                raise BadInputError(
                    f"There is no table {self.name}. Terraform creates the tables: apply it first."
                ) from error
            raise

    def files(self) -> set[str]:
        """Return the URI of each file that any snapshot or the metadata of the table refers to."""
        table = self._iceberg()
        iceberg = self._package_of(table)
        reachable = iceberg.ReachableFileUtil
        found = {
            *reachable.metadataFileLocations(table, False),
            *reachable.manifestListLocations(table),
            *reachable.statisticsFilesLocations(table),
        }
        io, files = table.io(), iceberg.ManifestFiles
        manifests = {each.path(): each for snapshot in table.snapshots() for each in snapshot.allManifests(io)}
        for manifest in manifests.values():
            if str(manifest.content()) == "DATA":
                entries = files.read(manifest, io)
            else:
                entries = files.readDeleteManifest(manifest, io, table.specs())
            found |= {str(file.location()) for file in entries.iterator()}
            entries.close()
        return found | manifests.keys()

    def unreadable_file(self, snapshot_id: int) -> str | None:
        """Return the first data file of a snapshot that cannot be read, and why, for a message; None if all can.

        A file is damaged if its bytes can be read but its rows cannot.
        """
        files = self._spark.read.option("snapshot-id", snapshot_id).table(f"{self.name}.files")
        for row in files.select("file_path").toLocalIterator():
            path = row["file_path"]
            if not self._can_read("parquet", path):
                return f"{path} is {'damaged' if self._can_read('text', path) else 'missing, or denied to this role'}"
        return None

    def _can_read(self, file_format: str, path: str) -> bool:
        try:
            self._spark.read.format(file_format).load(path).write.format("noop").mode("overwrite").save()
        except (Py4JJavaError, PySparkException):
            return False
        return True

    def evolve(self, contract: TableContract) -> None:
        """Add the columns of the contract that the table lacks, and the properties of all tables.

        Terraform can create tables but not evolve them.
        """
        actual = {field.name: field.dataType for field in self.read().schema}
        surplus = actual.keys() - set(contract.schema.fieldNames())
        retyped = {f.name for f in contract.schema if actual.get(f.name, f.dataType) != f.dataType}
        if surplus or retyped:
            raise BadInputError(
                f"{self.name} does not fit {contract.name}.sql: {', '.join(sorted(surplus | retyped))} "
                "differ in type or are not in the file. Alter the table by hand, or revert the change of the file."
            )
        missing = [field for field in contract.schema if field.name not in actual]
        if missing:
            columns = ", ".join(
                f"`{field.name}` {field.dataType.simpleString()} COMMENT '{field.metadata['comment']}'"
                for field in missing
            )
            self._spark.sql(f"ALTER TABLE {self.name} ADD COLUMNS ({columns})")
        self._set_properties()

    def has_property(self, name: str) -> bool:
        """Tell whether the table has a property."""
        return bool(self._iceberg().properties().containsKey(name))

    def set_property(self, name: str) -> None:
        """Give the table a property, in a commit of its own."""
        self._iceberg().updateProperties().set(name, "true").commit()

    def remove_property(self, name: str) -> None:
        """Take a property from the table, in a commit of its own."""
        self._iceberg().updateProperties().remove(name).commit()

    def _set_properties(self) -> None:
        """Set those of `PROPERTIES` that differ, in one commit."""
        table = self._iceberg()
        differing = {key: value for key, value in PROPERTIES.items() if table.properties().get(key) != value}
        if differing:
            update = table.updateProperties()
            for key, value in differing.items():
                update = update.set(key, value)
            update.commit()

    def write(self, rows: DataFrame, count: int, branch: str, report: Mapping[str, str]) -> Snapshot:
        """Write these `count` rows to a new branch, in one commit that also carries the run's report.

        Branches that earlier runs left behind are discarded first, with the files that only they refer to. So is the
        new one if it has another number of rows; that raises an AuditError.
        """
        self._create_branch(branch)
        writer = self._sorted(rows, count).writeTo(f"{self.name}.branch_{branch}")
        _with_report(writer.option("compression-codec", "zstd"), report).overwrite(F.lit(True))
        return self._checked(branch, count)

    def add(self, rows: DataFrame, count: int, branch: str, report: Mapping[str, str]) -> Snapshot:
        """Add these `count` rows to the current ones on a new branch, otherwise as `write` does."""
        before = self.snapshot()
        self._create_branch(branch)
        writer = self._sorted(rows, count).writeTo(f"{self.name}.branch_{branch}")
        _with_report(writer.option("compression-codec", "zstd"), report).append()
        return self._checked(branch, count + (before.rows if before else 0))

    def _sorted(self, rows: DataFrame, count: int) -> DataFrame:
        """Return rows as they are written.

        Otherwise each Spark partition, by default 200, becomes a file. Sorted rows compress better, and equal runs
        write equal files.
        """
        columns = [f"`{column}`" for column in rows.columns]
        return rows.coalesce(1 + count // ROWS_PER_FILE).sortWithinPartitions(*columns)

    def _checked(self, branch: str, count: int) -> Snapshot:
        """Return the snapshot of a branch that was written, if it has so many rows; otherwise discard the branch."""
        written = self.snapshot(branch)
        if written is None or written.rows != count:
            self.discard_branches([branch])
            raise AuditError(
                f"{count:,} rows were to be published, but {self.name.rpartition('.')[2]} has "
                f"{written.rows if written else 0:,}. Nothing was published. The code of the job loses or repeats rows."
            )
        return written

    def write_again(self, branch: str, report: Mapping[str, str]) -> int:
        """Write the current rows to a new branch, as `write` does, without a new file; return the snapshot's id."""
        self._create_branch(branch)
        return self._commit_nothing(branch, report)

    def recommit(self, report: Mapping[str, str]) -> int:
        """Commit the current rows again with a new report, and return the id of the new snapshot.

        Its manifests describe only current files, none that the snapshot before it replaced.
        """
        return self._commit_nothing(MAIN, report)

    def has_schema_of(self, snapshot: Snapshot) -> bool:
        """Tell whether the columns are those with which a snapshot was written: nobody has altered them since."""
        table = self._iceberg()
        return bool(table.snapshot(snapshot.id).schemaId() == table.schema().schemaId())

    def _create_branch(self, branch: str) -> None:
        """Create a branch of main, in place of all others and of a tag of its name."""
        if stale := [name for name in self.branches() if name != MAIN]:
            self.discard_branches(stale)
        table = self._iceberg()
        refs, names = table.manageSnapshots(), table.refs()
        if branch in names:  # the tag of an earlier attempt of the run
            refs = refs.removeTag(branch)
        refs.createBranch(branch).commit()

    def _commit_nothing(self, branch: str, report: Mapping[str, str]) -> int:
        # Not a fast append, which would keep the manifests of replaced files.
        commit = self._iceberg().newAppend().toBranch(branch)
        for key, value in report.items():
            commit = commit.set(f"{lineage.PREFIX}{key}", value)
        commit.commit()
        return self.branches()[branch]

    def append(self, rows: DataFrame) -> None:
        """Add rows to main in one commit."""
        rows.coalesce(1).writeTo(self.name).option("compression-codec", "zstd").append()

    def append_few(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows of texts and 64-bit numbers to main, in one commit; an absent column is null.

        Iceberg itself writes them: in a job that has nothing to compute, Spark would take longer for this, the first of
        its queries, than for all else.
        """
        table = self._iceberg()
        java: Any = self._spark.sparkContext._jvm
        iceberg = self._package_of(table)
        writer = (
            iceberg.data.GenericAppenderFactory(table.schema())
            .set("write.parquet.compression-codec", "zstd")
            .newDataWriter(
                iceberg.io.OutputFileFactory.builderFor(table, 0, 0).build().newOutputFile(),
                iceberg.FileFormat.PARQUET,
                None,
            )
        )
        jackson = java.com.fasterxml.jackson.databind
        mapper = jackson.ObjectMapper().enable(jackson.DeserializationFeature.USE_LONG_FOR_INTS)
        names, empty = java.java.lang.Class.forName("java.util.Map"), iceberg.data.GenericRecord.create(table.schema())
        for row in rows:
            writer.write(empty.copy(mapper.readValue(json.dumps(dict(row)), names)))
        writer.close()
        table.newAppend().appendFile(writer.toDataFile()).commit()

    def merge_files(self, target_bytes: int) -> None:
        """Rewrite files that are much smaller than the target into larger ones, in one commit."""
        options = f"options => map('target-file-size-bytes', '{target_bytes}')"
        self._call("rewrite_data_files", f"table => '{self.name.split('.', 1)[1]}', {options}")

    def publish(self, branch: str) -> None:
        """Fast-forward main to a branch and make a tag of it, in one commit.

        Readers see either all old rows or all new ones, and find the rows of the run by its name.
        """
        table = self._iceberg()
        head = table.refs()[branch].snapshotId()
        refs = table.manageSnapshots()
        try:
            refs = refs.fastForwardBranch(MAIN, branch).removeBranch(branch).createTag(branch, head)
            refs.setMaxRefAgeMs(branch, TAG_AGE).commit()
        except (Py4JJavaError, PySparkException) as error:
            if "not an ancestor" in str(error):
                raise AuditError(
                    f"{self.name} was published by another run since this run wrote it, so it was not published. Run "
                    "the workflow again."
                ) from error
            raise

    def tag(self, name: str) -> None:
        """Tag the current rows, in place of those that the name has tagged before, if they are others."""
        table = self._iceberg()
        refs, names = table.manageSnapshots(), table.refs()
        head = names[MAIN].snapshotId()
        if name in names:
            if names[name].snapshotId() == head:
                return
            refs = refs.removeTag(name)
        refs.createTag(name, head).setMaxRefAgeMs(name, TAG_AGE).commit()

    def discard_branches(self, branches: Iterable[str]) -> None:
        """Drop branches and delete the files that only they refer to: no unaudited rows stay behind."""
        heads = self.branches()
        discarded = [name for name in branches if name in heads]
        if not discarded:
            return
        self._drop(discarded)
        kept = {entry.snapshotId() for entry in self._iceberg().history()} | {
            heads[name] for name in heads if name not in discarded
        }
        orphans = {heads[name] for name in discarded} - kept
        if orphans:
            self.expire(orphans)

    def expire(self, snapshot_ids: Collection[int]) -> None:
        """Expire snapshots, with their tags and branches and the files that only they refer to."""
        refs = self._iceberg().refs()
        self._drop([name for name in refs if name != MAIN and refs[name].snapshotId() in snapshot_ids])
        # Of the table, not Spark's procedure: for a few files, Spark's queries would take longer than everything else.
        # Otherwise everything older than five days expires too, Iceberg's default.
        expiry = self._iceberg().expireSnapshots().expireOlderThan(0)
        for snapshot_id in sorted(snapshot_ids):
            expiry = expiry.expireSnapshotId(snapshot_id)
        expiry.commit()

    def _drop(self, names: Collection[str]) -> None:
        """Drop branches and tags but keep their snapshots, in one commit."""
        table = self._iceberg()
        refs, changed = table.refs(), table.manageSnapshots()
        for name in names:
            changed = changed.removeBranch(name) if refs[name].isBranch() else changed.removeTag(name)
        if names:
            changed.commit()

    def _call(self, procedure: str, arguments: str) -> Any:
        catalog = self.name.split(".", 1)[0]
        return self._spark.sql(f"CALL {catalog}.system.{procedure}({arguments})").collect()


def _with_report(writer: DataFrameWriterV2, report: Mapping[str, str]) -> DataFrameWriterV2:
    for key, value in report.items():
        writer = writer.option(f"snapshot-property.{lineage.PREFIX}{key}", value)
    return writer


def branch_of(workflow_run_id: str, job_run_id: str) -> str:
    """Return the name of the branch that a run writes to: one per workflow run, or per job run outside a workflow."""
    return "run_" + re.sub(r"\W", "_", workflow_run_id or job_run_id or "by_hand")


def refuse_clock_behind(table: str, published: Snapshot | None, now: int) -> None:
    """Raise a BadInputError if a table was published later than now by more than Iceberg tolerates."""
    if published and published.committed_at > now + CLOCK_TOLERANCE:
        ahead = (published.committed_at - now) / 60_000
        raise BadInputError(
            f"{table} was published {ahead:,.0f} minutes after the time of this job's clock, and Iceberg rejects "
            "commits that are older than the last one. One of the two clocks was wrong: correct this one, or run again "
            "after that time."
        )
