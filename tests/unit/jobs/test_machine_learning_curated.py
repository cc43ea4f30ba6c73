"""Pairing of readings for training."""

import hashlib
import hmac
import json

import pytest

import lineage
import pseudonyms
from machine_learning_curated import UNPAIRED, classify, growth_of_split, pair, transform
from policies import Policies

# anna owns S1 by two records, ben owns S1 and S2; both move at 10, ben moves at 20 too. Each is spelt in two ways.
OWNERS = [("ANNA", "S1", "1"), ("anna", "S1", "2"), ("ben", "S1", "1"), ("ben", "S2", "1")]
MOVEMENTS = [("anna", 10, 0.1), ("ben", 10, 0.2), ("ben", 10, 0.3), ("Ben", 20, 0.4), ("gone", 10, 0.5)]
STEPS = [("S1", 10), ("S2", 10), ("S2", 20), ("S3", 10), ("S3", 30)]

AT_10 = [0.1, 0.2, 0.3, 0.5]
BY_TIME = sorted([(device, 10, x) for device in ("S1", "S2", "S3") for x in AT_10] + [("S2", 20, 0.4)])
BY_CUSTOMER = [("S1", 10, 0.1), ("S1", 10, 0.2), ("S1", 10, 0.3), ("S2", 10, 0.2), ("S2", 10, 0.3), ("S2", 20, 0.4)]


@pytest.fixture
def inputs(frame):
    return (
        frame(
            "step_trainer_trusted",
            *({"serialnumber": s, "sensorreadingtime": t, "distancefromobject": 200} for s, t in STEPS),
        ),
        frame("accelerometer_trusted", *({"user": u, "timestamp": t, "x": x} for u, t, x in MOVEMENTS)),
        frame("customers_curated", *({"email": e, "serialnumber": s, "phone": p} for e, s, p in OWNERS)),
    )


@pytest.mark.parametrize(
    ("match", "unmatched", "expected"),
    [
        ("timestamp", "drop", BY_TIME),
        ("timestamp", "keep", [*BY_TIME, ("S3", 30, None)]),
        ("timestamp_and_customer", "drop", BY_CUSTOMER),
        ("timestamp_and_customer", "keep", [*BY_CUSTOMER, ("S3", 10, None), ("S3", 30, None)]),
    ],
)
def test_pairs(inputs, match, unmatched, expected):
    policies = Policies(training_match=match, unmatched_steps=unmatched)
    rows = transform(pair(*inputs, policies=policies)).collect()
    assert sorted((row["serialnumber"], row["sensorreadingtime"], row["x"]) for row in rows) == expected


@pytest.mark.parametrize(
    ("match", "unmatched", "unpaired"),
    [
        ("timestamp", "drop", (1, 0)),  # S3 at 30
        ("timestamp", "keep", (0, 0)),
        ("timestamp_and_customer", "drop", (2, 1)),  # S3, and who is gone
        ("timestamp_and_customer", "keep", (0, 1)),
    ],
)
def test_readings_without_a_partner_have_their_reason(inputs, match, unmatched, unpaired):
    policies = Policies(training_match=match, unmatched_steps=unmatched)
    for classified, read, dropped in zip(
        classify(*inputs, policies=policies), (STEPS, MOVEMENTS), unpaired, strict=True
    ):
        reasons = [row["drop_reason"] for row in classified.collect()]
        assert len(reasons) == len(read)
        assert [reason for reason in reasons if reason] == [UNPAIRED] * dropped


COLUMNS = "serialnumber:string,sensorreadingtime:bigint,distancefromobject:int,x:double,y:double,z:double"


@pytest.mark.parametrize("match", ["timestamp", "timestamp_and_customer"])
def test_result_says_nothing_about_the_customer(inputs, match):
    rows = transform(pair(*inputs, policies=Policies(training_match=match)))
    assert rows.schema.simpleString() == f"struct<{COLUMNS},subjectkey:string>"
    assert {row["subjectkey"] for row in rows.collect()} == {None}


@pytest.mark.parametrize("match", ["timestamp", "timestamp_and_customer"])
def test_pseudonym_stands_in_for_the_serial_number(inputs, match):
    pairs = pair(*inputs, policies=Policies(training_match=match, training_subject="pseudonym"))
    plain = transform(pairs).collect()
    rows = transform(pairs, pseudonyms.pseudonymizer(b"secret")).collect()
    assert {row["serialnumber"] for row in rows} == {None}
    users = {x: user for user, _, x in MOVEMENTS}
    keys = {user: hmac.new(b"secret", user.lower().encode(), hashlib.sha256).hexdigest() for user in users.values()}
    assert sorted((row["x"], row["subjectkey"]) for row in rows) == sorted(
        (row["x"], keys[users[row["x"]]]) for row in plain
    )


def test_a_split_has_grown_if_all_subjects_of_before_are_where_they_were() -> None:
    now = {"S1": "train", "S2": "test", "S3": "train"}
    found = growth_of_split([("S2", "test"), ("S1", "train")], now)
    assert {name: json.loads(text) for name, text in found.items()} == {lineage.GROWN_SPLIT: {"train": 2, "test": 1}}
    assert growth_of_split([("S1", "train"), ("S2", "train")], now) == {}, "another split"
    assert growth_of_split([("S9", "test")], now) == {}, "gone"
