"""Landing files are parsed once: whatever happens to them, the rows are those that a rebuild gives."""

from __future__ import annotations

import gzip
import json
import shutil
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest
from py4j.protocol import Py4JJavaError

import landing_files
import landing_rules
import parsed_rows
import quarantine
import table_contract
from parsed_rows import MOST_BATCHES, ParsedRows
from problems import BadInputError
from tests.support.folder_s3 import FolderS3
from tests.support.jobs import AT, NO_QUARANTINE_LIMIT, UNUSABLE, Lakehouse, customer, measured, moved

TABLE = "step_trainer_landing"
DAY = 24 * 60 * 60 * 1000
LONG_AGO = "sensorreadingtime is before the year 2000 or in the future"
Row = tuple[Any, ...]


class Crash(Exception):  # noqa: N818 - no error of the code
    """The process is gone."""


@dataclass
class Bucket(FolderS3):
    """A bucket that goes away before a request that changes it, if `left` says before which."""

    left: int | None = None
    changes: int = 0

    def _change(self) -> None:
        self.changes += 1
        if self.left is not None:
            if self.left == 0:
                raise Crash
            self.left -= 1

    def put_object(self, **request: Any) -> None:
        """Write an object, or fail before it."""
        self._change()
        super().put_object(**request)

    def delete_objects(self, **request: Any) -> dict[str, Any]:
        """Delete half of the objects, or fail before it."""
        self._change()
        if self.left == 0:
            items = request["Delete"]["Objects"]
            super().delete_objects(**request | {"Delete": {"Objects": items[: len(items) // 2]}})
            raise Crash
        return super().delete_objects(**request)


@dataclass
class Ledger:
    """The landing zone of one table and its parsed rows, and which rows are to be expected."""

    lakehouse: Lakehouse
    now: int = AT
    landed: dict[str, list[str]] = field(default_factory=dict)
    """Records of each file."""

    def __post_init__(self) -> None:
        self.bucket = Bucket(self.lakehouse.folder)

    def land(self, name: str, records: list[str]) -> None:
        """Write a landing file; the end of its name gives its form."""
        path = self.lakehouse.folder / "step_trainer" / "landing" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(f"{record}\n" for record in records)
        if name.endswith(".array.json"):
            text = f"[{','.join(records)}]"
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        self.landed[name] = records

    def remove(self, name: str) -> None:
        """Delete a landing file."""
        (self.lakehouse.folder / "step_trainer" / "landing" / name).unlink()
        del self.landed[name]

    def read(self, *, rebuild: bool = False) -> parsed_rows.Parsed:
        """Read the table as a run does."""
        root = self.lakehouse.bucket
        location = f"s3://{root}/step_trainer/landing/"
        ledger = ParsedRows(
            self.lakehouse.spark, self.bucket, root=root, contract=table_contract.load(TABLE), location=location
        )
        rules = landing_rules.of(TABLE, now=self.now)
        return ledger.read(rules, now=self.now, rebuild=rebuild, before_deleting=lambda: None)

    def expected(self) -> Counter[Row]:
        """Return what a rebuild in plain Python gives: time, device, distance, and the problem."""
        return Counter(self.row_of(record) for records in self.landed.values() for record in records)

    def row_of(self, record: str) -> Row:
        """Parse a record as `record` makes them."""
        row = json.loads(record)
        time, device, distance = row["sensorReadingTime"], row.get("serialNumber"), row["distanceFromObject"]
        if device is None:
            problem = "serialnumber is missing"
        elif time < 946_684_800_000 or time > self.now + DAY:
            problem = LONG_AGO
        else:
            problem = "distancefromobject is negative" if distance < 0 else None
        return time, device, distance, problem

    def check(self, parsed: parsed_rows.Parsed) -> None:
        """Compare the rows of a run with those of a rebuild, and what the bucket holds with what it should."""
        rows = Counter((*row[:3], row["problem"]) for row in parsed.rows.collect())
        expected = self.expected()
        assert rows == expected
        problems = Counter(dict.fromkeys(parsed.reasons, 0))
        for row, copies in expected.items():
            problems[row[3]] += copies
        assert (parsed.usable, +Counter(parsed.reasons)) == (problems.pop(None, 0), +problems)
        unusable = Counter(row["record"] for row in parsed.rows.where("problem is not null").collect())
        texts = (record for records in self.landed.values() for record in records)
        assert unusable == Counter(text for text in texts if self.row_of(text)[3])
        stored = self.lakehouse.spark.read.option("recursiveFileLookup", "true").parquet(str(self.folder))
        assert stored.count() == expected.total(), "no row is kept that has no landing file"
        assert len(list(self.folder.iterdir())) == 1, "one edition"
        assert len(list(self.folder.rglob(parsed_rows.MANIFEST))) <= MOST_BATCHES

    @property
    def folder(self) -> Path:
        """The folder of the parsed rows."""
        return self.lakehouse.folder / "parsed" / TABLE


def record(random: Random, now: int) -> str:
    """Return a reading: usable, of the future, too old, with a negative distance, or without a device."""
    time = random.choice([AT - random.randrange(1000), AT - 1, now + random.randrange(3 * DAY), 1000])
    row = measured(random.choice(["S1", "S2"]), time, random.choice([200, 200, 7, -1]))
    if random.random() < 0.1:
        del row["serialNumber"]
    return json.dumps(row)


@pytest.fixture
def ledger(lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.chdir(lakehouse.extra_files)
    return Ledger(lakehouse)


@contextmanager
def crashing_write(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a run end when it has written its Parquet files, before it lists them."""
    with monkeypatch.context() as patched:
        patched.setattr(quarantine, "count", _crash)
        yield


def _crash(*_: object) -> None:
    raise Crash


def live_through(ledger: Ledger, random: Random, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let anything happen to the landing files and to runs, and compare each run with a rebuild."""
    names = [f"{letter} {form}" for letter in "abcé" for form in ("1.json", "2.json.gz", "3.array.json", "x=1/4.json")]
    ledger.land("first.json", [record(random, ledger.now) for _ in range(3)])
    for _ in range(steps):
        for _ in range(random.randrange(4)):
            name = random.choice(names)
            if name in ledger.landed and random.random() < 0.5:
                ledger.remove(name)
            else:
                ledger.land(name, [record(random, ledger.now) for _ in range(random.randrange(1, 5))])
        ledger.now += random.choice([0, 1, DAY, 2 * DAY, -1])
        rebuild = random.random() < 0.1
        crash = random.random()
        if crash < 0.2:
            with crashing_write(monkeypatch), suppress(Crash):
                ledger.read(rebuild=rebuild)
        elif crash < 0.5:
            ledger.bucket.left = random.randrange(3)
            with suppress(Crash):
                ledger.read(rebuild=rebuild)
            ledger.bucket.left = None
        if random.random() < 0.1:
            other = uuid.uuid4().hex
            monkeypatch.setattr(parsed_rows, "edition", lambda *_, name=other: name)
        ledger.check(ledger.read(rebuild=rebuild))


@pytest.mark.parametrize("seed", range(2))
def test_any_history_gives_the_rows_of_a_rebuild(ledger: Ledger, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    live_through(ledger, Random(seed), 5, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 110))
def test_any_long_history_gives_the_rows_of_a_rebuild(
    ledger: Ledger, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    live_through(ledger, Random(seed), 25, monkeypatch)


def test_only_new_files_are_parsed(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[set[str] | None] = []
    read = landing_files.read

    def noting(*arguments: Any, **options: Any) -> Any:
        parsed.append({Path(key).name for key in options["keys"]} if options else None)
        return read(*arguments, **options)

    monkeypatch.setattr(landing_files, "read", noting)
    rows = [json.dumps(measured("S1", AT - number)) for number in range(6)]
    ledger.land("a.json", rows[:2])
    ledger.land("b b.json", rows[2:4])
    assert ledger.read().kept == 0
    assert ledger.read().kept == 4
    assert parsed == [None], "the second run parses nothing"
    changes = ledger.bucket.changes
    ledger.check(ledger.read())
    assert ledger.bucket.changes == changes, "and changes nothing"
    ledger.land("c.json", rows[4:])
    assert ledger.read().kept == 4
    ledger.land("b b.json", rows[3:])
    result = ledger.read()
    ledger.check(result)
    assert result.kept == 4
    ledger.remove("a.json")
    result = ledger.read()
    ledger.check(result)
    assert (result.kept, result.usable) == (5, 5)
    assert parsed == [None, {"c.json"}, {"b b.json"}]
    assert ledger.read(rebuild=True).kept == 0


def test_many_runs_leave_few_batches(ledger: Ledger) -> None:
    for number in range(MOST_BATCHES + 3):
        ledger.land(f"{number}.json", [json.dumps(measured("S1", AT - number))])
        ledger.read()
    ledger.check(ledger.read())


def test_rows_without_their_files_are_parsed_again(ledger: Ledger) -> None:
    ledger.land("a.json", [json.dumps(measured("S1", AT))])
    ledger.read()
    next(ledger.folder.rglob("*.parquet")).unlink()
    result = ledger.read()
    ledger.check(result)
    assert result.kept == 0


def test_a_file_that_changes_during_the_read_is_parsed_again(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.land("a.json", [json.dumps(measured("S1", AT))])
    ledger.land("b.json", [json.dumps(measured("S2", AT))])
    with monkeypatch.context() as patched:
        landed = ParsedRows._landed
        seen: list[object] = []

        def changing(self: ParsedRows) -> dict[str, str]:
            if seen:
                ledger.land("b.json", [json.dumps(measured("S3", AT))])
            seen.append(self)
            return landed(self)

        patched.setattr(ParsedRows, "_landed", changing)
        ledger.read()
    result = ledger.read()
    ledger.check(result)
    assert result.kept == 1


@pytest.mark.parametrize("damage", [b"\x1f\x8b\x08 no gzip", '{"a": 1}'.encode("utf-16")])
def test_nothing_is_kept_of_files_beside_a_damaged_one(ledger: Ledger, damage: bytes) -> None:
    ledger.land("good.json", [json.dumps(measured("S1", AT))])
    ledger.read()
    ledger.land("new.json", [json.dumps(measured("S2", AT))])
    bad = ledger.lakehouse.folder / "step_trainer" / "landing" / "bad.json.gz"
    bad.write_bytes(damage if damage.startswith(b"\x1f") else gzip.compress(damage))
    with pytest.raises((BadInputError, Py4JJavaError)) as error:
        ledger.read()
    assert isinstance(error.value, Py4JJavaError) == damage.startswith(b"\x1f")
    bad.unlink()
    result = ledger.read()
    ledger.check(result)
    assert result.kept == 1


@pytest.mark.usefixtures("ledger")
def test_the_edition_is_of_parser_contract_and_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    here = parsed_rows.edition(TABLE, "3.5.6")
    assert here == parsed_rows.edition(TABLE, "3.5.6")
    assert here != parsed_rows.edition(TABLE, "4.1.1")
    assert here != parsed_rows.edition("customer_landing", "3.5.6")
    monkeypatch.setattr(parsed_rows, "PARSER", parsed_rows.PARSER[1:])
    assert here != parsed_rows.edition(TABLE, "3.5.6")


def test_a_second_run_gives_the_same_tables_and_says_what_it_parsed(
    lakehouse: Lakehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    lakehouse.create_tables()
    lakehouse.land("customer", [customer("anna", "S1"), customer("ben", "S2", None), *UNUSABLE["customer"]])
    lakehouse.land("accelerometer", [moved("anna", AT), moved("anna", AT), *UNUSABLE["accelerometer"]])
    lakehouse.land("step_trainer", [measured("S1", AT), *UNUSABLE["step_trainer"]])
    assert min(lakehouse.run_all(*NO_QUARANTINE_LIMIT).values()) > 0
    outcomes = {source: lakehouse.outcomes(source) for source in ("customer_landing", "accelerometer_landing", TABLE)}
    assert "customer_landing: 4 rows parsed now, 0 kept from earlier runs" in capsys.readouterr().out
    first = {table: lakehouse.rows(table) for table in ("customer_trusted", "machine_learning_curated")}
    lakehouse.land("accelerometer", [moved("anna", AT), moved("anna", AT + 1)], "again.json")
    lakehouse.run_all(*NO_QUARANTINE_LIMIT)
    out = capsys.readouterr().out
    assert "customer_landing: 0 rows parsed now, 4 kept from earlier runs" in out
    assert "accelerometer_landing: 2 rows parsed now, 4 kept from earlier runs" in out
    assert first == {table: lakehouse.rows(table) for table in first}
    assert lakehouse.outcomes("customer_landing") == outcomes["customer_landing"]
    assert lakehouse.outcomes("accelerometer_landing") == outcomes["accelerometer_landing"] | {
        "read": 6,
        "published": 2,
        "dropped exact duplicate": 2,
    }, "a duplicate in another file, parsed by another run, is one"
    assert lakehouse.snapshots("accelerometer_trusted")[-1]["lakehouse.rows-parsed.accelerometer_landing"] == "2"
    shutil.rmtree(lakehouse.folder / "step_trainer")
    with pytest.raises(SystemExit, match="There is no landing data at"):
        lakehouse.run("step_trainer_landing_to_trusted")
    assert not list((lakehouse.folder / "parsed" / TABLE).rglob("*.parquet")), "its parsed rows are gone too"


def test_a_damaged_file_of_parsed_rows_is_named_with_the_remedy(lakehouse: Lakehouse) -> None:
    lakehouse.create_tables()
    lakehouse.land("customer", [customer("anna", "S1")])
    job, told = "customer_landing_to_trusted", "customer_trusted"
    lakehouse.run(job)
    (file,) = (lakehouse.folder / "parsed" / "customer_landing").rglob("*.parquet")
    file.write_bytes(b"x" * file.stat().st_size)
    with pytest.raises(SystemExit, match=rf"^{told}: .*{file.name}.*make run-pipeline REBUILD=1$"):
        lakehouse.run(job)
