"""Copies of landing data: N times the rows of every table, and no copy joins another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from bench import copies, duckdb_tables
from lakehouse.errors import DataError
from lakehouse.landing import ENTITIES
from tests.support import oracle

AGREED = 1_655_564_376_361


def customer(name: str, agreed: int | None = AGREED) -> dict[str, Any]:
    own = {"email": f"{name}@test.com", "serialNumber": f"serial-{name}", "registrationDate": AGREED}
    return own | ({"shareWithResearchAsOfDate": agreed} if agreed else {})


def reading(name: str, at: int) -> dict[str, Any]:
    return {"user": f"{name}@test.com", "timestamp": at, "x": 1.0, "y": -1.0, "z": 0.0}


def step(name: str, at: int) -> dict[str, Any]:
    return {"sensorReadingTime": at, "serialNumber": f"serial-{name}", "distanceFromObject": 250}


def write(folder: Path, spaced: bool = False, **rows: list[dict[str, Any]]) -> Path:
    for entity, records in rows.items():
        (folder / entity / "landing").mkdir(parents=True)
        separators = (", ", ": ") if spaced else (",", ":")
        lines = "\n".join(json.dumps(record, separators=separators) for record in records)
        (folder / entity / "landing" / f"{entity}-1.json").write_text(lines)  # the last line has no end
    return folder


@pytest.fixture(params=[False, True], ids=["dense", "spaced"])
def source(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return write(
        tmp_path / "source",
        request.param,
        customer=[customer("ann"), customer("bob"), customer("cyd", None)],
        accelerometer=[
            reading("ann", AGREED),
            reading("ann", AGREED + 1),
            reading("bob", AGREED),
            reading("cyd", AGREED),
        ],
        step_trainer=[step("ann", AGREED), step("bob", AGREED + 150_000_000), step("cyd", AGREED)],
    )


def rows(folder: Path, entity: str) -> list[dict[str, Any]]:
    files = sorted((folder / entity / "landing").glob("*.json"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def counts(landing: Path, output: Path) -> dict[str, int]:
    duckdb_tables.main(str(landing), str(output))
    return {table: len(duckdb.read_parquet(f"{output}/{table}.parquet")) for table in duckdb_tables.TABLES}


def test_the_first_copy_is_the_original(source: Path, tmp_path: Path) -> None:
    made = copies.make(source, tmp_path / "made", 1)
    for entity in ENTITIES:
        assert rows(made.folder, entity) == rows(source, entity)


def test_every_table_grows_n_fold(source: Path, tmp_path: Path) -> None:
    one = counts(source, tmp_path / "one")
    assert set(one.values()) != {0}
    many = counts(copies.make(source, tmp_path / "made", 7).folder, tmp_path / "many")
    assert many == {table: 7 * rows for table, rows in one.items()}


def test_copies_share_no_address_no_serial_number_and_no_instant(source: Path, tmp_path: Path) -> None:
    made = copies.make(source, tmp_path / "made", 5).folder
    for entity, key, values in [
        ("customer", "email", 3),
        ("customer", "serialNumber", 3),
        ("accelerometer", "user", 3),
        ("accelerometer", "timestamp", 2),
        ("step_trainer", "sensorReadingTime", 2),
    ]:
        assert len({row[key] for row in rows(made, entity)}) == 5 * values, key


def test_copies_are_moved_together_and_into_the_past(source: Path, tmp_path: Path) -> None:
    made = copies.make(source, tmp_path / "made", 3).folder
    times = [row["registrationDate"] for row in rows(made, "customer") if "ann" in row["email"]]
    assert times == [AGREED, AGREED - 2 * copies.SHIFT, AGREED - 4 * copies.SHIFT], "two steps: readings span 1.5"
    steps = [row["sensorReadingTime"] for row in rows(made, "step_trainer") if "ann" in row["serialNumber"]]
    assert steps == times


def test_several_copies_share_a_file_up_to_its_largest_size(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "MOST_BYTES", 1000)
    made = copies.make(source, tmp_path / "made", 40)
    files = list((made.folder / "accelerometer" / "landing").iterdir())
    assert 1 < len(files) < 40
    assert len(rows(made.folder, "accelerometer")) == 160
    assert made.bytes == sum(file.stat().st_size for file in made.folder.rglob("*-1-*.json"))


def test_copies_are_made_once_and_again_when_the_source_has_changed(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "made"
    copies.make(source, folder, 2)
    (folder / "kept").touch()
    copies.make(source, folder, 2)
    assert (folder / "kept").exists()
    file = source / "customer" / "landing" / "customer-1.json"
    file.write_text(file.read_text() + "\n" + json.dumps(customer("dan")))
    copies.make(source, folder, 2)
    assert not (folder / "kept").exists()
    assert len(rows(folder, "customer")) == 8


def test_a_folder_without_an_entity_is_refused(tmp_path: Path) -> None:
    source = write(tmp_path / "source", customer=[customer("ann")], accelerometer=[reading("ann", AGREED)])
    with pytest.raises(DataError, match=r"no \*\.json below step_trainer/landing/\. Nothing was run"):
        copies.make(source, tmp_path / "made", 2)


def test_the_plain_sample_has_one_record_of_each_customer_and_no_duplicate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "SAMPLE_CUSTOMERS", 60)
    monkeypatch.setattr(copies, "SAMPLE_READINGS", 5)
    folder = copies.plain_sample(tmp_path / "sample")
    customers, movements = rows(folder, "customer"), rows(folder, "accelerometer")
    assert len(customers) == len({row["email"] for row in customers}) == len({row["serialNumber"] for row in customers})
    assert len(movements) == len({json.dumps(row) for row in movements}) > 100
    assert all("timestamp" in row for row in movements)
    expected = oracle.tables(folder, "published", now=4_000_000_000_000)
    found = counts(copies.make(folder, tmp_path / "twice", 2).folder, tmp_path / "tables")
    assert found == {table: 2 * rows.total() for table, rows in expected.items()}, "what the lakehouse publishes"
    assert min(found.values()) > 10
    assert copies.plain_sample(folder) == folder
