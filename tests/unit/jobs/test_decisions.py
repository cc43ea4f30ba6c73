"""Decisions about people are compared, and people are found in rows, by the form in which persons are compared."""

from __future__ import annotations

from typing import Any

import pytest

import decisions
import derivation

PARTS = {
    derivation.CODE: "1",
    derivation.REFUSALS: "1",
    f"{derivation.TABLE}customer_trusted": "1",
    f"{derivation.LANDING}customer_landing": "1",
    f"{derivation.LANDING}step_trainer_landing": "1",
}
SOURCES = ["step_trainer_landing"]


def test_decisions_are_texts_about_people_in_canonical_form(frame: Any) -> None:
    rows = frame("customer_trusted", {"email": " Anna@X.org", "sharewithresearchasofdate": 5}, {"email": "anna@x.org"})
    rows = rows.union(frame("customer_trusted", {"email": None, "sharewithresearchasofdate": 6}))
    found = decisions.of(
        "accelerometer_landing", rows.selectExpr("email AS person", "sharewithresearchasofdate AS decision")
    )
    assert found == {("anna@x.org", "5"), ("anna@x.org", "")}


def test_step_trainers_are_told_apart_by_letter_case(frame: Any) -> None:
    rows = frame("customer_trusted", {"serialnumber": "s1"}, {"serialnumber": "S1"})
    given = rows.selectExpr("serialnumber AS person", "1 AS decision")
    assert decisions.of("step_trainer_landing", given) == {("s1", "1"), ("S1", "1")}
    assert not decisions.concern({"s1"}, "step_trainer_landing", frame("step_trainer_landing", {"serialnumber": "S1"}))


@pytest.mark.parametrize(
    ("now", "people"),
    [
        ({("anna", "5"), ("ben", "7"), ("ben", "8")}, set()),
        ({("anna", "6"), ("ben", "7"), ("ben", "8")}, {"anna"}),
        ({("anna", "5"), ("ben", "7")}, {"ben"}),
        ({("anna", "5"), ("ben", "7"), ("ben", "8"), ("cleo", "9")}, {"cleo"}),
        (set(), {"anna", "ben"}),
    ],
    ids=["same", "another", "one less", "somebody new", "nobody"],
)
def test_who_has_other_decisions(now: decisions.Decisions, people: set[str]) -> None:
    assert decisions.changed([("ben", "8"), ("anna", "5"), ("ben", "7")], now) == people


def test_rows_concern_people_however_their_address_is_spelled(frame: Any) -> None:
    rows = frame("accelerometer_landing", {"user": "ANNA@x.org "}, {"user": None}, {"user": "ZOE\u0308@x.org"})
    assert decisions.concern({"anna@x.org"}, "accelerometer_landing", rows)
    assert decisions.concern({"zo\u00eb@x.org"}, "accelerometer_landing", rows)
    assert not decisions.concern({"ann@x.org"}, "accelerometer_landing", rows)
    assert not decisions.concern(set(), "accelerometer_landing", rows)


def test_people_who_are_known_are_found_without_a_look_at_all_rows(frame: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = frame("accelerometer_landing", {"user": "ANNA@x.org "}, {"user": "ben@x.org"})
    people = {"anna@x.org", "cleo@x.org"}
    assert not decisions.concern({"cleo@x.org"}, "accelerometer_landing", rows, known={"cleo@x.org", "ben@x.org"})
    other = frame("accelerometer_landing", {"user": "ZOE\u0308@x.org"})
    assert decisions.concern({"zo\u00eb@x.org"}, "accelerometer_landing", other, known={"zo\u00eb@x.org"})
    monkeypatch.delattr(type(rows), "distinct")
    assert decisions.concern({*people, "ben@x.org"}, "accelerometer_landing", rows, known={"cleo@x.org", "ben@x.org"})
    assert decisions.concern(people, "accelerometer_landing", rows, known={"anna@x.org"}), "spelled in another way"


def test_what_decides_is_all_but_the_sources() -> None:
    deciding = derivation.deciding(PARTS, SOURCES)
    assert deciding == [part for part in PARTS if part not in ("code", "landing.step_trainer_landing")]
    name = derivation.of_decisions(PARTS, SOURCES)
    assert name == derivation.of_decisions(dict(reversed(PARTS.items())), SOURCES)
    others = {derivation.of_decisions({**PARTS, part: "2"}, SOURCES) for part in PARTS}
    assert len(others) == 5, "one of each part; that of the source is as it was"
    assert name in others
