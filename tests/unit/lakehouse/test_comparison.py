"""Two runs side by side: rows by reason, customers, training rows that pair two people."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from embedded_aws.athena.execution import Execution
from embedded_aws.athena.tables import Meter
from lakehouse.athena import Athena, QueryError
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
        "workflow_run_id": run,
        "job_run_id": f"jr_{run}_{attempt}",
        "subjectkey": key,
        "decision": "dropped" if reason else "kept",
        "reason": reason,
        "decided_at": attempt,
    }


def test_customers_are_those_that_only_one_run_keeps() -> None:
    decided = [
        *(decision("wr_1", key) for key in ("both", "left", "twice")),
        decision("wr_1", "twice", "another record of them"),
        decision("wr_2", "earlier attempt"),
        *(decision("wr_2", key, attempt=2) for key in ("both", "twice", "joined")),
        decision("wr_2", "left", "no consent", attempt=2),
    ]
    assert customers(("wr_1", "wr_2"), decided) == [Change("left", 0, "no consent"), Change("joined", 1, "")]


class Answers(Athena):
    """Athena that gives one answer."""

    def __init__(self, *row: str | None, error: str = "") -> None:
        self.row, self.error = row, error
        self.sql = ""

    def query(self, sql: str) -> Any:
        self.sql = sql
        if self.error:
            raise QueryError(self.error)
        return type("Rows", (), {"rows": iter([self.row])})


def test_pairs_of_two_people_are_counted_in_the_snapshots_of_the_run() -> None:
    athena = Answers("0", "2700")
    assert pairs_of_two_people(athena, Run("wr_1", snapshots=SNAPSHOTS)) == Pairs(2700)
    assert 'FROM "machine_learning_curated" FOR VERSION AS OF 1)' in athena.sql
    assert 'FROM "accelerometer_trusted" FOR VERSION AS OF 2)' in athena.sql
    assert 'FROM "customer_trusted" FOR VERSION AS OF 3)' in athena.sql


class Lake:
    """Tables in memory, each with one snapshot."""

    def __init__(self, *serial_numbers: str | None) -> None:
        at = pa.array([1, 1, 2, 3][: len(serial_numbers)], pa.int64())
        still = pa.array([0.5] * len(serial_numbers), pa.float64())
        self.tables = {
            "machine_learning_curated": pa.table(
                {"serialnumber": serial_numbers, "sensorreadingtime": at, "x": still, "y": still, "z": still}
            ),
            "accelerometer_trusted": pa.table(
                {"user": [" ANN@x.org", "bob@x.org", "bob@x.org"], "timestamp": [1, 2, 3]}
                | dict.fromkeys("xyz", [0.5] * 3)
            ),
            "customer_trusted": pa.table(
                {"email": ["ann@x.org", "ann@x.org", "bob@x.org"], "serialnumber": ["S1", "S1", "S2"]}
            ),
        }

    def read(self, name: Any, words: Any, snapshot: Any) -> pa.Table:
        return self.tables[name.table]


class Engine(Athena):
    """Athena that runs the query on tables in memory."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake

    def query(self, sql: str) -> Any:
        found: list[Any] = []
        execution = Execution(self.lake, Meter(None), None)  # type: ignore[arg-type]
        execution.run(sql, "lake", (), lambda result: found.extend(list(row) for row in result.rows))
        return type("Rows", (), {"rows": iter(found)})


@pytest.mark.parametrize(
    ("serial_numbers", "pairs"),
    [
        (["S1"], Pairs(0)),  # Ann has two records with one Step Trainer, and her address another spelling
        (["S1", "S2", "S2", "S1"], Pairs(2)),  # Bob's steps with Ann's movement, Ann's with Bob's
        (["S1", None], Pairs(None, "training rows have pseudonyms")),
    ],
)
def test_a_pair_is_of_two_people_if_who_moved_does_not_own_the_step_trainer(
    serial_numbers: list[str | None], pairs: Pairs
) -> None:
    assert pairs_of_two_people(Engine(Lake(*serial_numbers)), Run("wr_1", snapshots=SNAPSHOTS)) == pairs


@pytest.mark.parametrize(
    ("athena", "snapshots", "why"),
    [
        (Answers("5", "5"), SNAPSHOTS, "training rows have pseudonyms"),
        (Answers(error="no such snapshot"), SNAPSHOTS, "may have expired: no such snapshot"),
        (Answers(), {"customer_trusted": 3}, "no machine_learning_curated, accelerometer_trusted on record"),
    ],
)
def test_what_cannot_be_counted_is_said_with_its_reason(athena: Answers, snapshots: dict[str, int], why: str) -> None:
    found = pairs_of_two_people(athena, Run("wr_1", snapshots=snapshots))
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
