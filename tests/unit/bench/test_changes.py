"""What changes in the landing data between two runs of a bench."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench import changes, copies
from bench.changes import NEW_CUSTOMERS, NEW_READINGS, NOTHING_NEW, WITHDRAWALS
from bench.contestants import DUCKDB
from bench.copies import Copies
from lakehouse.errors import DataError
from lakehouse.landing import ENTITIES
from tests.support import oracle

AGREED = 1_655_564_376_361
CUSTOMERS = 240
CONSENTS = 160
TIMES = 3
NOW = 4_000_000_000_000


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Customers of whom two in three agreed, each with three movements and a step at an instant of their own."""
    folder = tmp_path_factory.mktemp("source")
    records: dict[str, list[dict[str, Any]]] = {entity: [] for entity in ENTITIES}
    for number in range(CUSTOMERS):
        own = {"email": f"person{number}@test.com", "serialNumber": f"serial-{number}", "registrationDate": AGREED}
        agreed = {"shareWithResearchAsOfDate": AGREED} if number % 3 else {}
        records["customer"].append(own | agreed | {"shareWithPublicAsOfDate": AGREED})
        at = AGREED + 1000 * number
        records["accelerometer"] += [
            {"user": own["email"], "timestamp": at, "x": x, "y": 0.0, "z": 0.0} for x in (1.0, 2.0, 3.0)
        ]
        records["step_trainer"].append({"sensorReadingTime": at, "serialNumber": own["serialNumber"]})
    for entity, rows in records.items():
        (folder / entity / "landing").mkdir(parents=True)
        (folder / entity / "landing" / f"{entity}.json").write_text("\n".join(map(json.dumps, rows)))
    return folder


@pytest.fixture(scope="module")
def landing(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Copies:
    return copies.make(source, tmp_path_factory.mktemp("landing") / "made", TIMES)


@pytest.fixture(scope="module")
def changed(source: Path, landing: Copies, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Copies]:
    return changes.make(source, landing, tmp_path_factory.mktemp("changed"))


def contents(data: Copies, entity: str) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (data.folder / entity / "landing").iterdir()}


def rows(files: dict[str, bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for content in files.values() for line in content.splitlines()]


def test_the_changes_come_in_the_order_in_which_they_build_on_each_other(
    landing: Copies, changed: dict[str, Copies]
) -> None:
    assert list(changed) == [NOTHING_NEW, NEW_READINGS, NEW_CUSTOMERS, WITHDRAWALS]
    assert changed[NOTHING_NEW] == landing


@pytest.mark.parametrize("columns", [("user", "timestamp"), ("serialNumber", "sensorReadingTime")])
@pytest.mark.parametrize(("before", "after"), [(NOTHING_NEW, NEW_READINGS), (NEW_CUSTOMERS, WITHDRAWALS)])
def test_new_readings_are_a_new_file_with_later_readings_of_customers_of_all_copies(
    changed: dict[str, Copies], columns: tuple[str, str], before: str, after: str
) -> None:
    person, at = columns
    entity = "accelerometer" if person == "user" else "step_trainer"
    old, all_ = contents(changed[before], entity), contents(changed[after], entity)
    assert old.items() < all_.items(), "the other files are the same, so they are not parsed again"
    new = rows({name: content for name, content in all_.items() if name not in old})
    assert len(rows(old)) / 150 < len(new) < len(rows(old)) / 50
    assert {row[person] for row in new} < {row[person] for row in rows(old)}
    assert min(row[at] for row in new) > max(row[at] for row in rows(old))
    copies_of = {row[person].partition(".")[0] if row[person].startswith("c") else "c0" for row in new}
    assert copies_of == {"c0", "c1", "c2"}


def test_new_customers_are_new_files_with_people_and_devices_of_their_own_and_their_later_readings(
    changed: dict[str, Copies],
) -> None:
    for entity, person, at in (
        ("customer", "email", "registrationDate"),
        ("accelerometer", "user", "timestamp"),
        ("step_trainer", "serialNumber", "sensorReadingTime"),
    ):
        old, all_ = (contents(changed[change], entity) for change in (NEW_READINGS, NEW_CUSTOMERS))
        assert old.items() < all_.items(), "the other files are the same, so they are not parsed again"
        new = rows({name: content for name, content in all_.items() if name not in old})
        assert {row[person].partition(".")[0] for row in new} == {f"c{TIMES}"}, "one copy more, of three"
        assert {row[person] for row in new}.isdisjoint({row[person] for row in rows(old)})
        assert min(row[at] for row in new) > max(row[at] for row in rows(old))


def test_one_in_a_hundred_consents_of_all_copies_is_withdrawn_and_nothing_else_of_a_customer_changes(
    landing: Copies, changed: dict[str, Copies]
) -> None:
    before, after = (rows(contents(changed[change], "customer")) for change in (NEW_CUSTOMERS, WITHDRAWALS))
    differing = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    files = contents(changed[NEW_CUSTOMERS], "customer").values()
    agreed = [sum(bool(row.get("shareWithResearchAsOfDate")) for row in rows({"": content})) for content in files]
    assert sum(agreed) == CONSENTS * (TIMES + 1)
    assert len(differing) == sum(-(-count // changes.PART) for count in agreed), "one in a hundred of each file"
    assert all(old | {"shareWithResearchAsOfDate": 0} == new for old, new in differing)
    assert len(rows(contents(landing, "customer"))) == CUSTOMERS * TIMES, "the landing data itself is untouched"


def test_all_tables_change_as_the_documents_say(changed: dict[str, Copies], tmp_path: Path) -> None:
    later = DUCKDB.run(changed[NOTHING_NEW], tmp_path, changed)[DUCKDB.title].later
    for change, data in changed.items():
        expected = oracle.tables(data.folder, "published", now=NOW)
        assert later[change].tables == {table: counted.total() for table, counted in expected.items()}, change
    nothing, more, joined, fewer = (later[change].tables for change in changed)
    assert more["machine_learning_curated"] > nothing["machine_learning_curated"], "pairs stay together"
    assert more["customer_trusted"] == nothing["customer_trusted"]
    assert joined["customer_trusted"] == nothing["customer_trusted"] + CONSENTS > fewer["customer_trusted"]
    assert joined["machine_learning_curated"] > more["machine_learning_curated"]


def test_readings_that_would_be_in_the_future_are_refused(
    source: Path, landing: Copies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: (AGREED + copies.SHIFT) / 1000)
    with pytest.raises(DataError, match=r"readings of the last 1\.2 days, .* Nothing was run\."):
        changes.make(source, landing, tmp_path / "changed")
