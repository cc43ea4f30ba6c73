"""A run computes only what has changed, and whatever has happened, its tables are those that a rebuild gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

import audits
import derivation
import extra_files
import job_run
import lineage
import published_card
import reconciliation
from iceberg import Table
from tests.support import jobs, oracle
from tests.support.jobs import AT, JOBS, NO_QUARANTINE_LIMIT, UNUSABLE, FirstRun, Lakehouse, customer, measured, moved
from tests.support.world import TABLES, World, land_two

ALL = set(TABLES)
NONE: set[str] = set()
DAY = 24 * 60 * 60 * 1000
CHANGES = {  # what is computed after a change of a landing table
    "customer": ALL,
    "accelerometer": ALL - {"customer_trusted"},
    "step_trainer": {"step_trainer_trusted", "machine_learning_curated"},
}


def test_a_run_with_nothing_new_computes_nothing_and_leaves_everything_as_a_full_run_does(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lakehouse = world.lakehouse
    land_two(lakehouse)
    lakehouse.land("customer", [customer("cleo", "S4", None), *UNUSABLE["customer"]], "cleo.json")
    lakehouse.land("accelerometer", [moved("anna", AT), moved("cleo", AT), *UNUSABLE["accelerometer"]], "more.json")
    lakehouse.land("step_trainer", [*UNUSABLE["step_trainer"]], "more.json")
    assert world.run(*NO_QUARANTINE_LIMIT) == ALL
    rows = {table: lakehouse.rows(table) for table in (*TABLES, "training_split", "consent_decisions")}
    first = {table: world.report(table) for table in TABLES}
    accounts, files = world.accounts(), {table: lakehouse.data_files(table) for table in TABLES}
    quarantined, card = quarantine_of(lakehouse), lakehouse.card_facts()

    for broken in ("violations", "check_rules"):
        monkeypatch.setattr(audits, broken, _never)
    monkeypatch.setattr(reconciliation, "tally", _never)
    monkeypatch.setattr(published_card, "measure", _never)
    capsys.readouterr()
    assert world.run(*NO_QUARANTINE_LIMIT) == NONE
    out = capsys.readouterr().out
    assert world.run(*NO_QUARANTINE_LIMIT) == NONE
    assert {table: lakehouse.rows(table) for table in rows} == rows
    assert world.accounts() == accounts
    assert {table: lakehouse.data_files(table) for table in TABLES} == files
    for table in TABLES:
        own = world.report(table)
        assert f"{table}: unchanged since run {world.runs[0]}, not computed again" in out
        assert (own["unchanged-since"], own["computed-by"]) == (world.runs[0], first[table]["job-run-id"])
        same = {key for key in own if key.startswith(("rows-in", "rows-out", "rows-read.", "derived-from."))}
        same |= {"rows-of-two-people", "shared-serial-numbers", "policies", "profile"} & own.keys()
        assert {key: own[key] for key in same} == {key: first[table][key] for key in same}
        assert {own[key] for key in own if key.startswith("rows-parsed.")} <= {"0"}
        assert lakehouse.branches(table) == {"main"}
        assert set(lakehouse.tags(table)) == {f"run_{run_id}" for run_id in world.runs}
        assert len(set(lakehouse.tags(table).values())) == 3, "each run has a snapshot of its own"
    assert set(lakehouse.tags("training_split")) == {f"run_{run_id}" for run_id in world.runs}
    found = quarantine_of(lakehouse)
    assert sorted(found.values()) == sorted([*quarantined.values()] * 3), "each run has its quarantine"
    own = lakehouse.card_facts()
    assert (own["run"], own["before"]["run"]) == (world.runs[2], world.runs[1])
    assert {name: own[name] for name in published_card.COUNTED} == {name: card[name] for name in published_card.COUNTED}
    decided = {row["computed_by"] for row in lakehouse.table("pipeline_runs").where("job like 'customer_l%'").collect()}
    assert decided == {row["job_run_id"] for row in lakehouse.table("consent_decisions").collect()}


def test_a_table_stays_while_another_decides_the_same_about_everybody(published_world: World) -> None:
    world, lakehouse = published_world, published_world.lakehouse
    first = world.report("customers_curated")
    lakehouse.land("accelerometer", [moved("ben", AT + 3), moved("anna", AT, x=0.25)])
    assert world.run() == {"accelerometer_trusted", "machine_learning_curated"}
    own = world.report("customers_curated")
    assert lineage.derived_from(own) != lineage.derived_from(first), "it is made from other readings"
    assert lineage.derivation(own) == lineage.derivation(first), "its rows are the same"
    world.check("published")
    lakehouse.land("accelerometer", [moved("anna", AT)])
    assert world.run() == CHANGES["accelerometer"], "ben has no readings any longer"
    world.check("published")


def quarantine_of(lakehouse: Lakehouse) -> dict[str, list[str]]:
    """Return the records in quarantine by table and job run."""
    found: dict[str, list[str]] = {}
    for file in sorted((lakehouse.folder / "quarantine").rglob("*.json")):
        for line in file.read_text().splitlines():
            row = json.loads(line)
            found.setdefault(f"{row['source_table']} {row['job_run_id']}", []).append(row.get("record", ""))
    return {name: sorted(records) for name, records in found.items()}


def _never(*_: object, **__: object) -> None:
    raise AssertionError("nothing is to be computed")


@pytest.mark.slow
def test_each_change_computes_what_depends_on_it_and_nothing_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lakehouse = world.lakehouse
    land_two(lakehouse)

    def run(*arguments: str, profile: str = "published") -> set[str]:
        computed = world.run("--profile", profile, *arguments)
        world.check(profile)
        assert world.run("--profile", profile, *arguments) == NONE, "once is enough"
        world.check(profile)
        return computed

    assert run() == ALL
    lakehouse.land("step_trainer", [measured("S2", AT + 3)], "new.json")
    assert run() == CHANGES["step_trainer"]
    lakehouse.land("accelerometer", [moved("ben", AT + 3)], "new.json")
    assert run() == {"accelerometer_trusted", "machine_learning_curated"}, "customers with readings are the same"
    lakehouse.land("customer", [customer("ben", "S3")], "ben.json")
    assert run() == ALL, "a replaced file"
    (lakehouse.folder / "step_trainer/landing/new.json").unlink()
    assert run() == CHANGES["step_trainer"], "a removed file"
    assert run(profile="strict") == ALL
    assert run("--policies", '{"unmatched_steps": "keep"}', profile="consent_date") == ALL
    shares = ("--training_split", '{"validation": 0.4, "test": 0.4}')
    assert run() == ALL
    assert run(*shares) == {"machine_learning_curated"}
    assert run() == {"machine_learning_curated"}
    monkeypatch.setattr(jobs, "SECRET", b"another key")
    assert run() == ALL, "the decisions are under pseudonyms"
    with monkeypatch.context() as patched:
        read = extra_files.read
        changed = "step_trainer_trusted.audit.sql"
        patched.setattr(extra_files, "read", lambda name: read(name) + ("-- .\n" if name == changed else ""))
        patched.setattr(audits, "load", lambda _: audits.Audit((), [], {}))
        patched.setattr(audits, "check_rules", lambda *_, **__: None)
        derivation.of_code.cache_clear()
        assert run() == CHANGES["step_trainer"], "a changed rule file"
    derivation.of_code.cache_clear()
    assert run() == CHANGES["step_trainer"]

    curated = lakehouse.name("customers_curated")
    lakehouse.spark.sql(f"DELETE FROM {curated} WHERE email LIKE 'anna%'")  # noqa: S608 - our own name
    assert run() == {"customers_curated"}, "rows deleted by hand"
    lakehouse.spark.sql(f"ALTER TABLE {lakehouse.name('accelerometer_trusted')} DROP COLUMN z")
    of_readings = {"accelerometer_trusted", "machine_learning_curated"}
    assert run() == of_readings, "a column dropped by hand: that the rows are those of before is not known"
    assert world.run("--audit", "exhaustive") == ALL
    lakehouse.run("customer_trusted_to_curated")
    assert "unchanged-since" not in world.report("customers_curated"), "a job outside a workflow run always computes"
    assert run() == NONE, "it has computed the same"


def test_a_consent_in_the_future_counts_once_it_comes_due(world: World) -> None:
    lakehouse = world.lakehouse
    land_two(lakehouse)
    due = world.now + 3 * DAY
    lakehouse.land("customer", [customer("ben", "S2", due), customer("cleo", "S4", due + DAY)], "ben.json")
    assert world.run() == ALL
    assert world.report("customer_trusted")["derived-from.time"] == str(due)
    world.later = 2 * DAY
    assert world.run() == NONE
    assert "derived-from.time" not in world.report("accelerometer_trusted"), "nobody else is told of the date"
    world.later = 3 * DAY + 60_000
    assert world.run() == ALL
    world.check("published")
    assert {row["email"] for row in lakehouse.table("customers_curated").collect()} == {
        "anna@example.com",
        "ben@example.com",
    }
    assert world.run() == NONE
    world.later = 5 * DAY
    assert world.run() == ALL
    world.check("published")
    assert world.report("customer_trusted")["derived-from.time"] == "always"


def test_a_clock_that_was_put_back_computes_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    land_two(world.lakehouse)
    job, table = next(iter(JOBS.items()))
    world.lakehouse.run(job)
    published = Table(world.lakehouse.spark, world.lakehouse.name(table)).snapshot()
    assert published
    for moment, is_computed in ((published.committed_at - 1, True), (published.committed_at, False)):
        monkeypatch.setattr(job_run, "time", SimpleNamespace(time_ns=lambda moment=moment: moment * 1_000_000))
        world.lakehouse.run(job, "--WORKFLOW_RUN_ID", "wr_1")
        found = Table(world.lakehouse.spark, world.lakehouse.name(table)).snapshot("run_wr_1")
        assert found
        assert (lineage.UNCHANGED_SINCE not in found.report) == is_computed


@pytest.mark.slow
def test_a_reading_of_the_future_is_published_once_it_can_be_used(world: World) -> None:
    lakehouse = world.lakehouse
    land_two(lakehouse)
    ahead = world.now + 2 * DAY
    lakehouse.land("step_trainer", [measured("S1", ahead)], "ahead.json")
    lakehouse.land("accelerometer", [moved("anna", ahead)], "ahead.json")
    limit = NO_QUARANTINE_LIMIT
    assert world.run(*limit) == ALL
    assert world.run(*limit) == NONE
    assert lakehouse.table("machine_learning_curated").count() == 2
    world.later = DAY + 60_000
    assert world.run(*limit) == CHANGES["accelerometer"] - {"customers_curated"}, "anna had readings before"
    assert lakehouse.table("machine_learning_curated").count() == 3
    world.check("published")


def test_a_lower_quarantine_limit_stops_a_run_with_nothing_new(
    first_run: FirstRun, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2 rows of 7 that cannot be used"):
        first_run.lakehouse.run("customer_landing_to_trusted", "--WORKFLOW_RUN_ID", "wr_of_a_lower_limit")
    assert "customer_landing: 0 rows parsed now, 7 kept from earlier runs" in capsys.readouterr().out


class Killed(Exception):  # noqa: N818 - no error of the code
    """The process is gone."""


@pytest.mark.parametrize(
    "step", ["publish", *(pytest.param(step, marks=pytest.mark.slow) for step in ("_create_branch", "_commit_nothing"))]
)
def test_a_run_that_was_killed_while_it_took_rows_over_is_made_good_by_the_next(
    published_world: World, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = published_world
    world.lakehouse.land("customer", [customer("ben", "S2", None)], "ben.json")
    world.run()
    real = getattr(Table, step)

    def killed(table: Table, *arguments: Any) -> None:
        real(table, *arguments)
        if table.name.endswith("step_trainer_trusted"):
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Table, step, killed)
        with pytest.raises(Killed):
            world.run()
    assert world.run() == NONE
    world.check("published")
    for table in TABLES:
        assert world.lakehouse.branches(table) == {"main"}


def test_nobody_who_withdrew_stays_because_nothing_else_has_changed(published_world: World) -> None:
    world, lakehouse = published_world, published_world.lakehouse
    world.run()
    kept = {table: lakehouse.data_files(table) for table in TABLES}
    lakehouse.land("customer", [customer("ben", "S2", None)], "ben.json")
    world.run()
    world.check("published")
    for table in TABLES:
        rows = repr(lakehouse.rows(table))
        assert "ben@" not in rows
        assert "'S2'" not in rows
    assert not kept["customer_trusted"] & lakehouse.data_files("customer_trusted"), "all runs that showed them expire"
    assert world.run() == NONE, "what was committed again for the withdrawal has the rows of the run before"
    world.check("published")
    lakehouse.land("customer", [customer("ben", "S2")], "ben.json")
    assert world.run() == ALL, "the files of the first run again"
    world.check("published")
    (lakehouse.folder / "customer/landing/ben.json").unlink()
    world.run()
    world.check("published")
    assert lakehouse.table("customer_trusted").count() == 1


@pytest.mark.slow
def test_a_rollback_is_followed_by_a_run_of_what_is_there_now(world: World) -> None:
    lakehouse = world.lakehouse
    land_two(lakehouse)
    (lakehouse.folder / "customer/landing/ben.json").unlink()
    world.run()
    world.run()
    land_two(lakehouse)
    assert world.run() == ALL
    lakehouse.run("rollback", "--run", world.runs[1], "--started_by", "ada@laptop")
    assert lakehouse.table("customer_trusted").count() == 1
    assert world.report("customer_trusted")["workflow-run-id"] == world.runs[1], (
        "a run that took rows over can be restored"
    )
    assert world.run() == ALL
    world.check("published")
    lakehouse.run("rollback", "--run", world.runs[2], "--started_by", "ada@laptop")
    assert world.run() == NONE, "the run of what is there now was restored"
    world.check("published")


def test_the_label_of_the_sample_goes_along(published_world: World) -> None:
    world, lakehouse = published_world, published_world.lakehouse
    training = Table(lakehouse.spark, lakehouse.name("machine_learning_curated")).snapshot()
    steps = lakehouse.spark.createDataFrame([("S1", AT + 9)], "subject string, steptime bigint")
    writer = steps.writeTo(lakehouse.name("training_steps"))
    entries = lineage.derived_from_entries(lineage.derived_from(training.report))
    entries |= lineage.input_entries({"machine_learning_curated": training.id})
    for key, value in entries.items():
        writer = writer.option(f"snapshot-property.{lineage.PREFIX}{key}", value)
    writer.append()  # as lakehouse/labels.py does
    assert world.run() == NONE
    assert set(lakehouse.tags("training_steps")) == {f"run_{world.runs[-1]}"}
    steps.writeTo(lakehouse.name("training_steps")).append()  # by hand
    assert world.run() == {"machine_learning_curated"}
    assert world.run() == NONE
    assert lakehouse.table("training_steps").count() == 2


def landed(lakehouse: Lakehouse) -> dict[str, dict[str, bytes]]:
    """Return the landing files of each entity."""
    folders = {entity: lakehouse.folder / entity / "landing" for entity in CHANGES}
    return {entity: {file.name: file.read_bytes() for file in folder.iterdir()} for entity, folder in folders.items()}


def live_through(world: World, random: Random, steps: int) -> None:
    """Let anything happen to the landing files, the clock and the profile, and compare each run with a rebuild."""
    lakehouse, people, profile = world.lakehouse, ("anna", "ben", "cleo"), "published"
    dates = iter(range(AT, AT + 1000))
    due: set[int] = set()

    def consent() -> int | None:
        moment = random.choice([None, 0, AT, AT + 50, world.now + random.randrange(3 * DAY)])
        if moment and moment > AT + 50:
            due.add(moment)
        return moment

    rows: Mapping[str, Callable[[], dict[str, object]]] = {
        "customer": lambda: customer(
            random.choice(people), random.choice(["S1", "S2"]), consent(), lastUpdateDate=next(dates)
        ),
        "accelerometer": lambda: moved(random.choice([*people, "dora"]), AT + random.randrange(60)),
        "step_trainer": lambda: measured(random.choice(["S1", "S2", "S9"]), AT + random.randrange(60)),
    }
    for entity, row in rows.items():
        lakehouse.land(entity, [row() for _ in range(12)], "first.json")
    changed = ALL
    for _ in range(steps):
        before = landed(lakehouse)
        for entity in random.choices([*rows], k=random.choice([0, 0, 1, 2])):
            file = Path(lakehouse.folder / entity / "landing" / f"{random.choice('ab')}.json")
            if file.exists() and random.random() < 0.4:
                file.unlink()
                continue
            lakehouse.land(entity, [row() for row in [rows[entity]] * random.randrange(1, 6)], file.name)
        after = landed(lakehouse)
        changed = changed.union(*(CHANGES[entity] for entity in rows if after[entity] != before[entity]))
        if random.random() < 0.3:
            before_now = world.now
            world.later += random.choice([60_000, DAY, 2 * DAY])
            dates_landed = b"".join(after["customer"].values())
            if any(before_now < moment <= world.now and b"%d" % moment in dates_landed for moment in due):
                changed = ALL
        if random.random() < 0.2:
            chosen = random.choice([*oracle.PROFILES])
            changed, profile = (ALL, chosen) if chosen != profile else (changed, profile)
        computed = world.run("--profile", profile)
        assert computed <= changed, "only what depends on a change"
        assert bool(computed) == bool(changed)
        world.check(profile)
        changed = NONE


@pytest.mark.parametrize("seed", range(1))
def test_any_history_gives_the_tables_of_a_rebuild_and_computes_only_what_changed(world: World, seed: int) -> None:
    live_through(world, Random(seed), 5)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 106))
def test_any_long_history_gives_the_tables_of_a_rebuild(world: World, seed: int) -> None:
    live_through(world, Random(seed), 15)
