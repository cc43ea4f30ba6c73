"""Erase a person from the Iceberg tables: delete the rows, rebuild the training table, expire earlier snapshots."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

import lineage
import machine_learning_curated
import pipeline
import pseudonyms
import published_card
import restoring
from address import with_address
from iceberg import CATALOG
from person import KINDS, Person, Record
from policies import Policies
from problems import BadInputError
from text_search import SearchTerms

TRAINING: Final = "machine_learning_curated"
ADDRESSES: Final = pipeline.person_columns("address")
SERIAL_NUMBERS: Final = pipeline.person_columns("serial_number")
OWNER: Final = {
    table: (ADDRESSES | SERIAL_NUMBERS)[table]
    for table in pipeline.WRITTEN
    if table in ADDRESSES | SERIAL_NUMBERS and table != TRAINING
}
"""Column that identifies the person of a row, by table in the order of the pipeline."""

EVIDENCE: Final = pipeline.person_columns("pseudonym", "audit")
READ: Final = "lakehouse.snapshot-read."
EVER: Final = "9999-12-31 00:00:00"


@dataclass(frozen=True)
class Tables:
    """The existing Iceberg tables of a lakehouse and of its audit database."""

    spark: SparkSession
    database: str
    secrets: Sequence[bytes] = ()
    """HMAC keys of the pseudonyms: the current one, and the one before a rotation."""

    @cached_property
    def names(self) -> list[str]:
        """Return the full name of each existing table, in the order of the pipeline.

        Each is looked up by name: listing the database would need permission on every table in it.
        """
        wanted = [(self.database, table) for table in (*pipeline.WRITTEN, *pipeline.BESIDE)]
        wanted += [(f"{self.database}_audit", table) for table in pipeline.AUDIT]
        names = [f"{CATALOG}.{database}.{table}" for database, table in wanted]
        return [name for name in names if self.spark.catalog.tableExists(name)]

    @cached_property
    def published(self) -> dict[str, str]:
        """Return the full name of each table with a snapshot, by its short name."""
        return {name.rpartition(".")[2]: name for name in self.names if self.current(name) is not None}

    def current(self, name: str) -> int | None:
        """Return the id of the snapshot that readers see."""
        row = self.spark.table(f"{name}.refs").where("name = 'main'").select("snapshot_id").head()
        return row[0] if row else None

    def current_of(self, table: str) -> int | None:
        """Return the id of the snapshot that readers see of a table, by its short name; None if it is not published."""
        return self.current(self.published[table]) if table in self.published else None

    def report(self, name: str) -> dict[str, str]:
        """Return what the run that committed a table's current snapshot reports about itself (see `lineage`)."""
        snapshots = self.spark.table(f"{name}.snapshots").where(f"snapshot_id = {self.current(name)}")
        summary: dict[str, str] = snapshots.select("summary").first()[0]  # type: ignore[index]
        return lineage.report(summary)

    def customers(self, wanted: SearchTerms) -> Iterator[Record]:
        """Return the customer records that may hold one of the search terms."""
        for table in ("customer_trusted", "customers_curated"):
            if name := self.published.get(table):
                for row in self.spark.table(name).select(*KINDS.values()).distinct().toLocalIterator():
                    if any(wanted.hits(["\n".join(filter(None, row)).encode()])):
                        yield Record(row.asDict().items())

    def owners_of_readings(self) -> Iterator[str]:
        """Return each address or serial number that has readings in the tables."""
        for table in ("accelerometer_trusted", "step_trainer_trusted"):
            if name := self.published.get(table):
                found = with_address(self.spark.table(name), OWNER[table]).select("address").distinct()
                yield from (row["address"] for row in found.toLocalIterator())

    def records_of(self, person: Person, keys: Collection[str]) -> dict[str, list[Any]]:
        """Return the person's rows of each table, and the training rows under their serial numbers or pseudonyms."""
        theirs = self._theirs(person, keys)
        found = {}
        for table, name in self.published.items():
            rows = self.spark.table(name)
            if table == TRAINING:
                serials = person.identifiers.get("serial number", frozenset())
                spelt = _spellings(F.col("address").isin(*serials), rows, "serialnumber") if serials else []
                wanted = {"serialnumber": spelt, "subjectkey": keys}
                where = _any(_is_one_of(name, values) for name, values in wanted.items() if name in rows.columns)
            elif table in pipeline.BESIDE:
                serials = person.identifiers.get("serial number", frozenset())
                spelt = _spellings(F.col("address").isin(*serials), rows, "subject") if serials else []
                where = _is_one_of("subject", [*spelt, *keys])
            elif table in theirs:
                where = theirs[table]
            else:
                continue
            found[name] = [row.asDict(recursive=True) for row in rows.where(where).toLocalIterator()]
        return {name: rows for name, rows in found.items() if rows}

    def rows_of(self, person: Person, keys: Collection[str]) -> dict[str, int]:
        """Count the rows to erase from each table: the person's, and the training rows that were made from them."""
        published, theirs = self.published, self._theirs(person, keys)
        counts = {
            table: self.spark.table(name).where(theirs[table]).count()
            for table, name in published.items()
            if table in theirs
        }
        if TRAINING in published:
            counts[TRAINING] = 0
            if any(counts.get(table) for table in OWNER):
                left = self._training_without(theirs, published)
                counts[TRAINING] = self.spark.table(published[TRAINING]).count() - left.count()
                for table in pipeline.BESIDE:
                    if table in published:
                        beside = self.spark.table(published[table])
                        counts[table] = beside.join(_subjects(left), on="subject", how="left_anti").count()
        return counts

    def snapshots(self) -> dict[str, int]:
        """Count the snapshots of each table on all branches."""
        return {table: self.spark.table(f"{name}.snapshots").count() for table, name in self.published.items()}

    def stale_inputs(self) -> list[list[str]]:
        """Return each (table, input) where the table was made from other rows of the input than the current ones."""
        shown = {
            table: (id_, self.report(name))
            for table, name in self.published.items()
            if (id_ := self.current_of(table)) is not None
        }
        return [list(pair) for pair in lineage.outdated(shown)]

    def record_erasure(self, *, job: str, job_run_id: str, at: int) -> None:
        """Record for each table that an erasure begins: no rollback may bring back what was published before."""
        name = f"{CATALOG}.{self.database}_audit.pipeline_runs"
        if name not in self.names or not (counts := self.snapshots()):
            return
        rows = [
            {"target_table": table, "outcome": restoring.EXPIRED, "reason": restoring.ERASURE, "rows": count}
            for table, count in counts.items()
            if table in pipeline.WRITTEN
        ]
        records = self.spark.table(name)
        recorded = restoring.frame(records, rows, job=job, job_run_id=job_run_id, recorded_at=at)
        recorded.coalesce(1).writeTo(name).append()

    def erase(self, person: Person, keys: Collection[str]) -> None:
        """Delete the person's rows from all tables.

        The training table is rebuilt first: if the run is interrupted, the next one still finds the person's rows in
        the sources and rebuilds it again.
        """
        published, theirs = self.published, self._theirs(person, keys)
        here = {table for table in theirs if table in published and not self._rows(published, table, theirs).isEmpty()}
        if TRAINING in published and here & OWNER.keys():
            self._overwrite(published[TRAINING], self._training_without(theirs, published))
            subjects = _subjects(self.spark.table(published[TRAINING]))
            for table in pipeline.BESIDE:
                if table in published:
                    rows = self.spark.table(published[table])
                    self._overwrite(published[table], rows.join(subjects, on="subject", how="left_semi"))
        for table in sorted(here, key=list(theirs).index, reverse=True):
            rows = self.spark.table(published[table])
            self._overwrite(published[table], rows.where(~theirs[table]))

    def seal(self, stale_inputs: Iterable[Iterable[str]]) -> None:
        """Make the current snapshot of each table the only reachable one.

        An empty commit leaves no manifest that describes earlier files: their column bounds could hold values of the
        person. Its report refers to the current snapshots of the table's inputs, except where these were stale before
        the erasure.
        """
        stale = {tuple(pair) for pair in stale_inputs}
        for table, name in self.published.items():
            report = self.report(name)
            inputs = (source for source in lineage.inputs(report) if (table, source) not in stale)
            current = {source: id_ for source in inputs if (id_ := self.current_of(source)) is not None}
            report |= lineage.input_entries(current)
            _with_report(self.spark.table(name).limit(0).writeTo(name), report).append()
        for name in self.names:  # also tables of which a failed run left only a branch
            for ref in self.spark.table(f"{name}.refs").where("name != 'main'").collect():
                self.spark.sql(f"ALTER TABLE {name} DROP {ref['type']} `{ref['name']}`")
            self.spark.sql(
                f"CALL {CATALOG}.system.expire_snapshots(table => '{name.removeprefix(f'{CATALOG}.')}', "
                f"older_than => TIMESTAMP '{EVER}', retain_last => 1)"
            )

    def write_card(self, bucket: str, masked: Callable[[str], str]) -> None:
        """Write the dataset card of the training table anew; `masked` takes the person out of an error's text."""
        if TRAINING in self.published:
            published_card.write(self.spark, database=self.database, bucket=bucket, masked=masked)

    def files(self) -> dict[str, set[str]]:
        """Return the URI of each file that a table's current metadata refers to, by the table's location."""
        found = {}
        for name in self.names:
            described = self.spark.sql(f"DESCRIBE TABLE EXTENDED {name}").where("col_name = 'Location'").head()
            log = self.spark.table(f"{name}.metadata_log_entries").select("file").collect()
            files = {log[-1][0]} if log else set()  # the current one is last, even if clocks differed
            for view, column in (("snapshots", "manifest_list"), ("all_manifests", "path"), ("all_files", "file_path")):
                files |= {row[0] for row in self.spark.table(f"{name}.{view}").select(column).toLocalIterator()}
            found[described[1]] = files  # type: ignore[index]
        return found

    def _theirs(self, person: Person, keys: Collection[str]) -> dict[str, Column]:
        """Return the condition for the person's rows by table, which matches any spelling of their identifiers."""
        addresses = person.identifiers["email"]
        serials = person.identifiers.get("serial number", frozenset())
        conditions = {}
        for table, column in OWNER.items():
            values = addresses if table in ADDRESSES else serials
            found: list[str] = []
            if values and table in self.published:
                rows = self.spark.table(self.published[table])
                found = _spellings(F.col("address").isin(*values), rows, column)
            conditions[table] = _is_one_of(column, found)
        found_pseudonyms = {pseudonyms.of(secret, email, "email") for secret in self.secrets for email in addresses}
        conditions["customers_curated"] |= _is_one_of("email", found_pseudonyms)
        return conditions | {table: _is_one_of(column, keys) for table, column in EVIDENCE.items()}

    def _rows(self, published: Mapping[str, str], table: str, theirs: Mapping[str, Column]) -> DataFrame:
        return self.spark.table(published[table]).where(theirs[table])

    def _training_without(self, theirs: Mapping[str, Column], published: Mapping[str, str]) -> DataFrame:
        """Return the training table as the job's own transform makes it, with its policies, from the rows that stay."""
        steps, readings, curated = (
            self.spark.table(published[table]).where(~theirs[table])
            for table in ("step_trainer_trusted", "accelerometer_trusted", "customers_curated")
        )
        policies = Policies(**json.loads(self.report(published[TRAINING])["policies"]))
        with_pseudonyms = "pseudonym" in (policies.training_subject, policies.curated_identity)
        if with_pseudonyms and not self.secrets:
            raise BadInputError("The argument --subject_key_secret is missing: apply the Terraform module again.")
        if policies.curated_identity == "pseudonym":
            curated = pseudonyms.resolve(curated, readings.select("user"), self.secrets)
        pseudonym = pseudonyms.pseudonymizer(self.secrets[0]) if policies.training_subject == "pseudonym" else None
        pairs = machine_learning_curated.pair(steps, readings, curated, policies=policies)
        rows = machine_learning_curated.transform(pairs, pseudonym)
        return rows.select(*self.spark.table(published[TRAINING]).columns)

    def _overwrite(self, name: str, rows: DataFrame) -> None:
        ordered = rows.sortWithinPartitions(*(f"`{column}`" for column in rows.columns))  # compresses better
        _with_report(ordered.writeTo(name), self.report(name)).overwrite(F.lit(True))


