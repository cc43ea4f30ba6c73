"""Which customer records are trusted."""

import pytest
from pyspark.sql import functions as F

from customer_landing_to_trusted import classify, evidence, transform
from policies import Policies
from tests.support.jobs import assert_rows

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
    assert_rows(actual, "customer_trusted", expected)


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


@pytest.mark.parametrize("policies", [EACH, LATEST])
def test_exact_duplicates_have_the_same_reason(frame, policies):
    landed = [customer(phone="1"), customer(phone="1"), customer("b", None), customer("b", None)]
    reasons = [(row["email"], row["drop_reason"]) for row in classified(frame, landed, policies).collect()]
    assert sorted(reasons, key=str) == [("a", None), ("a", None), *[("b", "no consent to research")] * 2]


LATER = {"updated": 200, "phone": "later"}


DECISIONS = {  # case: an earlier and a later record of an address, and the phone of the trusted one
    "the last updated wins": ({}, LATER, ["later"]),
    "a later record without consent withdraws": ({}, LATER | {"consent": None}, []),
    "a later record in other letters withdraws": ({}, LATER | {"email": "A", "consent": None}, []),
    "a later consent counts": ({"consent": None}, LATER, ["later"]),
    "a record without date is the oldest": ({"updated": None}, LATER, ["later"]),
    "then the last registered": ({"updated": 200}, LATER | {"registered": 60}, ["later"]),
    "then the one without consent": ({"updated": 200}, LATER | {"consent": None}, []),
    "consent to come is none": ({"updated": 200}, LATER | {"consent": NOW + 1}, []),
    "a withdrawal without date is of today": ({}, LATER | {"consent": None, "updated": None}, []),
    "a withdrawal of 0 is of today": ({}, LATER | {"consent": None, "updated": 0}, []),
}
BEYOND_ASCII = {"letters beyond ASCII": ({"email": "ΝΙΚΟΣ"}, LATER | {"email": "νικος", "consent": 0}, [])}


@pytest.mark.parametrize("cases", [DECISIONS, BEYOND_ASCII], ids=["ASCII", "beyond ASCII"])
def test_latest_record_of_an_address_decides(frame, cases):
    landed = [
        record | {"email": f"{number}{record['email']}", "customername": name}
        for number, (name, (earlier, later, _)) in enumerate(cases.items())
        for record in (customer(phone="earlier", **earlier), customer(**later))
    ]
    landed.append(customer("b", customername="another address", phone="b"))
    expected = {name: phones for name, (_, _, phones) in cases.items()} | {"another address": ["b"]}
    for order in (landed, landed[::-1]):
        phones = {name: [] for name in expected}
        for row in transform(classified(frame, order, LATEST)).collect():
            phones[row["customername"]].append(row["phone"])
        assert phones == expected


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


@pytest.mark.parametrize("emails", [["a", "A", " a\t"], ["a\u00a0"]], ids=["ASCII", "beyond ASCII"])
def test_quarantined_record_of_an_address_may_be_its_withdrawal(frame, emails):
    landed = [customer(f"{number}a") for number in range(len(emails))]
    quarantined = [{"email": email.replace("a", f"{n}a").replace("A", f"{n}A")} for n, email in enumerate(emails)]
    quarantined.append({"serialnumber": "S1"})
    assert_trusted(frame, [*landed, customer("b")], [*landed, customer("b")], EACH, quarantined)
    assert_trusted(frame, [*landed, customer("b")], [customer("b")], LATEST, quarantined)


def test_every_record_has_its_reason(frame):
    landed = [
        customer("a"),
        customer("a"),
        customer("b", None),
        customer("c", NOW + 1),
        customer("d", 0),
        customer("d"),
    ]
    reasons = [(row["email"], row["drop_reason"]) for row in classified(frame, landed, EACH).collect()]
    assert sorted(reasons, key=str) == [
        ("a", None),
        ("a", None),
        ("b", "no consent to research"),
        ("c", "consent lies in the future"),
        ("d", "no consent to research"),
        ("d", None),
    ]


def test_evidence_names_nobody(frame):
    landed = [customer("a"), customer("a"), customer("b", None)]
    rows = evidence(classified(frame, landed, EACH), lambda column: F.reverse(F.concat(F.lit("#"), column)), now=NOW)
    assert {tuple(row) for row in rows.collect()} == {
        ("a#", "kept", "", 100, 2, NOW),
        ("b#", "dropped", "no consent to research", None, 1, NOW),
    }
