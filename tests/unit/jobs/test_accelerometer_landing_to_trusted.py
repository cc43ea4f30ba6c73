"""Which accelerometer readings are covered by a consent."""

from accelerometer_landing_to_trusted import classify, transform
from policies import Policies
from tests.support.jobs import assert_rows

ANY = Policies()
SINCE = Policies(accelerometer_consent="since_consent")
TRUSTED = [  # anna agreed twice: the earlier consent counts
    {"email": "anna", "serialnumber": "S1", "sharewithresearchasofdate": 200},
    {"email": "anna", "serialnumber": "S2", "sharewithresearchasofdate": 100},
    {"email": "ben", "serialnumber": "S1", "sharewithresearchasofdate": 300},
]


def moved(user, timestamp, x=1.0):
    return {"user": user, "timestamp": timestamp, "x": x, "y": 0.0, "z": -1.0}


def assert_trusted(frame, landed, expected, policies):
    trusted = frame("customer_trusted", *TRUSTED)
    actual = transform(classify(frame("accelerometer_landing", *landed), trusted, policies=policies))
    assert_rows(actual, "accelerometer_trusted", expected)


def test_readings_of_trusted_customers_count(frame):
    own = [moved("anna", 50), moved("anna", 150), moved("ben", 50)]
    assert_trusted(frame, [*own, moved("stranger", 150), moved("annette", 150)], own, ANY)


def test_readings_since_consent_begin_with_its_millisecond(frame):
    covered = [moved("anna", 100), moved("anna", 150), moved("ben", 300)]
    assert_trusted(frame, [*covered, moved("anna", 99), moved("ben", 299), moved("ben", 150)], covered, SINCE)


def test_every_reading_has_its_reason(frame):
    landed = [moved("anna", 100), moved("anna", 100), moved("anna", 99), moved("stranger", 150)]
    rows = classify(frame("accelerometer_landing", *landed), frame("customer_trusted", *TRUSTED), policies=SINCE)
    assert {(row["user"], row["timestamp"], row["drop_reason"]) for row in rows.collect()} == {
        ("anna", 100, None),
        ("anna", 99, "before the customer's consent"),
        ("stranger", 150, "not of a trusted customer"),
    }


def test_customer_is_found_however_the_address_is_spelt(frame):
    landed = [moved(user, time) for user in ("ANNA", "Ben\u00a0", "cleo") for time in (99, 100, 300)]
    assert_trusted(frame, landed, landed[:6], ANY)
    assert_trusted(frame, landed, [landed[1], landed[2], landed[5]], SINCE)
