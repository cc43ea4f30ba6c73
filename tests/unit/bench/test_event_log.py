"""Where the time of a job goes, from Spark's event log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench import event_log
from bench.event_log import SQL


def plan(name: str, text: str = "", *children: dict[str, Any]) -> dict[str, Any]:
    return {"nodeName": name, "simpleString": text or name, "children": list(children)}


def query(number: int, start: int, end: int, what: dict[str, Any]) -> list[dict[str, Any]]:
    own = {"executionId": number}
    return [
        {"Event": f"{SQL}SparkListenerSQLExecutionStart", "time": start, "physicalPlanDescription": "x" * 50}
        | own
        | {"sparkPlanInfo": what},
        {"Event": f"{SQL}SparkListenerSQLExecutionEnd", "time": end} | own,
    ]


def stage(number: int, start: int, end: int, **figures: int) -> dict[str, Any]:
    accumulables: list[dict[str, Any]] = [
        {"Name": f"internal.metrics.{name.replace('_', '.')}", "Value": value} for name, value in figures.items()
    ]
    accumulables.append({"Name": "number of output rows", "Value": "12"})
    info = {"Stage ID": number, "Number of Tasks": 2, "Submission Time": start, "Completion Time": end}
    return {"Event": "SparkListenerStageCompleted", "Stage Info": info | {"Accumulables": accumulables}}


WRITE = plan(
    "AdaptiveSparkPlan isFinalPlan=false",
    "",
    plan(
        "AppendData",
        "",
        plan("Scan text ", "Scan text [value#1]"),
        plan("BatchScan glue_catalog.db.customer_trusted", "BatchScan glue_catalog.db.customer_trusted[email#2]"),
        plan("BatchScan glue_catalog.db.customer_trusted", "BatchScan glue_catalog.db.customer_trusted[email#3]"),
    ),
)
EVENTS: list[dict[str, Any]] = [
    {"Event": "SparkListenerLogStart", "Spark Version": "3.5.6"},
    {"Event": "SparkListenerBlockManagerAdded", "Timestamp": 99_900},
    {"Event": "SparkListenerApplicationStart", "Timestamp": 100_000},
    *query(0, 101_000, 104_000, WRITE),
    {"Event": "SparkListenerJobStart", "Stage IDs": [0, 1], "Properties": {"spark.sql.execution.id": "0"}},
    stage(0, 101_500, 103_500, executorRunTime=3000, executorCpuTime=2_500_000_000, shuffle_write_bytesWritten=1 << 20),
    stage(1, 103_500, 103_900, executorRunTime=400, diskBytesSpilled=2 << 20),
    {"Event": "SparkListenerStageCompleted", "Stage Info": {"Stage ID": 9, "Failure Reason": "stopped"}},
    *query(1, 103_000, 105_000, plan("LocalTableScan")),  # at the same time, from another thread
    *query(2, 107_000, 107_500, plan("Project", "", plan("LocalTableScan"))),
    {"Event": "SparkListenerJobStart", "Stage IDs": [2], "Properties": {}},
    stage(2, 107_600, 107_700),
    {"Event": "SparkListenerApplicationEnd", "Timestamp": 110_000},
]


def test_stages_belong_to_the_query_whose_job_ran_them() -> None:
    profile = event_log.of(EVENTS)
    assert {number: [stage.id for stage in found.stages] for number, found in profile.queries.items()} == {
        0: [0, 1],
        1: [],
        2: [],
    }
    assert [(stage.id, stage.query, stage.seconds) for stage in profile.stages] == [
        (0, 0, 2.0),
        (1, 0, 0.4),
        (2, None, 0.1),
    ]
    assert profile.stages[0]["shuffle.write.bytesWritten"] == 1 << 20
    assert profile.stages[1].spilled == 2 << 20


def test_time_in_queries_counts_what_overlaps_once() -> None:
    profile = event_log.of(EVENTS)
    assert [found.seconds for found in profile.queries.values()] == [3.0, 2.0, 0.5]
    assert profile.seconds_in_queries == pytest.approx(4.5)
    assert profile.seconds == pytest.approx(10.0)


def test_a_query_is_described_by_its_operator_and_what_it_reads() -> None:
    assert event_log.describe(WRITE) == "AppendData of text, 2 times customer_trusted"
    assert event_log.describe(plan("LocalTableScan")) == "LocalTableScan"


def test_the_report_adds_up(tmp_path: Path) -> None:
    profile = event_log.of(EVENTS)
    assert event_log.summary(profile, 14.0) == (
        "14.0 s: 4.0 s before and after Spark's application, 4.5 s in 3 queries, 5.5 s between them. "
        "3 stages: 3.4 task seconds, 2.5 of CPU, 1.0 MiB shuffled, 2.0 MiB spilled"
    )
    with (tmp_path / "printed").open("w") as file:
        console = Console(width=200, file=file)
        for table in event_log.tables(profile):
            console.print(table)
    told = (tmp_path / "printed").read_text()
    assert "AppendData of text, 2 times customer_trusted" in told
    assert "Queries: 3 longest of 3" in told
    assert "Stages: 3 longest of 3" in told
