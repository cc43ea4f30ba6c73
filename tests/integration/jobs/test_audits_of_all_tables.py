"""Audits of all tables: clean ones pass, under each profile; a violation is reported by its rule alone."""

import re
from dataclasses import replace

import pytest
from pyspark.sql import functions as F

import audits
from policies import PROFILES
from problems import AuditError
from tests.support.audit_cases import (
    ANNA,
    ANNAS_KEY,
    BEN,
    BENS_KEY,
    CLEAN,
    CLEO,
    CUSTOMERS,
    DORA,
    LATEST,
    MOVEMENTS,
    PLANTINGS,
    PSEUDONYM,
    PSEUDONYMOUS,
    PSEUDONYMS,
    RULES,
    WITHDRAWN,
    Planting,
    check_rules,
    moved,
    step,
    trained,
)


@pytest.mark.parametrize(
    ("table", "planting"),
    [
        pytest.param(
            table,
            planting,
            id=f"{table}-{number}",
            marks=[pytest.mark.slow] if planting.rule in {earlier.rule for earlier in plantings[:number]} else [],
        )
        for table, plantings in PLANTINGS.items()
        for number, planting in enumerate(plantings)
    ],
)
def test_rule_reports_its_violation(spark, plant, table, planting):
    views, parameters = plant(planting)
    with pytest.raises(AuditError, match=f"[1-9] rows: {re.escape(planting.rule)}(\n|$)"):
        check_rules(spark, table, views, parameters)


@pytest.mark.slow
@pytest.mark.parametrize(("table", "rule"), RULES)
def test_without_its_rule_a_violation_would_be_published(spark, plant, monkeypatch, table, rule):
    views, parameters = plant(next(planting for planting in PLANTINGS[table] if planting.rule == rule))
    audit = audits.load(table)
    others = replace(audit, rules=[other for other in audit.rules if other.name != rule])
    monkeypatch.setattr(audits, "load", lambda _: others)
    check_rules(spark, table, views, parameters, exhaustive=True)


TRAINING = ["machine_learning_curated"]
CASES = {
    **{name: (CLEAN, policies, PLANTINGS) for name, policies in PROFILES.items()},
    "pseudonyms": (CLEAN | PSEUDONYMS, PSEUDONYM, TRAINING),
    "strict with pseudonyms": (
        CLEAN | PSEUDONYMS,
        PROFILES["strict"].replace(training_subject="pseudonym"),
        TRAINING,
    ),
    "curated pseudonyms": (
        CLEAN | {"customers_curated": PSEUDONYMOUS},
        PROFILES["strict"].replace(curated_identity="pseudonym"),
        PLANTINGS,
    ),
    "unmatched steps": (
        CLEAN
        | {
            "step_trainer_trusted": [step("S1", 300), step("S2", 400), step("S2", 500)],
            "machine_learning_curated": [
                *CLEAN["machine_learning_curated"],
                trained("S2", 500, x=None, y=None, z=None),
            ],
        },
        PROFILES["consent_date"],
        TRAINING,
    ),
    "two customers at one moment": (
        CLEAN
        | {
            "accelerometer_trusted": [moved("anna", 300), moved("ben", 300)],
            "step_trainer_trusted": [step("S1", 300)],
            "machine_learning_curated": [trained(None, 300, key=key) for key in (ANNAS_KEY, BENS_KEY)],
        },
        PSEUDONYM,
        TRAINING,
    ),
    **{
        f"the app spells {name}": (
            CLEAN
            | {view: [row | {"user": row["user"].replace("anna", name)} for row in CLEAN[view]] for view in MOVEMENTS}
            | {
                view: [row | {"email": row["email"].replace("anna", website)} for row in CLEAN[view]]
                for view in (*CUSTOMERS, "customers_curated", "owners")
            },
            PROFILES["strict"],
            PLANTINGS,
        )
        for name, website in (("ANNA", "Anna"), ("ann\u03ac", "ANN\u0391\u0301"))
    },
    "an earlier record without consent": (
        CLEAN | {"customer_landing": [ANNA, BEN, CLEO, DORA, WITHDRAWN | {"lastupdatedate": 99}]},
        LATEST,
        ["customer_trusted"],
    ),
    "nobody": ({view: [] for view in CLEAN}, PROFILES["strict"], PLANTINGS),
}


@pytest.mark.parametrize("exhaustive", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", CASES)
def test_clean_tables_break_no_rule(spark, plant, case, exhaustive):
    views, policies, tables = CASES[case]
    planted = plant(Planting("none", instead=views, policies=policies))
    for table in tables:
        check_rules(spark, table, *planted, exhaustive=exhaustive)


@pytest.mark.parametrize("wider", CLEAN)
def test_a_column_may_be_added_to_any_table(spark, plant, wider):
    views, parameters = plant(Planting("none", instead={}))
    views = views | {wider: views[wider].withColumn("added", F.lit(1))}
    readers = [table for table in PLANTINGS if wider in {table, *audits.load(table).inputs}]
    assert readers
    for table in readers:
        check_rules(spark, table, views, parameters)
