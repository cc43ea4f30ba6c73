"""Where the time of a job goes, from Spark's own event log: its queries, their stages, shuffle and spill bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table

MIB = 1024**2
SQL = "org.apache.spark.sql.execution.ui."
EXECUTION = "spark.sql.execution.id"
MOST_QUERIES = 25
MOST_STAGES = 15
WIDTH = 70
SOURCE = re.compile(r"(?:BatchScan|Scan|FileScan) (?:\w+ )?(?:[\w.]*\.)?(\w+)")


@dataclass
class Stage:
    """A stage that ran: seconds, and bytes by kind."""

    id: int
    query: int | None
    tasks: int
    seconds: float
    figures: Mapping[str, int]

    def __getitem__(self, figure: str) -> int:
        return self.figures.get(f"internal.metrics.{figure}", 0)

    @property
    def spilled(self) -> int:
        """Bytes on disk of what did not fit into memory."""
        return self["diskBytesSpilled"]


@dataclass
class Query:
    """An SQL execution: what Spark plans and runs for one action."""

    id: int
    what: str
    started: float
    """Seconds since the start of the application."""
    plan_characters: int
    ended: float | None = None
    stages: list[Stage] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Wall seconds from the start to the end."""
        return (self.ended or self.started) - self.started


@dataclass
class Profile:
    """What the event log of one application tells."""

    queries: dict[int, Query]
    stages: list[Stage]
    seconds: float
    """From the start of the application to its last event."""

    @property
    def seconds_in_queries(self) -> float:
        """Seconds in which at least one query ran."""
        covered, until = 0.0, 0.0
        for query in sorted(self.queries.values(), key=lambda each: each.started):
            end = query.started + query.seconds
            covered += max(0.0, end - max(until, query.started))
            until = max(until, end)
        return covered


def read(path: Path) -> Profile:
    """Read an event log, a file of JSON lines."""
    with path.open(encoding="utf-8") as lines:
        return of(json.loads(line) for line in lines)


def of(events: Iterable[Mapping[str, Any]]) -> Profile:
    """Return the profile of an application from its events."""
    start, last = 0.0, 0.0
    queries: dict[int, Query] = {}
    query_of_stage: dict[int, int] = {}
    stages: list[Stage] = []
    for event in events:
        kind = event["Event"].removeprefix(SQL)
        if kind == "SparkListenerApplicationStart":
            start = event["Timestamp"] / 1000
        elif kind == "SparkListenerSQLExecutionStart":
            id_, plan = event["executionId"], event["physicalPlanDescription"]
            queries[id_] = Query(id_, describe(event["sparkPlanInfo"]), event["time"] / 1000 - start, len(plan))
        elif kind == "SparkListenerSQLExecutionEnd" and event["executionId"] in queries:
            queries[event["executionId"]].ended = event["time"] / 1000 - start
        elif kind == "SparkListenerJobStart" and EXECUTION in event.get("Properties", {}):
            query_of_stage |= dict.fromkeys(event["Stage IDs"], int(event["Properties"][EXECUTION]))
        elif kind == "SparkListenerStageCompleted" and "Completion Time" in event["Stage Info"]:
            stage = _stage(event["Stage Info"], query_of_stage)
            stages.append(stage)
            if stage.query in queries:
                queries[stage.query].stages.append(stage)
        last = max(last, _time(event))
    return Profile(queries, stages, last - start)


def _time(event: Mapping[str, Any]) -> float:
    """Return the time of an event in epoch seconds, 0 if it has none."""
    found = event.get("Timestamp") or event.get("time") or event.get("Stage Info", {}).get("Completion Time") or 0
    return float(found) / 1000


def _stage(info: Mapping[str, Any], query_of_stage: Mapping[int, int]) -> Stage:
    figures = {
        each["Name"]: int(each["Value"])
        for each in info["Accumulables"]
        if each["Name"].startswith("internal.metrics.") and str(each.get("Value", "")).lstrip("-").isdigit()
    }
    seconds = (info["Completion Time"] - info["Submission Time"]) / 1000
    return Stage(info["Stage ID"], query_of_stage.get(info["Stage ID"]), info["Number of Tasks"], seconds, figures)


