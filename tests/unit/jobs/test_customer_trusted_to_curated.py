"""Which trusted customers are curated."""

import pseudonyms
from customer_trusted_to_curated import classify, transform
from tests.support.jobs import assert_rows


def customer(email, serial_number):
    return {"email": email, "serialnumber": serial_number, "customername": "Name", "sharewithresearchasofdate": 1}


def test_customers_with_readings_stay_once_with_each_of_their_records(frame):
    movers = [customer("anna", "S1"), customer("anna", "S2"), customer("ben", "S1")]
    trusted = frame("customer_trusted", *movers, customer("still", "S1"))
    moved = [{"user": user, "timestamp": 1} for user in ("anna", "anna", "ben", "stranger")]
    readings = frame("accelerometer_trusted", *moved)
    classified = classify(trusted, readings)
    assert_rows(transform(classified), "customers_curated", movers)
    reasons = {row["email"]: row["drop_reason"] for row in classified.collect()}
    assert reasons == {"anna": None, "ben": None, "still": "no trusted accelerometer reading"}


def test_mover_is_found_however_the_address_is_spelt(frame):
    customers = [{"email": email, "serialnumber": "S1"} for email in ("Ann@x.org", "ANDRE\u0301@x.fr", "ben@x.org")]
    readings = [{"user": user, "timestamp": 1} for user in ("ann@x.org", "ANN@X.ORG", "andr\u00e9@x.fr")]
    classified = classify(frame("customer_trusted", *customers), frame("accelerometer_trusted", *readings))
    assert sorted(row["email"] for row in transform(classified).collect()) == ["ANDRE\u0301@x.fr", "Ann@x.org"]


def test_pseudonyms_stand_in_for_people_and_lead_back_to_known_addresses_only(frame):
    person = {
        "email": "Ann@x.org",
        "customername": "Ann",
        "phone": None,
        "serialnumber": "S1",
        "birthday": "1990-01-01",
    }
    rows = frame("customer_trusted", person, person | {"email": "ben@x.org", "customername": "Ben"})
    readings = frame("accelerometer_trusted", {"user": "ann@x.org"}, {"user": "ben@x.org"})
    curated = transform(classify(rows, readings), b"secret")
    found = {row["email"]: row for row in curated.collect()}
    key, other = pseudonyms.of(b"secret", "ann@x.org", "email"), pseudonyms.of(b"secret", "ben@x.org", "email")
    assert set(found) == {key, other}
    assert key != pseudonyms.of(b"secret", "ann@x.org"), "another than in the training table"
    assert found[key]["customername"] == pseudonyms.of(b"secret", "Ann", "customername")
    assert (found[key]["phone"], found[key]["birthday"]) == (None, "1990-01-01")
    known = pseudonyms.resolve(curated, readings.where("user like 'a%'").select("user"), [b"another", b"secret"])
    assert sorted((row["email"], row["birthday"]) for row in known.where("email is not null").collect()) == [
        ("ann@x.org", "1990-01-01")
    ]
    assert known.columns == curated.columns
    assert known.count() == 2
