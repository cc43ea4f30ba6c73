"""Clean tables, and violations of each audit rule.

anna and ben agreed and moved, dora agreed and never moved, cleo did not agree; S1, S2, S4 and S3 are theirs.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType

import audits
import table_contract
from policies import PROFILES, Policies

NOW = 1_000
PUBLISHED = Policies()
KEPT = Policies(unmatched_steps="keep")
LATEST = Policies(customer_records="latest")
ACCELEROMETER_SINCE = Policies(accelerometer_consent="since_consent")
STEPS_SINCE = Policies(step_trainer_consent="since_consent")
ALL_OWNERS = Policies(shared_serial_number="all_owners")
OF_CUSTOMER = Policies(training_match="timestamp_and_customer")
PSEUDONYM = Policies(training_subject="pseudonym")
CURATED_PSEUDONYM = Policies(curated_identity="pseudonym")


def customer(name, device, consent=100, **more):
    record = {"customername": name, "email": f"{name}@example.com", "phone": f"555-{name}", "birthday": f"1990-{name}"}
    dates = {"registrationdate": 10, "lastupdatedate": 100, "sharewithresearchasofdate": consent}
    return record | {"serialnumber": device} | dates | more


def moved(name, timestamp, x=0.5, y=1.0, z=2.0):
    return {"user": f"{name}@example.com", "timestamp": timestamp, "x": x, "y": y, "z": z}


def step(device, time, distance=200):
    return {"serialnumber": device, "sensorreadingtime": time, "distancefromobject": distance}


def trained(device, time, distance=200, *, x=0.5, y=1.0, z=2.0, key=None):
    return step(device, time, distance) | {"x": x, "y": y, "z": z, "subjectkey": key}


ANNA, BEN = customer("anna", "S1"), customer("ben", "S2", 200)
CLEO, DORA = customer("cleo", "S3", None), customer("dora", "S4")
ANNAS_KEY, BENS_KEY = "a" * 64, "b" * 64
CLEAN = {  # view: rows
    "customer_landing": [ANNA, ANNA, BEN, CLEO, DORA],
    "customer_landing_quarantined": [{"serialnumber": "S9"}, {"email": "eve@example.com"}],
    "customer_trusted": [ANNA, BEN, DORA],
    "accelerometer_landing": [moved("anna", 300), moved("anna", 300), moved("ben", 400), moved("cleo", 300)],
    "accelerometer_trusted": [moved("anna", 300), moved("ben", 400)],
    "customers_curated": [ANNA, BEN],
    "owners": [ANNA, BEN],
    "step_trainer_landing": [step("S1", 300), step("S1", 300), step("S2", 400), step("S9", 300)],
    "step_trainer_trusted": [step("S1", 300), step("S2", 400)],
    "machine_learning_curated": [trained("S1", 300), trained("S2", 400)],
}
PSEUDONYMOUS = [  # as customers_curated has them
    ANNA | {"customername": "c" * 64, "email": ANNAS_KEY, "phone": None},
    BEN | {"customername": None, "email": BENS_KEY, "phone": "d" * 64},
]
PSEUDONYMS = {"machine_learning_curated": [trained(None, 300, key=ANNAS_KEY), trained(None, 400, key=BENS_KEY)]}


@dataclass(frozen=True)
class Planting:
    """A violation: the rule that forbids it, and the rows that are added to (`more`) or replace (`instead`) views."""

    rule: str
    more: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    instead: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    policies: Policies = PUBLISHED


def everywhere(rows, *views):
    return dict.fromkeys(views, rows)


CUSTOMERS = ("customer_landing", "customer_trusted")
MOVEMENTS = ("accelerometer_landing", "accelerometer_trusted")
STEPS = ("step_trainer_landing", "step_trainer_trusted")
WITHDRAWN = customer("anna", "S1", None)
PLANTINGS = {
    "customer_trusted": [
        *(
            Planting("every record has an e-mail address and a serial number", everywhere([record], *CUSTOMERS))
            for record in (ANNA | {"email": None}, ANNA | {"email": ""}, ANNA | {"serialnumber": " "})
        ),
        *(
            Planting(
                "every record has a consent to research that is not in the future",
                everywhere([CLEO | {"sharewithresearchasofdate": consent}], *CUSTOMERS),
            )
            for consent in (None, 0, -1, NOW + 1)
        ),
        Planting("no record occurs twice", {"customer_trusted": [ANNA]}),
        Planting("every record is in the landing table", {"customer_trusted": [ANNA | {"phone": ANNA["birthday"]}]}),
        Planting(
            "where each record counts, no landed record with consent is missing",
            instead={"customer_trusted": [ANNA, DORA]},
        ),
        Planting(
            "where only the latest record counts, an address has one record, however it is spelled",
            everywhere([ANNA | {"email": "Anna@Example.com"}], *CUSTOMERS),
            policies=LATEST,
        ),
        Planting(
            "where only the latest record counts, no undated record of the address withdraws consent",
            {"customer_landing": [WITHDRAWN | {"lastupdatedate": None}]},
            policies=LATEST,
        ),
        *(
            Planting(
                "where only the latest record counts, no later record landed, nor one of the same time without consent",
                {"customer_landing": [WITHDRAWN | later]},
                policies=LATEST,
            )
            for later in (
                {"lastupdatedate": 101},
                {"lastupdatedate": 101, "sharewithresearchasofdate": NOW + 1},
                {"lastupdatedate": 101, "sharewithresearchasofdate": 150},
                {"registrationdate": 11},
                {},
            )
        ),
        Planting(
            "where only the latest record counts, no record of the address is in quarantine: it may be a withdrawal",
            {"customer_landing_quarantined": [{"email": ANNA["email"]}]},
            policies=LATEST,
        ),
        Planting(
            "where only the latest record counts, no address is missing of which all records have consent",
            instead={"customer_trusted": [ANNA, DORA]},
            policies=LATEST,
        ),
    ],
    "accelerometer_trusted": [
        *(
            Planting("every reading is complete and finite", everywhere([reading], *MOVEMENTS))
            for reading in (
                moved("anna", None),
                *(moved("anna", 300, **{axis: None}) for axis in "xyz"),
                moved("anna", 300, y=float("nan")),
                moved("anna", 300, z=float("-inf")),
            )
        ),
        Planting("every reading is of a trusted customer", {"accelerometer_trusted": [moved("cleo", 300)]}),
        Planting(
            "where readings count since consent, no reading is older than the customer's consent",
            everywhere([moved("anna", 99)], *MOVEMENTS),
            policies=ACCELEROMETER_SINCE,
        ),
        Planting("no reading occurs twice", {"accelerometer_trusted": [moved("anna", 300)]}),
        Planting(
            "every reading is in the landing table", {"accelerometer_trusted": [moved("anna", 300, x=1.0, y=0.5)]}
        ),
        *(
            Planting(
                "no landed reading covered by consent is missing",
                {"accelerometer_landing": [moved("anna", time)]},
                policies=policies,
            )
            for time, policies in ((99, Policies()), (100, ACCELEROMETER_SINCE))
        ),
    ],
    "customers_curated": [
        *(
            Planting(
                "every record is of a trusted customer with a trusted accelerometer reading, and occurs once",
                {"customers_curated": [record]},
            )
            for record in (ANNA | {"phone": "swapped"}, DORA, ANNA)
        ),
        Planting(
            "every record is of a trusted customer with a trusted accelerometer reading, and occurs once",
            instead={"customers_curated": [*PSEUDONYMOUS, PSEUDONYMOUS[0]]},
            policies=CURATED_PSEUDONYM,
        ),
        Planting(
            "no record of a trusted customer with a trusted accelerometer reading is missing",
            instead={"customers_curated": [ANNA]},
        ),
        *(
            Planting(
                "with curated pseudonyms, the identifying columns hold only pseudonyms",
                instead={"customers_curated": [PSEUDONYMOUS[0], PSEUDONYMOUS[1] | clear]},
                policies=CURATED_PSEUDONYM,
            )
            for clear in ({"email": BEN["email"]}, {"customername": "ben"}, {"phone": "5551234567"})
        ),
        Planting(
            "with curated pseudonyms, each customer has one",
            instead={"customers_curated": [PSEUDONYMOUS[0], PSEUDONYMOUS[1] | {"email": ANNAS_KEY}]},
            policies=CURATED_PSEUDONYM,
        ),
    ],
    "step_trainer_trusted": [
        *(
            Planting("every reading is complete", everywhere([reading], *STEPS))
            for reading in (step("S1", None), step("S1", 300, None))
        ),
        Planting("every reading is of a curated customer's Step Trainer", {"step_trainer_trusted": [step("S9", 300)]}),
        Planting(
            "where readings count since consent, no reading is older than the consent of the owners",
            everywhere([step("S1", 99)], *STEPS),
            policies=STEPS_SINCE,
        ),
        Planting(
            "where readings count since consent, no reading is older than the consent of the owners",
            everywhere([step("S1", 199)], *STEPS) | {"owners": [BEN | {"serialnumber": "S1"}]},
            policies=PROFILES["strict"],
        ),
        *(
            Planting(
                "where all owners must consent, no reading is of a Step Trainer with an untrusted owner",
                {"owners": [owner]},
                policies=ALL_OWNERS,
            )
            for owner in (CLEO | {"serialnumber": "S1"}, {"serialnumber": "S1"})
        ),
        Planting("no reading occurs twice", {"step_trainer_trusted": [step("S1", 300)]}),
        Planting("every reading is in the landing table", {"step_trainer_trusted": [step("S1", 300, 201)]}),
        Planting(
            "no landed reading that the consent of the owners covers is missing",
            {"step_trainer_landing": [step("S1", 99)]},
        ),
    ],
    "machine_learning_curated": [
        *(
            Planting(
                "every row has a time and a distance",
                {"step_trainer_trusted": [step("S1", time, distance)], "machine_learning_curated": rows},
                policies=policies,
            )
            for time, distance, rows, policies in (
                (300, None, [trained("S1", 300, None)], Policies()),
                (None, 200, [trained("S1", None, x=None, y=None, z=None)], KEPT),
            )
        ),
        *(
            Planting(
                "every row has all of x, y and z or, where unmatched steps are kept, none of them",
                {
                    "accelerometer_trusted": [moved("anna", 300, **movement)],
                    "machine_learning_curated": [trained("S1", 300, **movement)],
                },
                policies=policies,
            )
            for movement, policies in (
                ({"x": None, "y": None, "z": None}, Policies()),
                ({"y": None}, KEPT),
                ({"x": None}, KEPT),
            )
        ),
        *(
            Planting(
                "no text is an e-mail address, or the name, phone number or birthday of a customer",
                {"step_trainer_trusted": [step(text, 300)], "machine_learning_curated": [trained(text, 300)]},
            )
            for text in ("stranger@example.com", "Anna ", ANNA["phone"], ANNA["birthday"])
        ),
        Planting(
            "no text is an e-mail address, or the name, phone number or birthday of a customer",
            {"customers_curated": [ANNA | {"customername": ANNAS_KEY}]},
            PSEUDONYMS,
            PSEUDONYM,
        ),
        *(
            Planting(
                "every row has a serial number or, with training pseudonyms, the customer's pseudonym instead",
                steps,
                {"machine_learning_curated": [*rows, CLEAN["machine_learning_curated"][1] | pseudonym]},
                policies,
            )
            for steps, rows, pseudonym, policies in (
                ({}, [trained("S1", 300, key=ANNAS_KEY)], {}, Policies()),
                (
                    {"step_trainer_trusted": [step(None, 300)]},
                    [trained("S1", 300), trained(None, 300)],
                    {},
                    Policies(),
                ),
                (
                    {},
                    [trained("S1", 300, key=ANNAS_KEY)],
                    {"serialnumber": None, "subjectkey": BENS_KEY},
                    PSEUDONYM,
                ),
                ({}, [trained(None, 300, key="Anna M.")], {"serialnumber": None, "subjectkey": BENS_KEY}, PSEUDONYM),
                (
                    {},
                    [trained(None, 300)],
                    {"serialnumber": None, "subjectkey": BENS_KEY},
                    Policies(training_subject="pseudonym", training_match="timestamp_and_customer"),
                ),
            )
        ),
        Planting(  # one key for two
            "no time has more pseudonyms than customers who moved, and it has as many where all of them are paired",
            {"accelerometer_trusted": [moved("ben", 300)]},
            {"machine_learning_curated": [*PSEUDONYMS["machine_learning_curated"], trained(None, 300, key=ANNAS_KEY)]},
            PSEUDONYM,
        ),
        Planting(  # two keys for one
            "no time has more pseudonyms than customers who moved, and it has as many where all of them are paired",
            {"step_trainer_trusted": [step("S1", 300, 201)]},
            {
                "machine_learning_curated": [
                    *PSEUDONYMS["machine_learning_curated"],
                    trained(None, 300, 201, key=BENS_KEY),
                ]
            },
            Policies(training_subject="pseudonym", training_match="timestamp_and_customer"),
        ),
        *(
            Planting(
                "every matching pair of trusted readings occurs exactly as often as it exists, and nothing else occurs",
                inputs,
                {"machine_learning_curated": rows},
                policies,
            )
            for inputs, rows, policies in (
                ({}, [trained("S1", 300), trained("S1", 300), trained("S2", 400)], Policies()),  # repeated
                ({}, [trained("S1", 300)], Policies()),  # missing
                ({}, [trained("S2", 300), trained("S2", 400)], Policies()),  # another Step Trainer's
                ({}, [trained("S1", 300, 201), trained("S2", 400)], Policies()),  # another distance
                ({}, [trained("S1", 300, x=1.0, y=0.5), trained("S2", 400)], Policies()),  # swapped
                # anna's Step Trainer with ben's movement
                (
                    {"accelerometer_trusted": [moved("ben", 300, x=9.0)]},
                    [trained("S1", 300, x=9.0), trained("S2", 400)],
                    OF_CUSTOMER,
                ),
                # an owner with two records has her pairs once
                (
                    {"owners": [ANNA | {"phone": "another"}]},
                    [trained("S1", 300), trained("S1", 300), trained("S2", 400)],
                    OF_CUSTOMER,
                ),
                ({"step_trainer_trusted": [step("S1", 500)]}, CLEAN["machine_learning_curated"], KEPT),  # not kept
                (
                    {"step_trainer_trusted": [step("S1", 300)]},
                    [*CLEAN["machine_learning_curated"], trained("S1", 300, x=None, y=None, z=None)],
                    KEPT,
                ),  # without the movement that there is
                (
                    {},
                    [PSEUDONYMS["machine_learning_curated"][0]],
                    PSEUDONYM,
                ),
            )
        ),
    ],
}

RULES = [(table, rule) for table, plantings in PLANTINGS.items() for rule in dict.fromkeys(p.rule for p in plantings)]


@pytest.fixture(scope="module")
def show(spark, extra_files):
    """Make the views that the rules read, each in one partition, so that a query of all rules is one Spark stage."""
    shown = {}

    def show(views):
        for view, rows in views.items():
            table = "customer_landing" if view == "owners" else view.removesuffix("_quarantined")
            schema = table_contract.parse(table, (extra_files / f"{table}.sql").read_text()).schema
            records = F.inline(F.from_json(F.lit(json.dumps(rows)), ArrayType(schema)))
            shown[view] = spark.range(1).coalesce(1).select(records)
        return shown

    joins = "spark.sql.autoBroadcastJoinThreshold"
    before = spark.conf.get(joins)
    spark.conf.set(joins, "-1")
    show(CLEAN)
    yield show
    spark.conf.set(joins, before)


@pytest.fixture
def plant(show, extra_files, monkeypatch):
    """Plant a violation, and return the views and the parameters of the rules."""
    monkeypatch.chdir(extra_files)
    changed = {}

    def plant(planting):
        changed.update({view: CLEAN[view] + rows for view, rows in planting.more.items()} | planting.instead)
        return show(changed), {"now": NOW, **planting.policies}

    yield plant
    show({view: CLEAN[view] for view in changed})


def check_rules(spark, table, views, parameters, *, exhaustive=False):
    """Check a table with exactly the views that its audit declares as inputs."""
    declared = {view: views[view] for view in (table, *audits.load(table).inputs)}
    audits.check_rules(spark, table, declared, parameters, exhaustive=exhaustive)