def subject_keys(person: Person, secrets: Iterable[bytes]) -> set[str]:
    """Return the person's pseudonyms, one per key and spelling of the address."""
    # Pseudonyms are of the canonical form; early versions hashed the address as spelled.
    spellings = {*person.emails, *person.spellings}
    return {pseudonyms.keyed_hash(secret, text) for secret in secrets for text in spellings}


def _subjects(training: DataFrame) -> DataFrame:
    """Return each `subject` of training rows."""
    return training.select(F.coalesce("subjectkey", "serialnumber").alias("subject")).distinct()


def _spellings(wanted: Column, rows: DataFrame, column: str) -> list[str]:
    """Return the values of a column for which a condition on their canonical form, `address`, holds."""
    return [row[0] for row in with_address(rows, column).where(wanted).select(column).distinct().collect()]


def _is_one_of(column: str, values: Collection[str]) -> Column:
    if not values:  # Spark fails to push down an empty list
        return F.lit(False)
    return F.coalesce(F.col(column).isin(*values), F.lit(False))


def _any(conditions: Iterable[Column]) -> Column:
    found = F.lit(False)
    for condition in conditions:
        found |= F.coalesce(condition, F.lit(False))
    return found


def _with_report(writer: Any, report: Mapping[str, str]) -> Any:
    for key, value in lineage.of_other_rows(report).items():  # so the next run computes the table anew
        writer = writer.option(f"snapshot-property.{lineage.PREFIX}{key}", value)
    return writer
