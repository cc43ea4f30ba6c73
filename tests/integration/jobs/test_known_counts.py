"""All five jobs, row by row, against an oracle in plain Python: on the public course data, and on a generated sample.

The numbers of rows are known from elsewhere, too: documents publish those of the one, the generator means those of the
other.
"""

import shutil
import time
from collections import Counter
from contextlib import suppress
from random import Random

import pytest

from lakehouse import sample
from lakehouse.landing import ENTITIES
from parsed_rows import ParsedRows
from tests.support import oracle
from tests.support.jobs import AT, IN_2099, JOBS, customer, measured, moved
from tests.support.recount import recount

COUNTS = {  # of the public course data, in the order of the chain
    "published": (482, 40_981, 482, 14_460, 43_681),
    "consent_date": (482, 32_025, 464, 13_920, 37_000),
    "strict": (482, 32_025, 464, 11_297, 32_025),
}


def run(lakehouse, profile):
    """Run all jobs, compare every row of every table with the oracle, and return the row counts."""
    expected = oracle.tables(lakehouse.folder, profile, now=time.time_ns() // 1_000_000)
    counts = lakehouse.run_all("--profile", profile)
    assert expected.keys() == set(JOBS.values())
    for table, rows in expected.items():
        columns = oracle.COLUMNS[table]
        assert lakehouse.table(table).columns == list(columns)
        found = Counter(tuple(row) for row in lakehouse.table(table).collect())
        missing, surplus = rows - found, found - rows
        if missing or surplus:
            pytest.fail(
                f"{table}, {profile}: {missing.total()} rows are missing, such as {dict(missing.most_common(2))}; "
                f"{surplus.total()} are too many, such as {dict(surplus.most_common(2))}"
            )
    return counts


@pytest.mark.parametrize("profile", COUNTS)
def test_naive_recount_gives_the_published_counts(real_data, profile):
    counts = recount(real_data, profile)
    assert tuple(counts[table] for table in JOBS.values()) == COUNTS[profile]


@pytest.mark.parametrize(
    "profile", ["published", *(pytest.param(name, marks=pytest.mark.slow) for name in ("consent_date", "strict"))]
)
def test_public_data_gives_the_published_counts(real_lakehouse, profile):
    real_lakehouse.create_tables()
    assert tuple(run(real_lakehouse, profile).values()) == COUNTS[profile]


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["strict", "published", "consent_date"])
def test_app_may_write_addresses_in_other_letters_than_the_website(cases, lakehouse, profile):
    shutil.copytree(cases / "email-case", lakehouse.folder)
    lakehouse.create_tables()
    assert tuple(run(lakehouse, profile).values()) == (20, 400, 20, 200, 400)


@pytest.mark.slow
def test_sample_gives_what_its_generator_meant(lakehouse):
    expected = sample.generate(lakehouse.folder, customers=150, readings_per_customer=10)
    lakehouse.create_tables()
    for profile in COUNTS:
        rows = run(lakehouse, profile)
        assert rows == {table: expected[profile][table] for table in rows}


class KilledError(Exception):
    """The process of a job is gone."""


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_any_history_of_files_consents_profiles_and_kills_gives_what_a_rebuild_gives(lakehouse, seed, monkeypatch):
    random = Random(seed)
    lakehouse.create_tables()
    updates = iter(range(AT, AT + 1000))  # of two records of a customer, one is the latest

    def record(entity):
        name, device, time_ = random.choice("abcde"), random.choice(["S1", "S2", "S3"]), AT + random.randrange(4)
        if entity == "customer":
            return customer(name, device, random.choice([AT - 9, AT + 2, None, IN_2099]), lastUpdateDate=next(updates))
        return moved(name, time_, random.choice([0.5, 1.5])) if entity == "accelerometer" else measured(device, time_)

    def killed(*_):
        raise KilledError

    for step in range(4):
        for entity in ENTITIES:
            for file in random.sample(["a.json", "b c.json", "d=1/e.json"], 3 if step == 0 else random.randrange(3)):
                path = lakehouse.land(entity, [record(entity) for _ in range(random.randrange(3, 9))], file)
                if file != "a.json" and random.random() < 0.3:
                    path.unlink()
        if step and random.random() < 0.7:
            with monkeypatch.context() as patched, suppress(KilledError):
                patched.setattr(ParsedRows, random.choice(["_put", "_delete"]), killed)
                killed_run = ("--WORKFLOW_RUN_ID", f"wr_killed_{step}")
                lakehouse.run(random.choice([job for job in JOBS if "_landing_" in job]), *killed_run)
        run(lakehouse, random.choice(list(COUNTS)))
