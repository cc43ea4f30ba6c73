"""What the operator sees: live on a terminal, one line per change of state anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

PLAIN_WIDTH = 120  # of a CI log, where rich would take 80 and fold the tables


class Display:
    """The steps of a command on a console."""

    def __init__(self, console: Console | None = None) -> None:
        if console is None:
            console = Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)
        self.console = console

    def say(self, text: str) -> None:
        """Print a line as it is; long lines stay in one piece, so that paths can be copied."""
        self.console.print(text, markup=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Print a line that must not be overlooked."""
        self.console.print(f"WARNING: {text}", markup=False, soft_wrap=True, style="bold yellow")

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """Show a step under way and, when it ends well, how long it took; yields what tells its latest detail."""
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
