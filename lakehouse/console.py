"""Output for the operator: live on a terminal, lines with a heartbeat elsewhere, JSON events for machines."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column

PLAIN_WIDTH = 120  # for CI logs, where rich would assume 80 and wrap the tables
REFRESHES_PER_SECOND = 4
HEARTBEAT_SECONDS = 15.0
"""Seconds between two signs of life where there is no terminal."""


class Tell(Protocol):
    """Tells how a step in progress gets on."""

    def __call__(self, detail: str, done: float | None = None) -> None:
        """Set the detail and, if it is known, how much is done, from 0 to 1."""


class Display:
    """Prints the progress of a command to a console; with `machine`, as one JSON object per line."""

    def __init__(self, console: Console | None = None, *, machine: bool = False) -> None:
        if console is None:
            width = None if sys.stdout.isatty() and not machine else PLAIN_WIDTH
            console = Console(highlight=False, width=width, force_terminal=False if machine else None)
        self.console = console
        self.machine = machine
        self._lock = threading.Lock()

    @property
    def live(self) -> bool:
        """Whether output can be changed after it was printed."""
        return self.console.is_terminal and not self.console.is_dumb_terminal

    def say(self, text: str) -> None:
        """Print a line without markup or wrapping, so that paths can be copied."""
        self.tell_event("message", text, text=text)

    def warn(self, text: str) -> None:
        """Print a warning."""
        self.tell_event("warning", f"WARNING: {text}", style="bold yellow", text=text)

    def tell_event(self, event: str, line: str | None, *, style: str | None = None, **fields: object) -> None:
        """Print a line for people; for machines, the event with its fields instead. No line: people see nothing."""
        if not self.machine:
            if line is not None:
                self.console.print(line, markup=False, soft_wrap=True, style=style)
            return
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        text = json.dumps({"time": now, "event": event, **fields})
        with self._lock:
            self.console.file.write(f"{text}\n")
            self.console.file.flush()

    def show(self, renderable: RenderableType) -> None:
        """Print a table for people; machines get its content in an event."""
        if not self.machine:
            self.console.print(renderable)

    def copy(self, line: str) -> None:
        """Print a line of another program as it is."""
        if self.machine:
            self.say(line.rstrip("\n"))
        else:
            self.console.file.write(line)

    @contextmanager
    def step(self, title: str) -> Iterator[Tell]:
        """Show a step in progress and, if it succeeds, how long it took; yields a function to set its detail."""
        started = time.monotonic()
        latest = ""
        bar = self._bar() if self.live else None
        shown = bar.add_task(title, total=None, detail="") if bar else None

        def seconds() -> float:
            return round(time.monotonic() - started, 1)

        def tell(detail: str, done: float | None = None) -> None:
            nonlocal latest
            latest = detail
            if bar and shown is not None:
                total = None if done is None else 1.0
                bar.update(shown, detail=detail, completed=done, total=total)

        def beat() -> None:
            line = f"{title}: {latest or 'in progress'} ({seconds():.0f} s)"
            self.tell_event("step", line, step=title, state="RUNNING", detail=latest, seconds=seconds())

        if bar:
            with bar:
                yield tell
        else:
            self.tell_event("step", f"{title} ...", step=title, state="STARTED")
            with heartbeat(beat):
                yield tell
        line = f"{title}: {latest or 'done'} ({seconds():.1f} s)"
        self.tell_event("step", line, step=title, state="DONE", detail=latest, seconds=seconds())

    def _bar(self) -> Progress:
        return Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("{task.fields[detail]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
            console=self.console,
            transient=True,
            refresh_per_second=REFRESHES_PER_SECOND,
        )


@contextmanager
def heartbeat(beat: Callable[[], None]) -> Iterator[None]:
    """Call a function again and again in a thread, for as long as the context lasts."""
    ended = threading.Event()

    def run() -> None:
        try:
            while not ended.wait(HEARTBEAT_SECONDS):
                beat()
        except (OSError, ValueError):  # nobody reads the output any more; the command itself will notice
            return

    thread = threading.Thread(target=run, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
