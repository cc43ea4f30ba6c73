"""Which trusted customers are curated."""

from chispa import assert_df_equality

from customer_trusted_to_curated import decide, transform


def customer(email, serial_number):
    return {"email": email, "serialnumber": serial_number, "customername": "Name", "sharewithresearchasofdate": 1}


def test_customers_with_readings_stay_once_with_each_of_their_records(frame):
    movers = [customer("anna", "S1"), customer("anna", "S2"), customer("ben", "S1")]
    trusted = frame("customer_trusted", *movers, customer("still", "S1"))
    moved = [{"user": user, "timestamp": 1} for user in ("anna", "anna", "ben", "stranger")]
    readings = frame("accelerometer_trusted", *moved)
    expected = frame("customers_curated", *movers)
    decided = decide(trusted, readings)
    actual = transform(decided)
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True, ignore_metadata=True)
    reasons = {row["email"]: row["dropped"] for row in decided.collect()}
    assert reasons == {"anna": None, "ben": None, "still": "no trusted accelerometer reading"}


def test_mover_is_found_however_the_address_is_spelt(frame):
    customers = [{"email": email, "serialnumber": "S1"} for email in ("Ann@x.org", "ANDRE\u0301@x.fr", "ben@x.org")]
    readings = [{"user": user, "timestamp": 1} for user in ("ann@x.org", "ANN@X.ORG", "andr\u00e9@x.fr")]
    decided = decide(frame("customer_trusted", *customers), frame("accelerometer_trusted", *readings))
    assert sorted(row["email"] for row in transform(decided).collect()) == ["ANDRE\u0301@x.fr", "Ann@x.org"]
