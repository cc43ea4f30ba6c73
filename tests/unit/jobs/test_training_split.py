"""No subject is in two splits, and a subject stays where it is."""

import itertools
import re
from collections import Counter

import pytest

import training_split
from machine_learning_curated import defects, pair, people_of_rows, splits, steps_of_subjects
from policies import Policies
from training_split import LARGE, Shares, assign

KEY = b"a key"
HALVES = Shares(validation=0.25, test=0.25)


def alone(count):
    return [(f"device {number}", f"customer {number}") for number in range(count)]


def test_subjects_are_split_by_their_shares():
    found = Counter(assign(alone(4000), Shares(validation=0.1, test=0.3), KEY).values())
    assert {split: round(count / 8000, 1) for split, count in found.items()} == {
        "train": 0.6,
        "validation": 0.1,
        "test": 0.3,
    }


@pytest.mark.parametrize("shares", [Shares(0, 0), Shares(0, 0.999), Shares(0.999, 0)])
def test_a_split_may_be_empty(shares):
    wanted = "train" if shares == Shares(0, 0) else "test" if shares.test else "validation"
    assert Counter(assign(alone(200), shares, KEY).values()).most_common(1)[0][0] == wanted


def test_those_whom_a_device_a_customer_or_a_row_connects_share_a_split():
    chain = [
        ("device a", "customer 1"),
        ("device a", "customer 2"),
        ("device b", "customer 2"),
        ("device b", "customer 3"),
    ]
    for order in itertools.permutations(chain):
        found = assign([*alone(40), *order], HALVES, KEY)
        ours = {found[name] for pair in chain for name in pair}
        assert len(ours) == 1
        assert ours == {assign([*alone(40), *chain], HALVES, KEY)["device a"]}, "whatever the order of the rows"


def test_a_split_is_stable_and_only_the_key_tells_it():
    before = assign(alone(200), HALVES, KEY)
    after = assign(alone(400), HALVES, KEY)
    assert {name: after[name] for name in before} == before, "others who come change nothing"
    assert assign(alone(200), HALVES, b"another key") != before


def test_a_group_of_most_subjects_trains():
    everybody = [("device 0", f"customer {number}") for number in range(100)]
    found = assign([*everybody, *((f"device {n}", f"someone {n}") for n in range(1, 20))], Shares(0, 0.999), KEY)
    assert {found[name] for pair in everybody for name in pair} == {"train"}
    assert found["device 5"] == "test"
    assert len(everybody) > LARGE * len(found)


def rows(frame, *, steps, readings, owners):
    return (
        frame(
            "step_trainer_trusted",
            *({"serialnumber": s, "sensorreadingtime": t, "distancefromobject": 1} for s, t in steps),
        ),
        frame(
            "accelerometer_trusted", *({"user": u, "timestamp": t, "x": x, "y": 0.0, "z": 0.0} for u, t, x in readings)
        ),
        frame("customers_curated", *({"email": e, "serialnumber": s} for e, s in owners)),
    )


def test_people_of_rows_are_those_that_the_rows_pair(frame):
    inputs = rows(
        frame,
        steps=[("S1", 10), ("S1", 20), ("S2", 10), ("S3", 30)],
        readings=[("Anna", 10, 0.1), ("Anna", 10, 0.2), ("ben", 10, 0.3), ("Anna", 20, 0.4)],
        owners=[("anna", "S1"), ("ben", "S2")],
    )

    def people(**policies):
        pairs = pair(*inputs, policies=Policies(**policies))
        return {tuple(row)[:2]: row["rows"] for row in people_of_rows(pairs).collect()}

    assert people() == {("S1", "Anna"): 3, ("S1", "ben"): 1, ("S2", "Anna"): 2, ("S2", "ben"): 1}
    assert people(unmatched_steps="keep") == people()
    assert people(training_match="timestamp_and_customer") == {("S1", "Anna"): 3, ("S2", "ben"): 1}
    assert defects(people(), [("S1", "anna"), ("S2", "BEN"), ("S2", "cleo")]) == {
        "rows-of-two-people": "3",
        "shared-serial-numbers": "1",
    }


def test_a_subject_is_what_the_training_row_shows():
    people = [("S1", "Anna@example.com"), ("S1", "anna@example.com"), ("S2", "ben@example.com")]
    assert splits(people, HALVES, KEY, None).keys() == {"S1", "S2"}
    pseudonyms = splits(people, HALVES, KEY, b"secret")
    assert len(pseudonyms) == 2
    assert all(re.fullmatch("[0-9a-f]{64}", name) for name in pseudonyms)
    by_device, by_customer = splits(people, HALVES, KEY, None), list(pseudonyms.values())
    assert sorted(by_device.values()) == sorted(by_customer), "the same people in the same split, whatever names them"
    assert splits([], HALVES, KEY, None) == {}


def test_known_steps_stay_for_subjects_of_the_table_from_their_first_row_on(frame):
    training = frame(
        "machine_learning_curated",
        {"serialnumber": "S1", "sensorreadingtime": 20},
        {"serialnumber": "S1", "sensorreadingtime": 10},
        {"subjectkey": "p", "sensorreadingtime": 30},
    )
    known = frame(
        "training_steps",
        *({"subject": s, "steptime": t} for s, t in [("S1", 9), ("S1", 10), ("S1", 50), ("p", 31), ("S2", 40)]),
    )
    found = sorted(tuple(row) for row in steps_of_subjects(known, training).collect())
    assert found == [("S1", 10), ("S1", 50), ("p", 31)]


def test_the_table_is_declared():
    assert training_split.TABLE == "training_split"
