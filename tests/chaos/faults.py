"""Faults, each done for real to a job that runs or to what it reads and writes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import psutil

from lakehouse.tables import TABLE_OF_JOB
from tests.chaos.lake import CARD, IN_ORDER_OF_PUBLICATION, MANIFEST, Lake, Process
from tests.support.project import TABLES

POLL = 0.002  # seconds
WRITES_ARE_DONE = re.compile(rf"^{IN_ORDER_OF_PUBLICATION[0]}: .* rows out$", re.MULTILINE)
HOUR = 3_600_000  # milliseconds
PARSES = 0.5  # share of the failed writes that are those of parsed rows, in jobs that parse


@dataclass
class Struck:
    """What a fault did, in words for the report; empty when the job was faster."""

    what: str = ""


def kill_after(seconds: float, random: Random, struck: Struck) -> Callable[[Process], None]:
    """Kill the job so many seconds after its process began: all of it, only the JVM, or only the Python script."""

    def meanwhile(process: Process) -> None:
        until = time.monotonic() + seconds
        while process.alive and time.monotonic() < until:
            time.sleep(POLL)
        _kill(process, random, f"{seconds:.2f} s after its start", struck)

    return meanwhile


@dataclass
class Moment:
    """A moment of a job run that can be told from outside."""

    what: str
    has_come: Callable[[Process], bool]


def kill_at(moment: Moment, delay: float, random: Random, struck: Struck) -> Callable[[Process], None]:
    """Kill the job so many seconds after a moment; a job for which it never comes ends by itself."""

    def meanwhile(process: Process) -> None:
        while process.alive and not moment.has_come(process):
            time.sleep(POLL)
        time.sleep(delay)
        _kill(process, random, f"{delay * 1000:.0f} ms after {moment.what}", struck)

    return meanwhile


def after_commits(number: int, lake: Lake, *tables: str) -> Moment:
    """Return the moment of the n-th commit from now on to these tables, by default to all five."""
    before, of = lake.metadata_files(*tables), " and ".join(tables) or "the tables"
    return Moment(f"commit {number} to {of}", lambda _: lake.metadata_files(*tables) >= before + number)


def while_publishing(number: int, lake: Lake) -> Moment:
    """Return the moment of the n-th commit once the rows of the last table are written: five publish."""
    written: list[int] = []

    def has_come(process: Process) -> bool:
        if not written and WRITES_ARE_DONE.search(process.log()):
            written.append(lake.metadata_files())
        return bool(written) and lake.metadata_files() >= written[0] + number

    return Moment(f"commit {number} of publishing", has_come)


def after_publishing() -> Moment:
    """Return the moment from which withdrawals are applied, earlier runs expire, and the dataset card is written."""
    return Moment("publishing", lambda process: "\npublished: " in process.log())


def parsed_without_manifest(table: str, lake: Lake) -> Moment:
    """Return the moment when a batch of parsed rows has a Parquet file of its own, but is not valid yet."""
    before = lake.batches(table).keys()

    def has_come(_: Process) -> bool:
        return any(MANIFEST not in names for folder, names in lake.batches(table).items() if folder not in before)

    return Moment(f"the first parsed rows of {table}", has_come)


def parsed_before_deletion(table: str, lake: Lake) -> Moment:
    """Return the moment when a batch is valid, and those that it replaces are still there."""
    before = lake.batches(table).keys()

    def has_come(_: Process) -> bool:
        return any(MANIFEST in names for folder, names in lake.batches(table).items() if folder not in before)

    return Moment(f"the manifest of parsed rows of {table}", has_come)


def writing_the_card(lake: Lake) -> Moment:
    """Return the moment when the first object of the dataset card is new."""
    before = lake.objects(CARD)
    return Moment("the first object of the dataset card", lambda _: lake.objects(CARD) != before)


def _kill(process: Process, random: Random, when: str, struck: Struck) -> None:
    program = random.choice(["java", "python", "all"])
    victim = process.find(program) if program != "all" else None
    leader = process.leader
    if not leader or not process.alive:
        return
    with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
        if victim:
            victim.kill()
        else:
            os.killpg(leader.pid, signal.SIGKILL)
        struck.what = f"kill -9 of {program if victim else 'all'} {when}"


def fill_disk(limit: int, struck: Struck) -> Callable[[Process], None]:
    """Let the kernel refuse the job every byte beyond so many of a file, as a full disk breaks off a write."""

    def meanwhile(process: Process) -> None:
        script = None
        while process.alive and not (script := process.find("python")):
            time.sleep(POLL)
        if script:
            script.rlimit(psutil.RLIMIT_FSIZE, (limit, limit))  # which the JVM inherits
            struck.what = f"no byte beyond {limit:,} of a file"

    return meanwhile


@contextlib.contextmanager
def refused_writes(lake: Lake, *patterns: str) -> Iterator[None]:
    """Make S3 refuse to write objects whose keys match, by the bucket's policy."""
    before: str | None = None
    with contextlib.suppress(lake.s3.exceptions.ClientError):
        before = lake.s3.get_bucket_policy(Bucket=lake.bucket)["Policy"]
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": [f"arn:aws:s3:::{lake.bucket}/{pattern}" for pattern in patterns],
    }
    kept: list[Any] = json.loads(before)["Statement"] if before else []
    policy = {"Version": "2012-10-17", "Statement": [*kept, statement]}
    lake.s3.put_bucket_policy(Bucket=lake.bucket, Policy=json.dumps(policy))
    try:
        yield
    finally:
        if before:
            lake.s3.put_bucket_policy(Bucket=lake.bucket, Policy=before)
        else:
            lake.s3.delete_bucket_policy(Bucket=lake.bucket)


