"""Output for the operator: live on a terminal, one line per change elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

PLAIN_WIDTH = 120  # for CI logs, where rich would assume 80 and wrap the tables


class Display:
    """Prints the progress of a command to a console."""

    def __init__(self, console: Console | None = None) -> None:
        if console is None:
            console = Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)
        self.console = console

    def say(self, text: str) -> None:
        """Print a line without markup or wrapping, so that paths can be copied."""
        self.console.print(text, markup=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Print a warning."""
        self.console.print(f"WARNING: {text}", markup=False, soft_wrap=True, style="bold yellow")

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """Show a step in progress and, if it succeeds, how long it took; yields a function to set its detail."""
        started = time.monotonic()
        latest = ""

        def tell(detail: str) -> None:
            nonlocal latest
            latest = detail
            if status:
                status.update(f"{title}: {detail}")

        status = self.console.status(title) if self.console.is_terminal else None
        if status:
            with status:
                yield tell
        else:
            self.say(f"{title} ...")
            yield tell
        self.say(f"{title}: {latest or 'done'} ({time.monotonic() - started:.1f} s)")
