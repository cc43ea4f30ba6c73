"""Parse each landing file once: its rows are kept as Parquet, and later runs read them from there.

The rows of a table are below `parsed/<table>/<edition>/`, in one folder per batch. The edition is a hash of parser and
contract. A batch is valid once it has its manifest, which is written last and lists the landing objects with their
ETags and the Parquet files with their sizes. So the bucket itself says what is parsed: a landing object that no
manifest lists with its ETag is parsed now, and rows without a landing object are removed. A run that is killed leaves
at most a batch without a manifest, which the next run deletes.

A batch that also holds rows of replaced or removed landing objects is rewritten without them. Beyond `MOST_BATCHES`,
all but the largest are merged, so neither files nor manifests accumulate.
"""

import hashlib
import inspect
import json
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructType

import extra_files
import json_records
import landing_files
import landing_rows
import landing_rules
import plain_records
import quarantine
from landing_rules import Rules
from problems import BadInputError
from s3_root import split
from table_contract import TableContract
from temporary_files import ignored_because_of

PREFIX: Final = "parsed/"
MANIFEST: Final = "_manifest.json"  # Spark ignores names that begin with an underscore
MOST_BATCHES: Final = 8
BYTES_PER_FILE: Final = 64 * 1024**2
"""Size in bytes of the Parquet files that rewritten batches are merged into."""
DELETE_BATCH: Final = 1000  # the limit of DeleteObjects

PARSER: Final = (json_records, landing_files, landing_rows, landing_rules, plain_records)
WRITE_OPTIONS: Final = {
    "compression": "zstd",  # as in the tables
    # Tasks move their files to their place themselves: until the manifest is written, no reader takes notice of them.
    "mapreduce.fileoutputcommitter.algorithm.version": "2",
    "mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
}


@dataclass(frozen=True)
class Parsed:
    """The rows of a landing table."""

    rows: DataFrame
    """In the shape of `landing_rows.parse`."""
    usable: int
    reasons: Mapping[str, int]
    """The number of unusable rows by problem."""
    kept: int
    """How many of all rows earlier runs have parsed."""
    state: str | None
    """Digest of everything that decides the rows: equal states, equal rows. None if files changed during the read."""
    batches: Sequence["Batch"]
    """Those that the rows are in."""


@dataclass(frozen=True)
class Batch:
    """Rows that one run wrote."""

    folder: str
    """Key prefix of its Parquet files; ends in a slash."""
    made_at: int
    """When that run began, epoch milliseconds."""
    landing: Mapping[str, tuple[str, str]]
    """ETag and URI, as in the column `file`, of each landing object by key."""
    exact: bool
    """Whether there are no rows of other objects: some that changed during the read."""
    rows: Mapping[str, int]
    """The number of rows by problem; the empty problem is that of the usable rows."""
    parts: Mapping[str, int]
    """Size of each Parquet file by key."""

    @property
    def name(self) -> str:
        """Name of the folder, which no other batch ever has."""
        return self.folder.rstrip("/").rpartition("/")[2]


@dataclass(frozen=True)
class _Plan:
    """What becomes of the batches of earlier runs."""

    whole: Sequence[Batch]
    """These stay as they are."""
    to_rewrite: Sequence[tuple[Batch, Collection[str] | None]]
    """Each with the URIs of the landing files whose rows stay; None: all."""
    new: Collection[str]
    """Keys of the landing objects to parse."""