def some_writes(lake: Lake, job: str, random: Random) -> str:
    """Return the keys of some of what a job writes: S3 takes the rest. The last job writes metadata of all tables."""
    own, kinds = TABLE_OF_JOB[job], ["metadata/*.metadata.json"]
    landing = [source for source in TABLES[own]["accounts_for"] if TABLES[source]["zone"] == "landing"]
    if landing and random.random() < PARSES:
        return f"parsed/{landing[0]}/*/{random.choice(['*.parquet', '_manifest.json'])}"
    table = random.choice(IN_ORDER_OF_PUBLICATION) if own == IN_ORDER_OF_PUBLICATION[0] else own
    kind = random.choice([*kinds, *(["data/*", "metadata/*.avro"] if table == own else [])])
    return f"warehouse/{lake.database}/{table}/{kind}"


@contextlib.contextmanager
def overwritten(lake: Lake, uri: str, change: Callable[[bytes], bytes]) -> Iterator[None]:
    """Change an object's bytes, and put it back as it was."""
    key = uri.removeprefix(f"s3://{lake.bucket}/")
    original = lake.s3.get_object(Bucket=lake.bucket, Key=key)["Body"].read()
    lake.s3.put_object(Bucket=lake.bucket, Key=key, Body=change(original))
    try:
        yield
    finally:
        lake.s3.put_object(Bucket=lake.bucket, Key=key, Body=original)


def truncated(random: Random) -> Callable[[bytes], bytes]:
    """Return what cuts off the end of a file."""
    return lambda content: content[: random.randrange(1, len(content))]


def overwritten_with_noise(random: Random) -> Callable[[bytes], bytes]:
    """Return what replaces a file by as many random bytes."""
    return lambda content: random.randbytes(len(content))


def files_of(lake: Lake, table: str) -> dict[str, str]:
    """Return a file of each kind that a reader of a table needs."""
    found = lake.table(table)
    snapshot = found.current_snapshot()
    assert snapshot
    return {
        "data file": next(iter(found.scan().plan_files())).file.file_path,
        "manifest list": snapshot.manifest_list,
        "metadata file": found.metadata_location,
    }


def written_in_the_future(hours: float) -> Callable[[bytes], bytes]:
    """Return what makes a table's metadata look as if its last commits came from a clock so far ahead."""

    def change(content: bytes) -> bytes:
        metadata = json.loads(content)
        ahead = round(hours * HOUR)
        metadata["last-updated-ms"] += ahead
        for entry in [*metadata["snapshots"], *metadata["snapshot-log"], *metadata["metadata-log"]]:
            entry["timestamp-ms"] += ahead
        return json.dumps(metadata).encode()

    return change
