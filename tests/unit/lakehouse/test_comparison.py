"""Two runs side by side: rows by reason, customers, training rows that pair two people."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lakehouse import lineage
from lakehouse.commands.compare import compare, parse_profiles
from lakehouse.comparison import Change, Count, Pairs, counts, customers, pairs_of_two_people
from lakehouse.environments import Environment, open_environment
from lakehouse.errors import LakehouseError
from lakehouse.history import Run
from lakehouse.project import Project
from lakehouse.reconciliation import Reconciliation

JOB, TABLE = "customer_landing_to_trusted", "customer_landing"
FIRST = Run(
    "wr_1", rows={"customer_trusted": 7}, reconciliations=[Reconciliation(JOB, TABLE, 9, 7, {"no consent": 2}, {})]
)
SECOND = Run(
    "wr_2",
    rows={"customer_trusted": 6, "accelerometer_trusted": 5},
    reconciliations=[Reconciliation(JOB, TABLE, 9, 6, {"a later record counts": 1, "no consent": 2}, {})],
)
SNAPSHOTS = {"machine_learning_curated": 1, "accelerometer_trusted": 2, "customer_trusted": 3}


def test_rows_stand_side_by_side_by_outcome_and_reason() -> None:
    assert counts((FIRST, SECOND)) == [
        Count(TABLE, "read", "", (9, 9)),
        Count(TABLE, "published", "", (7, 6)),
        Count(TABLE, "dropped", "a later record counts", (0, 1)),
        Count(TABLE, "dropped", "no consent", (2, 2)),
        Count("customer_trusted", "written", "", (7, 6)),
        Count("accelerometer_trusted", "written", "", (None, 5)),
    ]
    assert [count.difference for count in counts((FIRST, SECOND))] == [0, -1, 1, 0, -1, None]


def decision(run: str, key: str, reason: str = "", *, attempt: int = 1) -> dict[str, Any]:
    return {
        "job_run_id": f"jr_{run}_{attempt}",
        "subjectkey": key,
        "decision": "dropped" if reason else "kept",
        "reason": reason,
    }


def test_customers_are_those_that_only_one_run_keeps() -> None:
    decided = [
        *(decision("wr_1", key) for key in ("both", "left", "twice")),
        decision("wr_1", "twice", "another record of them"),
        decision("wr_2", "earlier attempt"),
        *(decision("wr_2", key, attempt=2) for key in ("both", "twice", "joined")),
        decision("wr_2", "left", "no consent", attempt=2),
    ]
    runs = Run("wr_1", decided_by="jr_wr_1_1"), Run("wr_2", decided_by="jr_wr_2_2")
    assert customers(runs, decided) == [Change("left", 0, "no consent"), Change("joined", 1, "")]
    unchanged = Run("wr_3", decided_by="jr_wr_1_1")
    assert customers((runs[0], unchanged), decided) == [], "it has the decisions of the run that it took rows over from"


def training(snapshot_id: int, **report: str) -> Any:
    """Return a training table with one snapshot, which has this report."""
    properties = {f"{lineage.PREFIX}{name.replace('_', '-')}": value for name, value in report.items()}
    snapshot = SimpleNamespace(summary=SimpleNamespace(additional_properties=properties))
    return SimpleNamespace(snapshot_by_id=lambda wanted: snapshot if wanted == snapshot_id else None)


def test_pairs_of_two_people_are_those_that_the_job_has_recorded() -> None:
    found = pairs_of_two_people(training(1, rows_of_two_people="2700"), Run("wr_1", snapshots=SNAPSHOTS))
    assert found == Pairs(2700)


@pytest.mark.parametrize(
    ("table", "snapshots", "why"),
    [
        (training(1), SNAPSHOTS, "the run has not recorded it"),
        (
            training(9, rows_of_two_people="5"),
            SNAPSHOTS,
            "its snapshot has expired: the tables keep only the last runs",
        ),
        (training(1, rows_of_two_people="5"), {"customer_trusted": 3}, "the run has no machine_learning_curated"),
    ],
)
def test_what_is_not_recorded_is_said_with_its_reason(table: Any, snapshots: dict[str, int], why: str) -> None:
    found = pairs_of_two_people(table, Run("wr_1", snapshots=snapshots))
    assert found.rows is None
    assert why in found.why_unknown


@pytest.fixture
def local(project: Project, display: Any) -> Environment:
    return open_environment(project, display)


@pytest.mark.parametrize("given", [("", "", ""), ("wr_1", "", "published,strict"), ("", "wr_2", "published,strict")])
def test_either_runs_or_profiles_are_compared(local: Environment, given: tuple[str, str, str]) -> None:
    with pytest.raises(LakehouseError, match=r"either RUN and WITH.* or PROFILES.* Nothing was run"):
        compare(local, *given)


def test_two_different_profiles_are_needed() -> None:
    assert parse_profiles(" published, strict ") == ("published", "strict")
    for text in ("published", "published,published", "published,lax", "published,strict,consent_date"):
        with pytest.raises(LakehouseError, match=r"is not two of published, consent_date, strict.* Nothing was run"):
            parse_profiles(text)
