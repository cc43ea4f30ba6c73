"""Whose customer records are trusted."""

import pytest
from chispa import assert_df_equality

from customer_landing_to_trusted import transform
from policies import Policies

NOW = 1_000
EACH = Policies()
LATEST = Policies(customer_records="latest")


def customer(email="a", consent=100, updated=100, registered=50, **more):
    dates = {"sharewithresearchasofdate": consent, "lastupdatedate": updated, "registrationdate": registered}
    return {"email": email, "serialnumber": "S1"} | dates | more


def assert_trusted(frame, landed, expected, policies):
    actual = transform(frame("customer_landing", *landed), policies=policies, now=NOW)
    expected = frame("customer_trusted", *expected)
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True, ignore_metadata=True)


def test_only_consent_that_holds_now_counts(frame):
    agreed = [customer("long ago", 1), customer("just now", NOW)]
    not_agreed = [customer("absent", None), customer("zero", 0), customer("to come", NOW + 1), customer("negative", -5)]
    assert_trusted(frame, agreed + not_agreed, agreed, EACH)


def test_all_columns_are_kept(frame):
    full = customer(
        customername="Anna",
        phone="5551234567",
        birthday="1399-01-01",
        sharewithpublicasofdate=7,
        sharewithfriendsasofdate=0,
    )
    assert_trusted(frame, [full], [full], EACH)


def test_exact_duplicates_are_dropped_and_differing_records_kept(frame):
    record, other = customer(), customer(phone="1")
    assert_trusted(frame, [record, record, other], [record, other], EACH)


LATER = {"updated": 200, "phone": "later"}


@pytest.mark.parametrize(
    ("earlier", "later", "trusted"),
    [
        pytest.param({}, LATER, ["later"], id="the last updated wins"),
        pytest.param({}, LATER | {"consent": None}, [], id="a later record without consent withdraws"),
        pytest.param({"consent": None}, LATER, ["later"], id="a later consent counts"),
        pytest.param({"updated": None}, LATER, ["later"], id="a record without date is the oldest"),
        pytest.param({"updated": 200}, LATER | {"registered": 60}, ["later"], id="then the last registered"),
        pytest.param({"updated": 200}, LATER | {"consent": None}, [], id="then the one without consent"),
        pytest.param({"updated": 200}, LATER | {"consent": NOW + 1}, [], id="consent to come is none"),
    ],
)
def test_latest_record_of_an_address_decides(frame, earlier, later, trusted):
    landed = [customer(phone="earlier", **earlier), customer(**later), customer("b", phone="b")]
    for order in (landed, landed[::-1]):
        rows = transform(frame("customer_landing", *order), policies=LATEST, now=NOW).collect()
        assert sorted(row["phone"] for row in rows) == sorted([*trusted, "b"])


def test_equal_dates_give_the_same_choice_in_any_order(frame):
    landed = [customer(serialnumber=number) for number in ("S2", "S1", "S3")]
    for order in (landed, landed[::-1]):
        assert_trusted(frame, order, [landed[1]], LATEST)