class ParsedRows:
    """The parsed rows of one landing table.

    Args:
        spark: The session.
        s3: A client of S3.
        root: The bucket of the lakehouse, with its prefix if it shares the bucket: see s3_root.
        contract: The contract of the landing table.
        location: The URI of its files.

    """

    def __init__(self, spark: SparkSession, s3: Any, *, root: str, contract: TableContract, location: str) -> None:
        self._spark = spark
        self._s3 = s3
        self._contract = contract
        self._location = location
        self._landing_bucket, self._landing_prefix = split(location.removeprefix("s3://").rstrip("/"))
        self._bucket, prefix = split(root)
        self._of_table = f"{prefix}{PREFIX}{contract.name}/"
        self._of_edition = f"{self._of_table}{edition(contract.name, spark.version)}/"
        texts = StructType().add("file", StringType()).add("problem", StringType()).add("record", StringType())
        self._schema = StructType([*contract.schema.fields, *texts.fields])

    def read(self, rules: Rules, *, now: int, rebuild: bool, before_deleting: Callable[[], None]) -> Parsed:
        """Return the rows of all landing files; parse those that no earlier run has parsed.

        Args:
            rules: The rules for the rows, as of `now`.
            now: When the run began, epoch milliseconds.
            rebuild: Whether to parse everything anew.
            before_deleting: Raises an error if this run no longer holds the lease.

        """
        try:
            return self._read(rules, now, rebuild, before_deleting)
        except (BotoCoreError, ClientError) as error:
            raise BadInputError(
                f"The parsed rows of {self._contract.name} at s3://{self._bucket}/{self._of_table} cannot be listed, "
                f"read or replaced: {error}. Nothing was published. Fix the cause and run again."
            ) from error

    def _read(self, rules: Rules, now: int, rebuild: bool, before_deleting: Callable[[], None]) -> Parsed:
        landed = self._landed()
        stored = self._stored(self._of_table)
        # A row that was usable stays so: time only makes the future smaller, unless a clock was put back.
        batches = [] if rebuild else [batch for batch in self._batches(stored) if batch.made_at <= now]
        plan = _plan(batches, landed)
        stays = tuple(batch.folder for batch in (*plan.whole, *(batch for batch, _ in plan.to_rewrite)))
        if dead := [key for key in stored if not key.startswith(stays)]:
            before_deleting()
            self._delete(dead)
        valid = list(plan.whole)
        kept = sum(sum(batch.rows.values()) for batch in plan.whole)
        if plan.new or plan.to_rewrite or not stays:
            made, rewritten = self._make(plan, landed, rules, now, complete=not stays)
            valid.append(made)
            kept += rewritten
            before_deleting()
            self._delete(key for key in stored if key.startswith(tuple(batch.folder for batch, _ in plan.to_rewrite)))
        found = self._judged(valid, rules, kept)
        return found if _held(valid) == landed else replace(found, state=None)

    def added(self, parsed: Parsed, before: Collection[str], state: str, rules: Rules) -> tuple[Parsed, Parsed] | None:
        """Return the rows of before, and those that were parsed since; None if these are not all that is new.

        Args:
            parsed: All rows.
            before: The names of all batches there were.
            state: The state of the rows in them, at that time.
            rules: The rules for the rows, as of the time of this run.

        """
        kept = [batch for batch in parsed.batches if batch.name in before]
        if len(kept) < len(before) or (old := self._judged(kept, rules, 0)).state != state:
            return None
        return old, self._judged([batch for batch in parsed.batches if batch.name not in before], rules, 0)

    def _judged(self, batches: Sequence[Batch], rules: Rules, kept: int) -> Parsed:
        """Return the rows of batches with their problems as of now.

        As time goes on, a row only loses problems, in the order of the rules. So while the tally is the same, so is the
        problem of each row.
        """
        rows, tally = self._rows(*batches), _total(batch.rows for batch in batches)
        if not tally.keys().isdisjoint(rules.timed):
            rows = rows.withColumn("problem", _problem_now(rules))
            usable, reasons = quarantine.count(rows)
        else:
            usable, reasons = tally.pop("", 0), tally
        content = [self._of_edition, sorted(_held(batches).items()), usable, sorted(reasons.items())]
        state = hashlib.sha256(json.dumps(content).encode()).hexdigest()
        return Parsed(rows, usable, reasons, kept, state if all(batch.exact for batch in batches) else None, batches)

    def _make(
        self, plan: _Plan, landed: Mapping[str, str], rules: Rules, now: int, *, complete: bool
    ) -> tuple[Batch, int]:
        """Write the batch of this run and return it, and how many of its rows were parsed before."""
        folder = f"{self._of_edition}{now:013}-{uuid.uuid4().hex}/"
        frames, named, before = [], {}, 0
        if plan.new or complete:
            records = (
                landing_files.read(self._spark, self._location)
                if complete
                else landing_files.read(self._spark, self._location, keys=plan.new)
            )
            landing_files.refuse_compressed(records)
            named = {key: uri for key, uri in landing_files.names(records).items() if complete or key in plan.new}
            frames.append(landing_rows.parse(records, self._contract, rules))
        if plan.to_rewrite:
            frames.append(self._rewritten(plan))
        rows = reduce(DataFrame.unionByName, frames)
        rows.write.options(**WRITE_OPTIONS).parquet(f"s3://{self._bucket}/{folder}")
        parts = {key: size for key, size in self._stored(folder).items() if key.endswith(".parquet")}

        after = self._landed()
        stable = {
            key: (landed[key], uri) for key, uri in named.items() if key in landed and after.get(key) == landed[key]
        }
        old = {
            key: (etag, uri)
            for batch, live in plan.to_rewrite
            for key, (etag, uri) in batch.landing.items()
            if live is None or uri in live
        }
        written = Batch(folder, now, {**old, **stable}, len(stable) == len(named), {}, parts)
        usable, reasons = quarantine.count(self._rows(written))
        batch = Batch(folder, now, written.landing, written.exact, {"": usable, **reasons}, parts)
        self._put(batch)
        if plan.to_rewrite:
            before = self._rewritten(plan).count() if plan.new else sum(batch.rows.values())
        return batch, before

    def _rewritten(self, plan: _Plan) -> DataFrame:
        """Return those rows of the batches to rewrite that stay."""
        files = -(-sum(sum(batch.parts.values()) for batch, _ in plan.to_rewrite) // BYTES_PER_FILE)
        rows = [
            self._rows(batch) if live is None else self._rows(batch).where(F.col("file").isin(*live))
            for batch, live in plan.to_rewrite
        ]
        return reduce(DataFrame.unionByName, rows).coalesce(max(1, files))

    def _rows(self, *batches: Batch) -> DataFrame:
        folders = [f"s3://{self._bucket}/{batch.folder}" for batch in batches]
        return self._spark.read.schema(self._schema).parquet(*folders)

    # The bucket

    def _landed(self) -> dict[str, str]:
        """Return the ETags of the landing objects that Spark reads, by key."""
        prefix = self._landing_prefix
        return {
            item["Key"]: item["ETag"]
            for item in self._list(self._landing_bucket, prefix)
            if not item["Key"].endswith("/") and not ignored_because_of(item["Key"].removeprefix(prefix))
        }

    def _stored(self, prefix: str) -> dict[str, int]:
        """Return the sizes of the objects below a prefix by key."""
        return {item["Key"]: item["Size"] for item in self._list(self._bucket, prefix)}

    def _list(self, bucket: str, prefix: str) -> Iterable[Mapping[str, Any]]:
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            yield from page.get("Contents", [])

    def _batches(self, stored: Mapping[str, int]) -> list[Batch]:
        """Return the valid batches of this edition, newest first."""
        manifests = [key for key in stored if key.startswith(self._of_edition) and key.endswith(f"/{MANIFEST}")]
        batches = [self._get(key) for key in sorted(manifests, reverse=True)]
        return [batch for batch in batches if batch.parts.items() <= stored.items()]

    def _get(self, key: str) -> Batch:
        body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        found = json.loads(body)
        folder = key.removesuffix(MANIFEST)
        return Batch(
            folder,
            found["made_at"],
            {name: (etag, uri) for name, (etag, uri) in found["landing"].items()},
            found["exact"],
            found["rows"],
            {f"{folder}{name}": size for name, size in found["parts"].items()},
        )

    def _put(self, batch: Batch) -> None:
        content = {
            "made_at": batch.made_at,
            "exact": batch.exact,
            "rows": batch.rows,
            "parts": {key.removeprefix(batch.folder): size for key, size in batch.parts.items()},
            "landing": batch.landing,
        }
        body = json.dumps(content).encode()
        self._s3.put_object(
            Bucket=self._bucket, Key=f"{batch.folder}{MANIFEST}", Body=body, ContentType="application/json"
        )

    def _delete(self, keys: Iterable[str]) -> None:
        """Delete objects, the manifests first: a batch is never valid without its files."""
        condemned = [{"Key": key} for key in sorted(keys, key=lambda key: not key.endswith(f"/{MANIFEST}"))]
        for start in range(0, len(condemned), DELETE_BATCH):
            batch = condemned[start : start + DELETE_BATCH]
            answer = self._s3.delete_objects(Bucket=self._bucket, Delete={"Objects": batch, "Quiet": True})
            if errors := answer.get("Errors"):
                raise BadInputError(
                    f"{len(errors)} objects below s3://{self._bucket}/{self._of_table} cannot be deleted: "
                    f"{errors[0].get('Code')}. Nothing was published. Fix the cause and run again."
                )


def client() -> Any:
    """Return a client of S3."""
    return boto3.client("s3")


def edition(table: str, spark_version: str) -> str:
    """Return the hash of everything that decides which rows a landing file gives."""
    sources = [spark_version, extra_files.read(f"{table}.sql"), *map(inspect.getsource, PARSER)]
    return hashlib.sha256("\0".join(sources).encode()).hexdigest()[:16]


def _plan(batches: Sequence[Batch], landed: Mapping[str, str]) -> _Plan:
    """Decide what becomes of the batches, newest first; a landing object counts in the first batch that has it."""
    whole: list[Batch] = []
    to_rewrite: list[tuple[Batch, Collection[str] | None]] = []
    claimed: set[str] = set()
    for batch in batches:
        live = {
            key: uri for key, (etag, uri) in batch.landing.items() if landed.get(key) == etag and key not in claimed
        }
        claimed |= live.keys()
        if live and batch.exact and len(live) == len(batch.landing):
            whole.append(batch)
        elif live:
            to_rewrite.append((batch, frozenset(live.values())))
    new = landed.keys() - claimed
    if len(whole) + bool(new or to_rewrite) > MOST_BATCHES:
        *smaller, largest = sorted(whole, key=lambda batch: sum(batch.parts.values()))
        whole, to_rewrite = [largest], [*to_rewrite, *((batch, None) for batch in smaller)]
    return _Plan(whole, to_rewrite, new)


def _problem_now(rules: Rules) -> Column:
    """Return the problem of a row whose stored problem depended on the time of the run that parsed it."""
    impossible = [F.when(~possible, reason) for reason, possible in rules.possible.items()]
    return F.when(F.col("problem").isin(*rules.timed), F.coalesce(*impossible)).otherwise(F.col("problem"))


def _held(batches: Iterable[Batch]) -> dict[str, str]:
    """Return the ETag of each landing object in batches by key."""
    return {key: etag for batch in batches for key, (etag, _) in batch.landing.items()}


def _total(tallies: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for tally in tallies:
        for problem, rows in tally.items():
            total[problem] = total.get(problem, 0) + rows
    return total
