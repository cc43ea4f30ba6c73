"""Where inputs have only gained rows, a run adds rows to the published ones, and its tables are those of a rebuild."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from types import ModuleType

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

import accelerometer_landing_to_trusted
import audits
import customer_trusted_to_curated
import decisions
import growth
import kept_rows
import lineage
import machine_learning_curated
import parsed_rows
import published_card
import training_split
from tests.support import oracle
from tests.support.jobs import AT, NO_QUARANTINE_LIMIT, UNUSABLE, customer, measured, moved
from tests.support.world import TABLES, World, land_two

ALL = set(TABLES)
GROWING = {"accelerometer_trusted", "step_trainer_trusted", "machine_learning_curated"}
LIMIT = (*NO_QUARANTINE_LIMIT, "--row_count_change", '{"drop": 1.0, "growth": 100}')


def added(out: str) -> set[str]:
    """Return the tables of which jobs say that they add rows."""
    return {table for table in TABLES if f"{table}: rows are added" in out}


def files(world: World) -> dict[str, set[Path]]:
    """Return the data files of the tables."""
    return {table: world.lakehouse.data_files(table) for table in TABLES}


def check_against_a_full_run(world: World, profile: str = "published") -> None:
    """Compare the tables, what is said of them, and the accounts with those of a run that computes everything."""
    of_added = everything(world)
    assert world.run("--profile", profile, "--audit", "exhaustive", *LIMIT) == ALL
    assert everything(world) == of_added


def everything(world: World) -> tuple[object, ...]:
    """Return the rows of all tables, the known defects, the card's numbers, whom rows combine, and the accounts."""
    (kept,) = people_files(world)
    report = world.report("machine_learning_curated")
    card = world.lakehouse.card_facts()
    card["measured"] = {  # sums of doubles depend on their order
        column: [number and float(f"{number:.12g}") for number in numbers]
        for column, numbers in card["measured"].items()
    }
    return (
        {table: world.lakehouse.rows(table) for table in (*TABLES, training_split.TABLE)},
        {name: report[name] for name in (lineage.OF_TWO_PEOPLE, lineage.SHARED_SERIAL_NUMBERS)},
        {name: card[name] for name in published_card.COUNTED},
        sorted(pq.read_table(kept).to_pylist(), key=repr),
        world.accounts(),
    )


def decision_files(world: World) -> list[Path]:
    """Return the files that say what was decided about the people of each input."""
    return list((world.lakehouse.folder / kept_rows.DECISIONS.prefix).glob("*"))


def people_files(world: World) -> list[Path]:
    """Return the files that say whom training rows combine."""
    return list((world.lakehouse.folder / kept_rows.PEOPLE.prefix).glob("*"))


def rows_given_to(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str) -> list[int]:
    """Return a list that gets the number of rows with which a function is called, each time."""
    numbers, function = [], getattr(module, name)

    def counting(rows: DataFrame, *others: object) -> object:
        numbers.append(rows.count())
        return function(rows, *others)

    monkeypatch.setattr(module, name, counting)
    return numbers


