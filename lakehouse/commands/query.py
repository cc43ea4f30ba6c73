"""Questions to the tables: query, show."""

from __future__ import annotations

import csv
import difflib
import itertools
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from lakehouse import aws, tables
from lakehouse.athena import Athena, QueryError, Rows
from lakehouse.console import Display
from lakehouse.environments import Environment
from lakehouse.errors import LakehouseError
from lakehouse.terraform import Outputs

SHOWN_ROWS = 1000
"""Rows that a terminal shows; a pipe gets all."""

_KEYWORDS = """AND AS BETWEEN BY CASE COUNT CROSS DESC DESCRIBE DISTINCT ELSE END EXCEPT FOR FROM GROUP HAVING IN
INTERSECT IS JOIN LEFT LIKE LIMIT NOT NULL OF ON OR ORDER SELECT SHOW TABLES THEN TIMESTAMP UNION UNNEST VERSION WHEN
WHERE WITH""".split()  # noqa: SIM905 - readable


def query(environment: Environment, sql: str) -> None:
    """Run a query through Athena and print its rows; without one, read queries from standard input."""
    with environment.connect():
        outputs = environment.terraform().outputs()
        session = aws.session(outputs.region)
        athena = Athena.of(session, outputs)
        if sql.strip():
            _print(environment.display, athena.query(sql))
        else:
            names = itertools.chain(_KEYWORDS, _names(session, outputs))
            _converse(environment.display, athena, environment.project.build / "query_history", names)


def show(environment: Environment, table: str, limit: int) -> None:
    """Print the first rows of a table."""
    zones = {name: entry["zone"] for name, entry in tables.declared("pipeline.json")["tables"].items()}
    name = table.strip().lower()
    base = name.partition("$")[0]
    if base not in zones:
        near = difflib.get_close_matches(base, zones, 1)
        meant = f" Did you mean {near[0]}?" if near else ""
        raise LakehouseError(
            f"TABLE={table!r} is not a table of the lakehouse.{meant} The tables are: {', '.join(zones)}. "
            f"Run: make show{environment.option} TABLE={near[0] if near else next(iter(zones))}"
        )
    with environment.connect():
        outputs = environment.terraform().outputs()
        database = outputs.audit_database if zones[base] in ("audit", "quarantine") else outputs.database
        sql = f'SELECT * FROM "{database}"."{name}" LIMIT {limit}'  # noqa: S608 - the name is one of the list
        _print(environment.display, Athena.of(aws.session(outputs.region), outputs).query(sql))


def _print(display: Display, result: Rows) -> None:
    """Print a table on a terminal, CSV elsewhere."""
    if not display.console.is_terminal:
        writer = csv.writer(display.console.file, lineterminator="\n")
        writer.writerows([result.columns] if result.columns else [])
        writer.writerows(result.rows)
        return
    rows = list(itertools.islice(result.rows, SHOWN_ROWS + 1))
    if result.columns:
        shown = Table()
        for name in result.columns:
            shown.add_column(Text(name))
        for row in rows[:SHOWN_ROWS]:
            shown.add_row(*(Text("null", style="dim") if value is None else Text(value) for value in row))
        display.console.print(shown)
    count = (
        f"first {SHOWN_ROWS:,} rows" if len(rows) > SHOWN_ROWS else f"{len(rows):,} row{'s' if len(rows) != 1 else ''}"
    )
    display.say(f"{count}, {result.seconds:.1f} s, {result.scanned:,} bytes scanned")
    if len(rows) > SHOWN_ROWS:
        display.say("For all of them: make query SQL='…' > rows.csv")


def _converse(display: Display, athena: Athena, history: Path, names: Iterable[str]) -> None:
    """Run the statements that are typed, each up to its semicolon; on a terminal, an error does not end it."""
    asked = sys.stdin.isatty()
    if asked:
        display.say("End each query with ; and the session with Ctrl-D. Tab completes names.")
        _edit_lines(history, sorted(set(names)))
    for statement in _statements("athena> " if asked else ""):
        try:
            _print(display, athena.query(statement))
        except QueryError as error:
            if not asked:
                raise
            display.say(f"error: {error}")
        except KeyboardInterrupt:
            if not asked:
                raise
            display.say("Stopped.")


def _statements(prompt: str) -> Iterator[str]:
    """Yield statements; the last one needs no semicolon."""
    lines: list[str] = []
    while True:
        try:
            line = input(("      > " if lines else prompt) if prompt else "")
        except KeyboardInterrupt:
            if not prompt:
                raise
            print()
            lines = []
            continue
        except EOFError:
            break
        if not lines and line.strip().lower() in ("", "exit", "quit"):
            if line.strip():
                return
            continue
        lines.append(line)
        if line.rstrip().endswith(";"):
            yield "\n".join(lines)
            lines = []
    if prompt:
        print()
    elif lines:
        yield "\n".join(lines)


def _edit_lines(history: Path, names: list[str]) -> None:
    """Let input() edit lines, with a history that stays, and complete names."""
    import atexit  # noqa: PLC0415 - and readline changes the terminal as soon as it is imported
    import readline  # noqa: PLC0415

    history.parent.mkdir(parents=True, exist_ok=True)
    history.touch(mode=0o600)
    readline.read_history_file(history)
    readline.set_history_length(1000)
    atexit.register(readline.write_history_file, history)
    readline.set_completer_delims(" \t\n,()=<>'\"+-*/;.")

    def complete(text: str, state: int) -> str | None:
        found = [name for name in names if name.lower().startswith(text.lower())]
        return found[state] if state < len(found) else None

    readline.set_completer(complete)
    readline.parse_and_bind("tab: complete")


def _names(session: Any, outputs: Outputs) -> Iterator[str]:
    """Yield the names of databases, tables and columns."""
    glue = session.client("glue", config=aws.CONFIG)
    for database in (outputs.database, outputs.audit_database):
        yield database
        for page in glue.get_paginator("get_tables").paginate(DatabaseName=database):
            for table in page["TableList"]:
                yield table["Name"]
                yield from (column["Name"] for column in table["StorageDescriptor"]["Columns"])