def describe(plan: Mapping[str, Any]) -> str:
    """Return what a plan does: its top operator, and the tables and files that it reads."""
    nodes = list(_nodes(plan))
    wrappers = {"AdaptiveSparkPlan", "WholeStageCodegen", "CommandResult", "InputAdapter"}
    top = next((node["nodeName"] for node in nodes if node["nodeName"].split(" ")[0] not in wrappers), "nothing")
    sources = [match[1] for node in nodes if (match := SOURCE.match(node["simpleString"]))]
    counted = [
        f"{sources.count(each)} times {each}" if sources.count(each) > 1 else each for each in dict.fromkeys(sources)
    ]
    return f"{top} of {', '.join(counted)}" if counted else str(top)


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for child in plan["children"]:
        yield from _nodes(child)


def tables(profile: Profile) -> list[Table]:
    """Return the tables for the terminal: the longest queries and stages, and what lies between the queries."""
    queries = sorted(profile.queries.values(), key=lambda each: -each.seconds)
    found = Table(
        "Query", "What", "From", "Seconds", "Stages", "Task seconds", "Shuffle MiB", "Spill MiB", "Plan chars"
    )
    found.title = f"Queries: {min(MOST_QUERIES, len(queries))} longest of {len(queries)}"
    for query in queries[:MOST_QUERIES]:
        found.add_row(
            str(query.id),
            query.what[:WIDTH],
            f"{query.started:.1f}",
            f"{query.seconds:.2f}",
            str(len(query.stages)),
            f"{sum(stage['executorRunTime'] for stage in query.stages) / 1000:.1f}",
            _mib(sum(stage["shuffle.write.bytesWritten"] for stage in query.stages)),
            _mib(sum(stage.spilled for stage in query.stages)),
            f"{query.plan_characters:,}",
        )
    longest = sorted(profile.stages, key=lambda each: -each.seconds)
    stages = Table(
        "Stage", "Query", "Tasks", "Seconds", "CPU", "GC", "Read MiB", "Shuffle read", "Written", "Spill MiB"
    )
    stages.title = f"Stages: {min(MOST_STAGES, len(longest))} longest of {len(longest)}"
    for stage in longest[:MOST_STAGES]:
        shuffle_read = stage["shuffle.read.localBytesRead"] + stage["shuffle.read.remoteBytesRead"]
        stages.add_row(
            str(stage.id),
            "-" if stage.query is None else str(stage.query),
            str(stage.tasks),
            f"{stage.seconds:.2f}",
            f"{stage['executorCpuTime'] / 1e9:.1f}",
            f"{stage['jvmGCTime'] / 1000:.1f}",
            _mib(stage["input.bytesRead"]),
            _mib(shuffle_read),
            _mib(stage["shuffle.write.bytesWritten"]),
            _mib(stage.spilled),
        )
    for table in (found, stages):
        for column in table.columns:
            column.justify = "left" if column.header == "What" else "right"
            column.no_wrap = True
    return [found, stages]


def summary(profile: Profile, wall_seconds: float) -> str:
    """Return one line on the whole job; `wall_seconds` is that of its process."""
    shuffled = sum(stage["shuffle.write.bytesWritten"] for stage in profile.stages)
    spilled = sum(stage.spilled for stage in profile.stages)
    running = sum(stage["executorRunTime"] for stage in profile.stages) / 1000
    cpu = sum(stage["executorCpuTime"] for stage in profile.stages) / 1e9
    queries = profile.seconds_in_queries
    return (
        f"{wall_seconds:.1f} s: {max(0.0, wall_seconds - profile.seconds):.1f} s before and after Spark's application, "
        f"{queries:.1f} s in {len(profile.queries)} queries, {profile.seconds - queries:.1f} s between them. "
        f"{len(profile.stages)} stages: {running:.1f} task seconds, {cpu:.1f} of CPU, "
        f"{_mib(shuffled)} MiB shuffled, {_mib(spilled)} MiB spilled"
    )


def _mib(value: float) -> str:
    return f"{value / MIB:,.1f}"
