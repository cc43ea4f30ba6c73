"""Which customer records are trusted."""

import pytest
from chispa import assert_df_equality
from pyspark.sql import functions as F

from customer_landing_to_trusted import classify, evidence, transform
from policies import Policies

NOW = 1_000
EACH = Policies()
LATEST = Policies(customer_records="latest")


def customer(email="a", consent=100, updated=100, registered=50, **more):
    dates = {"sharewithresearchasofdate": consent, "lastupdatedate": updated, "registrationdate": registered}
    return {"email": email, "serialnumber": "S1"} | dates | more


def classified(frame, landed, policies, quarantined=()):
    rows = frame("customer_landing", *landed), frame("customer_landing", *quarantined)
    return classify(*rows, policies=policies, now=NOW)


def assert_trusted(frame, landed, expected, policies, quarantined=()):
    actual = transform(classified(frame, landed, policies, quarantined))
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
        pytest.param({}, LATER | {"email": "A", "consent": None}, [], id="a later record in other letters withdraws"),
        pytest.param({"consent": None}, LATER, ["later"], id="a later consent counts"),
        pytest.param({"updated": None}, LATER, ["later"], id="a record without date is the oldest"),
        pytest.param({"updated": 200}, LATER | {"registered": 60}, ["later"], id="then the last registered"),
        pytest.param({"updated": 200}, LATER | {"consent": None}, [], id="then the one without consent"),
        pytest.param({"updated": 200}, LATER | {"consent": NOW + 1}, [], id="consent to come is none"),
        *(
            pytest.param({}, LATER | {"consent": None, "updated": date}, [], id=f"a withdrawal of {date} is of today")
            for date in (None, 0)
        ),
        pytest.param({"email": "ΝΙΚΟΣ"}, LATER | {"email": "νικος", "consent": 0}, [], id="letters beyond ASCII"),
    ],
)
def test_latest_record_of_an_address_decides(frame, earlier, later, trusted):
    landed = [customer(phone="earlier", **earlier), customer(**later), customer("b", phone="b")]
    for order in (landed, landed[::-1]):
        rows = transform(classified(frame, order, LATEST)).collect()
        assert sorted(row["phone"] for row in rows) == sorted([*trusted, "b"])


def test_equal_dates_give_the_same_choice_in_any_order(frame):
    landed = [customer(serialnumber=number) for number in ("S2", "S1", "S3")]
    for order in (landed, landed[::-1]):
        assert_trusted(frame, order, [landed[1]], LATEST)


def test_undated_withdrawal_is_the_reason_why_a_dated_consent_does_not_count(frame):
    reasons = {
        row["drop_reason"]
        for row in classified(frame, [customer(), customer(consent=None, updated=None)], LATEST).collect()
    }
    assert reasons == {"an undated record of the address may withdraw consent", "no consent to research"}


@pytest.mark.parametrize("email", ["a", "A", " a\t", "a\u00a0"])
def test_quarantined_record_of_an_address_may_be_its_withdrawal(frame, email):
    landed, quarantined = [customer("a"), customer("b")], [{"email": email}, {"serialnumber": "S1"}]
    assert_trusted(frame, landed, landed, EACH, quarantined)
    assert_trusted(frame, landed, [customer("b")], LATEST, quarantined)


def test_every_record_has_its_reason(frame):
    landed = [
        customer("a"),
        customer("a"),
        customer("b", None),
        customer("c", NOW + 1),
        customer("d", 0),
        customer("d"),
    ]
    reasons = {(row["email"], row["copies"], row["drop_reason"]) for row in classified(frame, landed, EACH).collect()}
    assert reasons == {
        ("a", 2, None),
        ("b", 1, "no consent to research"),
        ("c", 1, "consent lies in the future"),
        ("d", 1, "no consent to research"),
        ("d", 1, None),
    }


def test_evidence_names_nobody(frame):
    landed = [customer("a"), customer("a"), customer("b", None)]
    rows = evidence(classified(frame, landed, EACH), lambda column: F.reverse(F.concat(F.lit("#"), column)), now=NOW)
    assert {tuple(row) for row in rows.collect()} == {
        ("a#", "kept", "", 100, 2, NOW),
        ("b#", "dropped", "no consent to research", None, 1, NOW),
    }
