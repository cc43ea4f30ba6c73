"""Which Step Trainer readings are trusted.

anna agreed at 100, ben at 200, cleo at 300 but never moved, dora not at all, eve long ago with her old Step Trainer S9.
"""

import pytest

from policies import Policies
from step_trainer_landing_to_trusted import classify, curated_devices, transform

CONSENTS = {"anna": 100, "ben": 200, "cleo": 300, "eve": 50}
OWNERS = {  # Step Trainer: its owners
    "only anna": ["anna"],
    "anna and ben": ["anna", "ben"],
    "anna and cleo": ["anna", "cleo"],
    "anna and dora": ["anna", "dora"],
    "only cleo": ["cleo"],
    "only dora": ["dora"],
    "eve's first": ["eve"],
    "eve's second": ["eve"],
}
MOVERS = {"anna", "ben", "eve"}
CURATED_OWN = {device for device, owners in OWNERS.items() if MOVERS & set(owners)}
FIRST_CONSENT = {"eve's second": 400}  # eve's record of this Step Trainer says 400, but she agreed at 50


def record(device, owner):
    consent = FIRST_CONSENT.get(device, CONSENTS.get(owner))
    return {"email": owner, "serialnumber": device, "sharewithresearchasofdate": consent}


@pytest.fixture
def trusted_steps(frame):
    """Run the transform over readings of every Step Trainer at some times; return its rows as (Step Trainer, time)."""

    def run(*times, **policies):
        records = [record(device, owner) for device, owners in OWNERS.items() for owner in owners]
        trusted = [row for row in records if row["email"] != "dora"]
        curated = frame("customers_curated", *(row for row in trusted if row["email"] in MOVERS))
        landed = [
            {"sensorreadingtime": time, "serialnumber": device, "distancefromobject": 200}
            for device in [*OWNERS, "nobody's"]
            for time in times
        ]
        policies = Policies(**policies)
        devices = curated_devices(
            curated,
            frame("customer_trusted", *(row | {"email": row["email"].title()} for row in trusted)),
            frame("customer_landing", *records) if policies.shared_serial_number == "all_owners" else curated,
            policies=policies,
        )
        classified = classify(frame("step_trainer_landing", *landed), devices, policies=policies)
        run.reasons = {
            (row["serialnumber"], row["sensorreadingtime"]): row["drop_reason"] for row in classified.collect()
        }
        return sorted((row["serialnumber"], row["sensorreadingtime"]) for row in transform(classified).collect())

    return run


def test_any_owner_any_time(trusted_steps):
    assert trusted_steps(1) == sorted((device, 1) for device in CURATED_OWN)


def test_any_owner_since_the_first_consent_of_a_curated_one(trusted_steps):
    assert trusted_steps(49, 50, 99, 100, step_trainer_consent="since_consent") == [
        ("anna and ben", 100),
        ("anna and cleo", 100),
        ("anna and dora", 100),
        ("eve's first", 50),
        ("eve's first", 99),
        ("eve's first", 100),
        ("eve's second", 50),
        ("eve's second", 99),
        ("eve's second", 100),
        ("only anna", 100),
    ]


def test_all_owners_any_time(trusted_steps):
    agreed = CURATED_OWN - {"anna and dora"}
    assert trusted_steps(1, shared_serial_number="all_owners") == sorted((device, 1) for device in agreed)


def test_all_owners_since_the_last_consent(trusted_steps):
    strict = {"shared_serial_number": "all_owners", "step_trainer_consent": "since_consent"}
    assert trusted_steps(100, 199, 200, 299, 300, **strict) == [
        ("anna and ben", 200),
        ("anna and ben", 299),
        ("anna and ben", 300),
        ("anna and cleo", 300),
        *((device, time) for device in ("eve's first", "eve's second") for time in (100, 199, 200, 299, 300)),
        *(("only anna", time) for time in (100, 199, 200, 299, 300)),
    ]


def test_every_reading_has_its_reason(trusted_steps):
    trusted_steps(99, 200, shared_serial_number="all_owners", step_trainer_consent="since_consent")
    assert {device: trusted_steps.reasons[device, 200] for device in [*OWNERS, "nobody's"]} == {
        "only anna": None,
        "anna and ben": None,
        "anna and cleo": "before the owners' consent",
        "anna and dora": "an owner of the Step Trainer did not agree",
        "only cleo": "not of a curated customer's Step Trainer",
        "only dora": "not of a curated customer's Step Trainer",
        "eve's first": None,
        "eve's second": None,
        "nobody's": "not of a curated customer's Step Trainer",
    }
    assert trusted_steps.reasons["only anna", 99] == "before the owners' consent"


def test_all_columns_are_kept(frame):
    owner = {"email": "anna", "serialnumber": "S1", "sharewithresearchasofdate": 100}
    curated = frame("customers_curated", owner)
    reading = {"sensorreadingtime": 1, "serialnumber": "S1", "distancefromobject": 200}
    other = reading | {"distancefromobject": 201}
    devices = curated_devices(curated, frame("customer_trusted", owner), curated, policies=Policies())
    classified = classify(frame("step_trainer_landing", reading, other), devices, policies=Policies())
    rows = transform(classified)
    assert rows.schema.simpleString() == "struct<sensorreadingtime:bigint,serialnumber:string,distancefromobject:int>"
    assert sorted(map(tuple, rows.collect())) == [(1, "S1", 200), (1, "S1", 201)]
