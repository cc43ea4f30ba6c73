"""`make bench`: measure all contestants side by side; with PROFILE_JOB, say where the time of one job goes."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console

import embedded_aws
from bench import changes, contestants, copies, event_log, processes, results
from bench.contestants import CONTESTANTS, FIVE_JOBS, ROOT
from bench.copies import Copies
from bench.processes import ContestantFailedError
from lakehouse.errors import LakehouseError
from lakehouse.landing import ENTITIES
from lakehouse.tables import TABLE_OF_JOB

SIZES = "1 10 100"
PROFILE_SIZES = "10"
ROUNDS = "3"
LARGEST_REPEATED = 10
BUSY = 0.25
COURSE_DATA = ROOT.parent / "shared" / "data" / "stedi"
WORK = ROOT / "build" / "bench"
RESULT = WORK / "result.json"
SUMMARY = WORK / "summary.json"
CHART = WORK / "chart.svg"
CHART_PYTHON = ROOT / ".venv-bench" / "bin" / "python"


def main(console: Console) -> None:
    """Read the knobs, then bench or profile."""
    job = os.environ.get("PROFILE_JOB", "")
    if job and job not in TABLE_OF_JOB:
        raise LakehouseError(f"PROFILE_JOB={job!r} is not one of {', '.join(TABLE_OF_JOB)}. Nothing was run.")
    sizes = whole_numbers("SIZES", PROFILE_SIZES if job else SIZES)
    (rounds, *more) = whole_numbers("ROUNDS", ROUNDS)
    if more:
        raise LakehouseError("ROUNDS is one whole number. Nothing was run.")
    incremental = os.environ.get("INCREMENTAL", "") or "0"
    if incremental not in ("0", "1"):
        raise LakehouseError(f"INCREMENTAL={incremental!r} is neither 1 nor 0. Nothing was run.")
    WORK.mkdir(parents=True, exist_ok=True)
    source = landing_source()
    landing = {size: copies.make(source, WORK / "landing" / str(size), size) for size in sizes}
    # Of the largest: a run with little new is nearly all start at the others.
    incremental_sizes = [max(sizes)] if incremental == "1" and not job else []
    changed = {size: changes.make(source, landing[size], WORK / "changed" / str(size)) for size in incremental_sizes}
    console.print(f"Landing data: {source} times {', '.join(map(str, sizes))}")
    if (busy := processes.busy_share()) > BUSY:
        console.print(f"WARNING: other processes use {busy:.0%} of this machine: the figures will be too high.")
    console.print("Set-up of a copy of the project: Terraform's init, the class archive")
    contestants.prepare_project(WORK)
    if job:
        profile(console, job, landing[sizes[0]])
    else:
        bench(console, landing, changed, rounds, source)


def bench(
    console: Console,
    landing: dict[int, Copies],
    changed: dict[int, dict[str, Copies]],
    rounds: int,
    source: Path,
) -> None:
    """Run all contestants by turns; write result.json after each, then print the tables and draw the chart.

    `changed` is the landing data of further runs in the first round, by size and what has changed.
    """
    machine = processes.machine()
    rows = {
        entity: sum(file.read_bytes().count(b"\n") for file in copies.files_of(source, entity)) for entity in ENTITIES
    }
    found = results.Results(
        {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "commit": commit(),
            "machine": machine,
            "data": {"source": source.name, "rows": rows},
        }
    )
    taking_part = []
    for contestant in CONTESTANTS:
        if reason := contestant.unavailable():
            console.print(f"Left out: {contestant.title}, since {reason}")
        else:
            taking_part.append(contestant)
    for number in range(1, rounds + 1):
        for size in sorted(landing):
            if number > 1 and size > LARGEST_REPEATED:
                continue
            for contestant in taking_part:
                work = WORK / contestant.name
                shutil.rmtree(work, ignore_errors=True)
                runs = contestant.run(landing[size], work, changed.get(size, {}) if number == 1 else {})
                shutil.rmtree(work, ignore_errors=True)
                found.add(size, number, runs)
                found.write(RESULT)
                console.print(f"  round {number}, {size}x: {results.told(runs)}")
    report = found.as_json()
    for table in results.tables(report):
        console.print(table)
    SUMMARY.write_text(json.dumps(results.summary(report), indent=2) + "\n", encoding="utf-8")
    subprocess.run([CHART_PYTHON, Path(__file__).with_name("chart.py"), RESULT, CHART], check=True)
    console.print(f"Report: {RESULT}, {SUMMARY.name} and {CHART.name} beside it")
    if report["differences"]:
        raise LakehouseError("\n  ".join(["The contestants counted different rows:", *report["differences"]]))


def profile(console: Console, job: str, landing: Copies) -> None:
    """Run the five jobs, then one of them again with Spark's event log, and print where its time goes.

    It is the run that `make rerun-job` does: same code and settings, but on the published tables.
    """
    project, events = contestants.project_copy(WORK), WORK / "events"
    shutil.rmtree(events, ignore_errors=True)
    events.mkdir()
    try:
        FIVE_JOBS.start(project, landing)
        run_id = contestants.last_run(project, job)
        with (project / contestants.JOBS / run_id / "spark.properties").open("a", encoding="utf-8") as properties:
            properties.write(f"spark.eventLog.enabled=true\nspark.eventLog.dir={events.as_uri()}\n")
        start = time.monotonic()
        contestants.lakehouse_command(project, "rerun", RUN=run_id)
        seconds = time.monotonic() - start
    finally:
        embedded_aws.down(project)
    (log,) = (path for path in events.iterdir() if not path.name.startswith("."))
    found = event_log.read(log)
    console.print(f"{job} at {landing.times}x, {landing.bytes / 1e6:.0f} MB of landing data")
    for table in event_log.tables(found):
        console.print(table)
    console.print(event_log.summary(found, seconds))
    console.print(f"Event log, for Spark's history server: {log}")


def landing_source() -> Path:
    """Return the folder that DATA names, or the course data beside the checkout, or a sample."""
    if named := os.environ.get("DATA"):
        return Path(named)
    return COURSE_DATA if COURSE_DATA.is_dir() else copies.plain_sample(WORK / "sample")


def whole_numbers(knob: str, default: str) -> list[int]:
    """Return a knob's whole numbers, separated by blanks or commas."""
    words = (os.environ.get(knob, "").replace(",", " ") or default).split()
    if not all(word.isascii() and word.isdecimal() and int(word) for word in words) or not words:
        raise LakehouseError(f"{knob}={os.environ[knob]!r} is not a list of whole numbers from 1. Nothing was run.")
    return sorted({int(word) for word in words})


def commit() -> str | None:
    """Return the commit of the checkout, with a plus for uncommitted changes; None outside git."""
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or None


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    try:
        main(Console(width=None if sys.stdout.isatty() else 160))
    except KeyboardInterrupt:
        sys.exit(130)
    except (LakehouseError, ContestantFailedError) as error:
        sys.exit(f"error: {error}")
