"""The runs of an environment: list them, show one."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from lakehouse import aws, tables
from lakehouse.environments import Environment
from lakehouse.errors import LakehouseError
from lakehouse.history import TRAINING, History, Run
from lakehouse.report import reconciliation_table
from lakehouse.run_ids import short
from lakehouse.workflow import SUCCEEDED

COLUMNS = ("Run", "When (UTC)", "By", "Profile", "Data", "Commit", "Rows", "Dropped", "Seconds", "DPU-s", "State")
DISPENSABLE = ("Commit", "DPU-s", "Data", "By", "Seconds", "Profile")
"""Columns that a narrow terminal leaves out, the first of them first."""
NUMBERS = ("Rows", "Dropped", "Seconds", "DPU-s")
EXPIRED = f"{SUCCEEDED}, expired"
"""State of a run to which no rollback is possible any longer."""
STYLES = {SUCCEEDED: "green", EXPIRED: "dim", "COMPARED": "dim", "RUNNING": "cyan"}


def runs(environment: Environment, run_id: str, limit: int) -> None:
    """List the last runs, or show one with its rows by reason: tables on a terminal, CSV elsewhere."""
    display = environment.display
    with environment.connect():
        outputs = environment.terraform().outputs()
        session = aws.session(outputs.region)
        history = History.of(environment.project, session, outputs)
        ids = [history.find(run_id)] if run_id else history.ids()[:limit]
        kept = tables.runs_kept(session, outputs.database)
        shown = [with_expiry(history.run(id_), kept) for id_ in ids]
    if not shown:
        raise LakehouseError(f"There are no runs of {environment.name} yet. Run: make run-pipeline{environment.option}")
    if not display.console.is_terminal:
        writer = csv.DictWriter(display.console.file, list(as_values(shown[0])), lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(as_values, shown))
        return
    left_out = 0
    while not _fits(display.console, table := runs_table(shown, DISPENSABLE[:left_out])) and left_out < len(
        DISPENSABLE
    ):
        left_out += 1
    display.console.print(table)
    if left_out:
        names = ", ".join(DISPENSABLE[:left_out])
        display.say(f"The terminal has no room for {names}. All columns, as CSV: make runs{environment.option} | cat")
    if not run_id:
        display.say(
            f"Rows are those of {TRAINING}. Reasons of one run: make runs{environment.option} RUN={shown[0].id}"
        )
        return
    (run,) = shown
    if run.reconciliations:
        display.console.print(reconciliation_table(run.reconciliations))
        display.console.print(reasons_table(run))
    display.say(f"Run {run.id}")


def with_expiry(run: Run, kept: Collection[str]) -> Run:
    """Say so in the state of a successful run if it is not among those that the tables keep."""
    return replace(run, state=EXPIRED) if run.state == SUCCEEDED and run.id not in kept else run


def runs_table(shown: list[Run], left_out: Collection[str] = ()) -> Table:
    """Return one line for each run, without the columns that are left out."""
    table = Table()
    for name in (kept := [name for name in COLUMNS if name not in left_out]):
        table.add_column(name, justify="right" if name in NUMBERS else "left", no_wrap=name != "State")
    for run in shown:
        figures = (run.rows.get(TRAINING), sum(run.dropped.values()) if run.reconciliations else None)
        cells = [
            short(run.id),
            run.started.strftime("%Y-%m-%d %H:%M") if run.started else "",
            run.started_by,
            run.profile,
            describe_data(run.data),
            run.commit,
            *(_number(figure) for figure in figures),
            "" if run.seconds is None else f"{run.seconds:.0f}",
            _number(run.dpu_seconds),
        ]
        texts = [*map(Text, cells), Text(run.state, style=STYLES.get(run.state, "red" if run.state else ""))]
        table.add_row(*(text for name, text in zip(COLUMNS, texts, strict=True) if name in kept))
    return table


def reasons_table(run: Run) -> Table:
    """Return the rows of each input by drop reason and reason of quarantine."""
    table = Table("Rows of", "Outcome", "Reason", "Rows")
    table.columns[3].justify = "right"
    for found in run.reconciliations:
        for outcome, reasons in (("dropped", found.dropped), ("quarantined", found.quarantined)):
            for reason, rows in sorted(reasons.items(), key=lambda item: -item[1]):
                table.add_row(found.table, outcome, Text(reason), f"{rows:,}")
    return table


def describe_data(data: Mapping[str, Any]) -> str:
    """Return landing data in a few words: name, files, size."""
    tables = [value for value in data.values() if isinstance(value, dict)]
    if not tables:
        return ""
    files, size = sum(table["files"] for table in tables), sum(table["bytes"] for table in tables)
    return f"{data.get('name') or 'as landed'}, {files:,} files, {size / 1e6:.1f} MB"


def as_values(run: Run) -> dict[str, Any]:
    """Return a run as a row of CSV; rows, reasons and data as JSON."""
    return {
        "run": run.id,
        "started": run.started.isoformat(timespec="seconds") if run.started else "",
        "started_by": run.started_by,
        "profile": run.profile,
        "data": json.dumps(dict(run.data)) if run.data else "",
        "commit": run.commit,
        "rows": json.dumps(dict(run.rows)),
        "dropped": json.dumps(dict(run.dropped)),
        "quarantined": json.dumps(dict(run.quarantined)),
        "seconds": run.seconds,
        "dpu_seconds": run.dpu_seconds,
        "state": run.state,
    }


def _fits(console: Console, table: Table) -> bool:
    return Measurement.get(console, console.options.update(max_width=1000), table).maximum <= console.width


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