@pytest.mark.parametrize("profile", ["published", pytest.param("strict", marks=pytest.mark.slow)])
def test_new_readings_are_added(
    published_world: World, profile: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, lakehouse = published_world, published_world.lakehouse
    if profile != "published":  # with which it was published
        world.run("--profile", profile, *LIMIT)
    before = files(world)
    lakehouse.land("accelerometer", [moved("ben", AT + 9), moved("anna", AT + 10), moved("dora", AT + 10)], "new.json")
    lakehouse.land("step_trainer", [measured("S2", AT + 9), measured("S1", AT + 10), measured("S9", AT)], "new.json")
    trained = lakehouse.table("machine_learning_curated").count()
    counted = rows_given_to(monkeypatch, published_card, "measure")
    asked = rows_given_to(monkeypatch, customer_trusted_to_curated, "movers")
    capsys.readouterr()
    assert world.run("--profile", profile, *LIMIT) == GROWING, "customers with readings are the same"
    monkeypatch.undo()
    assert added(capsys.readouterr().out) == GROWING
    assert counted == [lakehouse.table("machine_learning_curated").count() - trained], "the card counts new rows"
    assert asked[-1] == 2, "only whoever has new readings is asked for"
    world.check(profile)
    for table in GROWING:
        assert before[table] < lakehouse.data_files(table), "published files stay"
        assert len(lakehouse.data_files(table)) == len(before[table]) + 1
    assert lakehouse.data_files("customers_curated") == before["customers_curated"]
    check_against_a_full_run(world, profile)


@pytest.mark.slow
def test_a_card_counts_all_rows_again_if_a_subject_goes_to_another_split(published_world: World) -> None:
    world, lakehouse = published_world, published_world.lakehouse
    for person, time, counted in (("ben", AT + 9, {"test": 2, "train": 1}), ("anna", AT + 20, {"train": 4})):
        lakehouse.land("accelerometer", [moved(person, time)], f"{time}.json")
        lakehouse.land("step_trainer", [measured("S2", time)], f"{time}.json")
        assert world.run(*LIMIT) == GROWING
        assert lakehouse.card_facts()["split_rows"] == counted, "with a row of anna, S2 goes to the split of S1"
    check_against_a_full_run(world)


@pytest.mark.parametrize("profile", ["published", pytest.param("strict", marks=pytest.mark.slow)])
def test_a_customer_who_agrees_adds_rows_and_one_who_withdraws_takes_them(
    published_world: World, profile: str, capsys: pytest.CaptureFixture[str]
) -> None:
    world, lakehouse = published_world, published_world.lakehouse
    if profile != "published":  # with which it was published
        world.run("--profile", profile, *LIMIT)
    before = files(world)
    lakehouse.land("customer", [customer("Cleo", "S4"), customer("dora", "S5", None)], "new.json")
    lakehouse.land("accelerometer", [moved("cleo", AT + 9), moved("ben", AT + 9), moved("dora", AT + 9)], "new.json")
    lakehouse.land("step_trainer", [measured("S4", AT + 9), measured("S5", AT + 9)], "new.json")
    capsys.readouterr()
    assert world.run("--profile", profile, *LIMIT) == ALL
    assert added(capsys.readouterr().out) == GROWING
    assert all(before[table] < lakehouse.data_files(table) for table in GROWING), "published files stay"
    world.check(profile)
    assert len(decision_files(world)) == 4, "one of each table but the first, whose job decides by records alone"

    lakehouse.land("accelerometer", [moved("cleo", AT + 19)], "newer.json")
    lakehouse.land("step_trainer", [measured("S4", AT + 19)], "newer.json")
    assert world.run("--profile", profile, *LIMIT) == GROWING
    assert lakehouse.table("machine_learning_curated").where(f"sensorreadingtime = {AT + 19}").count() == 1
    lakehouse.land("customer", [customer("dora", "S5", None), customer("Cleo", "S4", None)], "new.json")
    capsys.readouterr()
    assert world.run("--profile", profile, *LIMIT) == ALL
    assert added(capsys.readouterr().out) == set(), "readings of her are published"
    world.check(profile)
    assert lakehouse.table("accelerometer_trusted").where("user like 'cleo%'").count() == 0
    check_against_a_full_run(world, profile)


@pytest.mark.slow
def test_decisions_that_change_nothing_leave_tables_as_they_are(
    published_world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world, lakehouse = published_world, published_world.lakehouse
    before = files(world)
    for name, record in (("ben", customer("ben", "S2", phone="555-new")), ("cleo", customer("cleo", "S4"))):
        lakehouse.land("customer", [record], f"{name}.json")
        capsys.readouterr()
        world.run(*LIMIT)
        out = capsys.readouterr().out
        assert all(f"{table}: the rows stay" in out for table in GROWING), "another phone number, nobody with readings"
        assert {table: lakehouse.data_files(table) for table in GROWING} == {table: before[table] for table in GROWING}
        assert len(decision_files(world)) == 4
        world.check("published")
        assert world.run(*LIMIT) == set()
    lakehouse.land("accelerometer", [moved("cleo", AT + 9)], "cleo.json")
    capsys.readouterr()
    world.run(*LIMIT)
    assert added(capsys.readouterr().out) == {"accelerometer_trusted", "machine_learning_curated"}
    world.check("published")
    lakehouse.land("customer", [customer("cleo", "S4", None)], "cleo.json")
    capsys.readouterr()
    world.run(*LIMIT)
    assert "step_trainer_trusted: the rows stay" in capsys.readouterr().out, "nobody has readings of her Step Trainer"
    world.check("published")
    lakehouse.land("customer", [customer("cleo", "S4")], "cleo.json")
    capsys.readouterr()
    world.run(*LIMIT)
    assert "accelerometer_trusted: computed anew" in capsys.readouterr().out, "she has landed readings"
    check_against_a_full_run(world)


@pytest.mark.parametrize(
    ("name", "table", "rule"),
    [
        pytest.param("Cleo", "accelerometer_trusted", "every reading is of a trusted customer", marks=pytest.mark.slow),
        ("S1", "machine_learning_curated", "no text is an e-mail address, or the name"),
    ],
)
def test_rules_of_all_rows_are_checked_of_those_published_before(
    published_world: World, name: str, table: str, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, lakehouse = published_world, published_world.lakehouse
    lakehouse.land("customer", [customer("cleo", "S4", customerName=name)], "cleo.json")
    lakehouse.land("accelerometer", [moved("cleo", AT + 9)], "cleo.json")
    lakehouse.land("step_trainer", [measured("S4", AT + 9)], "cleo.json")
    if name == "Cleo":  # ben withdraws, and the code takes no notice
        (lakehouse.folder / "customer/landing/ben.json").unlink()
        monkeypatch.setattr(decisions, "changed", lambda *_: set())
    rows = {each: lakehouse.rows(each) for each in TABLES}
    with pytest.raises(SystemExit, match=f"{table} breaks its rules.*\n.*{rule}"):
        world.run(*LIMIT)
    assert {each: lakehouse.rows(each) for each in TABLES} == rows, "readers see what was published"


@pytest.mark.slow
@pytest.mark.parametrize("damage", [Path.unlink, lambda file: file.write_bytes(file.read_bytes()[:-9])])
def test_without_what_was_decided_tables_are_computed_anew(
    published_world: World, damage: Callable[[Path], object], capsys: pytest.CaptureFixture[str]
) -> None:
    world, lakehouse = published_world, published_world.lakehouse
    for file in decision_files(world):
        damage(file)
    lakehouse.land("customer", [customer("cleo", "S4")], "cleo.json")
    lakehouse.land("accelerometer", [moved("cleo", AT + 9)], "cleo.json")
    capsys.readouterr()
    assert world.run(*LIMIT) == ALL
    assert added(capsys.readouterr().out) == set()
    before = decision_files(world)
    assert len(before) == 4
    (before[0].parent / "of-a-run-that-was-killed.parquet").write_bytes(before[0].read_bytes())
    assert world.run(*LIMIT) == set()
    assert sorted(decision_files(world)) == sorted(before), "those of other rows are deleted"
    check_against_a_full_run(world)


@pytest.mark.slow
def test_rows_that_come_again_late_or_broken_are_accounted_for(
    published_world: World,
    capsys: pytest.CaptureFixture[str],
) -> None:
    world, lakehouse = published_world, published_world.lakehouse
    again = [moved("anna", AT), moved("ben", AT + 3), moved("ben", AT + 3), moved("anna", AT - 5)]
    lakehouse.land("accelerometer", [*again, *UNUSABLE["accelerometer"]], "new.json")
    lakehouse.land("step_trainer", [measured("S1", AT), *UNUSABLE["step_trainer"]], "new.json")
    capsys.readouterr()
    world.run(*LIMIT)
    assert added(capsys.readouterr().out) == GROWING - {"machine_learning_curated"}, "old rows may pair with new ones"
    assert lakehouse.table("accelerometer_trusted").count() == 5
    accounts = world.accounts()
    source = ("accelerometer_landing_to_trusted", "accelerometer_landing")
    assert accounts[*source, "dropped", "exact duplicate"] == 2, "one of a published row, one of a new row"
    check_against_a_full_run(world)
    lakehouse.land("accelerometer", UNUSABLE["accelerometer"], "broken.json")
    lakehouse.land("step_trainer", [measured("S9", AT)], "nobody.json")
    assert world.run(*LIMIT) == {"accelerometer_trusted", "step_trainer_trusted"}, "no row was added"
    check_against_a_full_run(world)


@pytest.mark.slow
def test_a_late_partner_and_a_first_reading_compute_what_they_change(
    world: World,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lakehouse = world.lakehouse
    land_two(lakehouse)
    lakehouse.land("customer", [customer("cleo", "S3")], "cleo.json")
    world.run(*LIMIT)
    lakehouse.land("step_trainer", [measured("S1", AT + 1)], "late.json")
    capsys.readouterr()
    world.run(*LIMIT)
    assert added(capsys.readouterr().out) == {"step_trainer_trusted"}, "a pair with a reading of before"
    check_against_a_full_run(world)
    lakehouse.land("accelerometer", [moved("cleo", AT + 99)], "cleo.json")
    capsys.readouterr()
    world.run(*LIMIT)
    out = capsys.readouterr().out
    assert added(out) == {"accelerometer_trusted"}
    assert "step_trainer_trusted: computed anew" in out, "there were readings of her Step Trainer"
    assert lakehouse.table("customers_curated").count() == 3
    check_against_a_full_run(world)


@pytest.mark.slow
def test_whom_published_rows_combine_is_read_and_not_computed_again(published_world: World) -> None:
    world, lakehouse = published_world, published_world.lakehouse
    (before,) = people_files(world)
    known = pq.read_table(before)
    marker = pa.table({"serialnumber": ["S7"], "user": ["zoe"], "rows": [1]}, schema=known.schema)
    pq.write_table(pa.concat_tables([known, marker]), before)
    lakehouse.land("accelerometer", [moved("ben", AT + 9)], "new.json")
    lakehouse.land("step_trainer", [measured("S2", AT + 9)], "new.json")
    world.run(*LIMIT)
    assert ("S7",) in lakehouse.table(training_split.TABLE).select("subject").collect()
    assert before not in people_files(world), "those of the rows before are deleted"
    (now,) = people_files(world)
    (now.parent / "of-a-run-that-was-killed.parquet").write_bytes(now.read_bytes())
    assert world.run(*LIMIT) == set()
    assert people_files(world) == [now], "a run that finds nothing new deletes others, too"
    now.write_bytes(now.read_bytes()[:-9])
    lakehouse.land("accelerometer", [moved("ben", AT + 19)], "newer.json")
    lakehouse.land("step_trainer", [measured("S2", AT + 19)], "newer.json")
    world.run(*LIMIT)
    assert ("S7",) not in lakehouse.table(training_split.TABLE).select("subject").collect(), "a damaged file is no file"
    check_against_a_full_run(world)


@pytest.mark.slow
def test_rows_are_not_added_for_ever(published_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsed_rows, "MOST_BATCHES", 3)
    world, lakehouse = published_world, published_world.lakehouse
    counts = []
    for number in range(1, 6):
        lakehouse.land("accelerometer", [moved("ben", AT + 10 * number)], f"{number}.json")
        world.run(*LIMIT)
        world.check("published")
        live = lakehouse.spark.table(f"{lakehouse.name('accelerometer_trusted')}.files").count()
        counts.append(live)
    assert max(counts) == 3, "with the third batch they are computed anew"
    assert counts[2] == 1


@pytest.mark.parametrize(
    ("place", "bug"),
    [
        pytest.param(
            (accelerometer_landing_to_trusted, "transform"),
            lambda right: lambda *given: right(*given).withColumn("x", F.col("x") + 1),
            marks=pytest.mark.slow,
        ),
        ((growth, "not_in"), lambda _: lambda rows, __: rows.distinct()),
        pytest.param((growth, "not_in"), lambda right: lambda *given: right(*given).limit(1), marks=pytest.mark.slow),
        pytest.param(
            (machine_learning_curated, "pair"),
            lambda right: lambda *given, **named: right(*given, **named).where(F.col("distancefromobject") > 10**6),
            marks=pytest.mark.slow,
        ),
    ],
    ids=["changes rows", "repeats published rows", "loses new rows", "loses pairs"],
)
def test_a_bug_in_what_is_added_is_caught(
    published_world: World,
    place: tuple[ModuleType, str],
    bug: Callable[[Callable[..., DataFrame]], Callable[..., DataFrame]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, lakehouse, (module, name) = published_world, published_world.lakehouse, place
    table = "machine_learning_curated" if module is machine_learning_curated else "accelerometer_trusted"
    rows = {table: lakehouse.rows(table) for table in TABLES}
    again = [moved("anna", AT)] if module is growth else []
    lakehouse.land("accelerometer", [moved("ben", AT + 9), moved("ben", AT + 11), *again], "new.json")
    lakehouse.land("step_trainer", [measured("S2", AT + 9)], "new.json")
    with monkeypatch.context() as patched:
        patched.setattr(module, name, bug(getattr(module, name)))
        with pytest.raises(SystemExit, match=f"{table} breaks its rules"):
            world.run(*LIMIT)
    assert {table: lakehouse.rows(table) for table in TABLES} == rows, "readers see what was published"


@pytest.mark.slow
def test_the_audit_of_added_rows_sees_the_rows_that_were_there(
    published_world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, lakehouse = published_world, published_world.lakehouse
    lakehouse.land("accelerometer", [moved("ben", AT + 2, x=5.0), moved("ben", AT + 9)], "new.json")
    seen: dict[str, Mapping[str, int]] = {}
    right = audits.check_rules

    def watched(spark: object, table: str, views: Mapping[str, DataFrame], *given: object, **named: object) -> None:
        seen[table] = {view: rows.count() for view, rows in views.items()}
        right(spark, table, views, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(audits, "check_rules", watched)
    world.run(*LIMIT)
    assert seen["accelerometer_trusted"] == {
        "accelerometer_trusted": 3,
        "accelerometer_landing": 3,
        "customer_trusted": 2,
    }, "two new rows, and one of before that is of their time"


def grow(world: World, random: Random, runs: int) -> None:
    """Let files arrive, mostly of later times, and compare each run with a rebuild."""
    lakehouse = world.lakehouse
    land_two(lakehouse)
    lakehouse.land("customer", [customer("cleo", "S1"), customer("dora", "S4", None)], "more.json")
    profile = random.choice([*oracle.PROFILES])
    world.run("--profile", profile, *LIMIT)
    start = AT
    people, devices = ["anna", "ben", "cleo", "dora"], ["S1", "S2", "S4", "S9"]
    rows: Mapping[str, Callable[[], dict[str, object]]] = {
        "accelerometer": lambda: moved(random.choice(people), start + random.randrange(20)),
        "step_trainer": lambda: measured(random.choice(devices), start + random.randrange(20)),
    }
    for number in range(runs):
        start += random.choice([0, 10, 20, 40])
        for entity in random.choice([["accelerometer"], ["step_trainer"], [*rows], [*rows], []]):
            lakehouse.land(entity, [rows[entity]() for _ in range(random.randrange(1, 9))], f"{number}.json")
        if random.random() < 0.4:
            person, device = f"customer{number}", random.choice(["S1", f"T{number}"])
            lakehouse.land(
                "customer", [customer(person, device, random.choice([None, AT, AT, start]))], f"{number}.json"
            )
            people.append(person)
            devices.append(device)
        if random.random() < 0.15:
            consent = random.choice([None, AT + 5])
            lakehouse.land("customer", [customer("dora", "S4", consent, lastUpdateDate=AT + 1)], "dora.json")
        world.run("--profile", profile, *LIMIT)
        world.check(profile)
    check_against_a_full_run(world, profile)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_any_growth_gives_the_tables_of_a_rebuild(world: World, seed: int) -> None:
    grow(world, Random(seed), 12)
