"""What the jobs recorded of their rows, added up."""

from __future__ import annotations

from typing import Any

from lakehouse.reconciliation import Reconciliation, reconcile


def recorded(attempt: str, at: int, target: str, source: str, **rows: int) -> list[dict[str, Any]]:
    """Return rows of pipeline_runs; a key is an outcome, or an outcome and a reason."""
    return [
        {
            "job_run_id": attempt,
            "recorded_at": at,
            "target_table": target,
            "source_table": "" if key == "output" else source,
            "outcome": key.partition("_")[0],
            "reason": key.partition("_")[2],
            "rows": count,
        }
        for key, count in rows.items()
    ]


def test_the_last_attempt_of_a_job_counts() -> None:
    first = recorded("jr_1", 1, "customer_trusted", "customer_landing", read=5, published=5, output=5)
    second = recorded("jr_2", 2, "customer_trusted", "customer_landing", read=9, published=4, dropped_x=3, dropped_y=1)
    second += recorded("jr_2", 2, "customer_trusted", "customer_landing", quarantined_z=1, output=4)
    assert reconcile(second + first) == [
        Reconciliation("customer_landing_to_trusted", "customer_landing", 9, 4, {"x": 3, "y": 1}, {"z": 1})
    ]


def test_rows_that_another_job_run_has_computed_are_unchanged() -> None:
    rows = recorded("jr_2", 2, "customer_trusted", "customer_landing", read=5, published=5, output=5)
    assert [found.unchanged for found in reconcile(rows)] == [False], "an earlier edition of the table"
    for computed_by, unchanged in (("jr_2", False), ("jr_1", True)):
        (found,) = reconcile([{**row, "computed_by": computed_by} for row in rows])
        assert found.unchanged == unchanged


def test_inputs_come_in_the_order_of_the_jobs() -> None:
    training = recorded("jr_2", 1, "machine_learning_curated", "step_trainer_trusted", read=2, published=2, output=7)
    training += recorded("jr_2", 1, "machine_learning_curated", "accelerometer_trusted", read=3, published=3)
    first = recorded("jr_1", 0, "customer_trusted", "customer_landing", read=1, dropped_x=1, output=0)
    assert [(found.table, found.read) for found in reconcile(training + first)] == [
        ("customer_landing", 1),
        ("step_trainer_trusted", 2),
        ("accelerometer_trusted", 3),
    ]
