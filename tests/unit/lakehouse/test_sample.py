"""The sample generator: its counts hold, its defects are there, its seed decides every byte."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import mean, median

import pyarrow.parquet as pq
import pytest

from lakehouse import sample
from lakehouse.errors import DataError
from lakehouse.gait import LONGEST, SHORTEST, Walk
from tests.support.recount import distinct, read, recount


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "sample"
    sample.generate(folder, customers=150)
    return folder


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize(
    ("seed", "customers", "readings"),
    [(1, 200, 12), (2, 1, 1), (3, 7, 1), (4, 20, 2), (5, 21, 3), (6, 90, 7), (7, 900, 1), (8, 30, 50), (-9, 64, 5)],
)
def test_expected_counts_are_those_of_a_naive_recount(tmp_path: Path, seed: int, customers: int, readings: int) -> None:
    folder = tmp_path / "sample"
    expected = sample.generate(folder, seed=seed, customers=customers, readings_per_customer=readings)
    assert json.loads((folder / "expected.json").read_text()) == expected
    assert expected == {profile: recount(folder, profile) for profile in sample.PROFILES}


def test_same_arguments_give_the_same_bytes(tmp_path: Path, generated: Path) -> None:
    sample.generate(tmp_path / "again", customers=150)
    assert bytes_of(tmp_path / "again") == bytes_of(generated)
    sample.generate(tmp_path / "other", customers=150, seed=2)
    assert bytes_of(tmp_path / "other") != bytes_of(generated)


def test_customers_are_as_many_as_asked_for(generated: Path) -> None:
    assert len({row["email"] for row in read(generated, "customer")}) == 150


def test_customer_records_have_the_known_defects(generated: Path) -> None:
    customers = read(generated, "customer")
    emails_of: dict[str, set[str]] = {}
    for row in customers:
        emails_of.setdefault(row["serialnumber"], set()).add(row["email"])
    consents = [row.get("sharewithresearchasofdate", "absent") for row in customers]

    assert max(len(emails) for emails in emails_of.values()) == 5
    assert max(Counter(row["email"] for row in distinct(customers)).values()) == 2
    assert len(customers) > len(distinct(customers))
    assert {"absent", None, 0, "", sample.FUTURE} <= set(consents)
    assert min(row["birthday"] for row in customers if "birthday" in row) < "1200"
    assert any("birthday" not in row for row in customers)


def test_readings_have_the_known_defects(generated: Path) -> None:
    movements, steps = read(generated, "accelerometer"), read(generated, "step_trainer")
    customers = read(generated, "customer")
    text = {name: content.decode() for name, content in bytes_of(generated).items() if name.endswith(".json")}
    at: dict[int, set[str]] = {}
    for row in movements:
        at.setdefault(row["timestamp"], set()).add(row["user"])

    assert len(movements) > len(distinct(movements))
    assert len(steps) > len(distinct(steps))
    assert {row["serialnumber"] for row in steps} - {row["serialnumber"] for row in customers}
    assert {row["user"] for row in movements} - {row["email"] for row in customers}
    assert any(len(users) > 1 for users in at.values())
    assert any('"timeStamp"' in content for content in text.values())
    assert any('"timestamp"' in content for content in text.values())
    assert any(content.endswith("},\n") for name, content in text.items() if name.startswith("step_trainer"))


def test_each_step_is_known_and_shows_in_both_sensors(generated: Path) -> None:
    truth = pq.read_table(generated / sample.STEPS).to_pylist()
    steps_of: dict[str, list[int]] = {}
    for row in truth:
        steps_of.setdefault(row["serialnumber"], []).append(row["steptime"])
    emails = {row["email"] for row in truth}
    assert {row["user"] for row in read(generated, "accelerometer")} <= emails
    assert {row["serialnumber"] for row in read(generated, "step_trainer")} <= steps_of.keys()

    def apart(serial: str, at: int) -> int:
        return min(abs(at - step) for step in steps_of[serial])

    distances: dict[bool, list[int]] = {True: [], False: []}
    for row in read(generated, "step_trainer"):
        distances[apart(row["serialnumber"], row["sensorreadingtime"]) <= 50].append(row["distancefromobject"])
    assert mean(distances[True]) < mean(distances[False]) - 15, "it falls when a foot passes"
    assert all(SHORTEST <= distance <= LONGEST for distance in distances[True] + distances[False])

    serial_of = {row["email"]: row["serialnumber"] for row in truth}
    jolts: dict[bool, list[float]] = {True: [], False: []}
    for row in read(generated, "accelerometer"):
        jolts[apart(serial_of[row["user"]], row["timestamp"]) <= 50].append(row["z"])
    assert mean(jolts[True]) < mean(jolts[False]) - 0.3, "the phone jolts"


def test_people_have_a_cadence_and_stand_still_now_and_then() -> None:
    times = [step.at for step in Walk(Random(1), 0, 60_000).steps]
    between = [after - before for before, after in pairwise(times)]
    usual = median(between)
    assert 1000 / 2.2 * 0.9 < usual < 1000 / 1.3 * 1.1
    assert sum(abs(each / usual - round(each / usual)) < 0.2 for each in between) > 0.9 * len(between)
    assert max(between) > 1.5 * usual


def test_those_who_share_a_device_walk_the_same_steps(generated: Path) -> None:
    walks: dict[str, dict[str, set[int]]] = {}
    for row in pq.read_table(generated / sample.STEPS).to_pylist():
        walks.setdefault(row["serialnumber"], {}).setdefault(row["email"], set()).add(row["steptime"])
    shared = [list(of.values()) for of in walks.values() if len(of) > 1]
    assert shared
    assert all(len(steps ^ others[0]) <= 1 for others in shared for steps in others)  # they measure milliseconds apart


def test_default_size(tmp_path: Path) -> None:
    expected = sample.generate(tmp_path / "sample")
    assert expected["published"]["accelerometer_landing"] > 20_000


def test_replaces_its_own_folder_and_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "sample"
    sample.generate(folder, customers=5, readings_per_customer=1)
    sample.generate(folder, customers=1, readings_per_customer=1)
    assert len({row["email"] for row in read(folder, "customer")}) == 1

    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("keep me")
    with pytest.raises(DataError, match="files that are not a sample"):
        sample.generate(tmp_path / "letters")
    assert (tmp_path / "letters" / "dear.txt").read_text() == "keep me"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["letters", "sample"]


@pytest.mark.parametrize("size", [{"customers": 0}, {"readings_per_customer": 0}])
def test_refuses_a_sample_of_nothing(tmp_path: Path, size: dict[str, int]) -> None:
    with pytest.raises(DataError, match="at least one"):
        sample.generate(tmp_path / "sample", **size)
