"""One job as an operating system process: started, watched, ended, its output kept and its error found."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import IO, Final, Literal

import psutil

Stream = Literal["output", "error"]

GUARD: Final = Path(__file__).with_name("guard.py")
DRAIN_SECONDS: Final = 0.2
MAX_MESSAGE: Final = 2000
CUT: Final = "\n... (cut here; the log has the rest)"
LAST_LINES: Final = 6

# What a JVM writes beside the error itself: log lines as spark.LOG4J formats them, and frames of a stack trace.
_NOISE = re.compile(r"^(\d\d:\d\d:\d\d(\.\d+)? [A-Z]+ |\s+at [\w$.]+.*\(|\s*\.\.\. \d+ more|WARNING: |\[[\d.]+s\]\[)")
# What Spark logged of an exception: the script's own words, where there are any, come later and are clearer.
_JAVA = re.compile(r"^(Caused by: )?[a-z][\w.$]*\.[A-Z]\w*(Exception|Error)\b")
_TRACEBACK = "Traceback (most recent call last):"


@dataclass(frozen=True)
class LogLine:
    """A line that a job wrote, and when (epoch milliseconds)."""

    timestamp: int
    text: str


class JobProcess:
    """A command in a process group of its own, whose output goes to a file and is kept line by line."""

    def __init__(self, command: Sequence[str], cwd: Path, env: Mapping[str, str], log: Path) -> None:
        self.lines: dict[Stream, list[LogLine]] = {"output": [], "error": []}
        self._log = log.open("a", encoding="utf-8")
        self._log_lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARD), *command],
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.PIPE,  # the guard's lifeline: it ends when this process does
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        pipes = {"output": self._process.stdout, "error": self._process.stderr}
        self._pumps = [threading.Thread(target=self._pump, args=item, daemon=True) for item in pipes.items()]
        for pump in self._pumps:
            pump.start()

    def wait(self, timeout: float | None) -> int | None:
        """Return the exit code, or None when the command still runs after so many seconds."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        self._drain()
        return code

    def kill(self) -> None:
        """End every process of the group at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def finish(self, grace: float) -> bool:
        """Let what is left of the group end by itself within so many seconds, then kill it; True if it ended."""
        deadline = time.monotonic() + grace
        while self._group_lives():
            if time.monotonic() > deadline:
                self.kill()
                return False
            time.sleep(0.2)
        self._drain()
        return True

    def yield_to_others(self) -> None:
        """Let what is left of the group work only when nothing else wants to."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.setpriority(os.PRIO_PGRP, self._process.pid, 19)

    def _group_lives(self) -> bool:
        """Tell whether a process of the group still runs. A dead one may stay a zombie where init reaps no orphans."""
        self._process.poll()
        try:
            os.killpg(self._process.pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return any(self._runs_in_group(process) for process in psutil.process_iter())

    def _runs_in_group(self, process: psutil.Process) -> bool:
        try:
            return os.getpgid(process.pid) == self._process.pid and process.status() != psutil.STATUS_ZOMBIE
        except (ProcessLookupError, psutil.NoSuchProcess):
            return False

    def _drain(self) -> None:
        """Read what was written so far. No longer: a JVM that is shutting down holds the pipes open."""
        deadline = time.monotonic() + DRAIN_SECONDS
        for pump in self._pumps:
            pump.join(max(0.0, deadline - time.monotonic()))

    def _pump(self, stream: Stream, pipe: IO[bytes]) -> None:
        with pipe:
            for line in pipe:
                self._append(stream, line.decode(errors="replace").rstrip("\r\n"))

    def _append(self, stream: Stream, text: str) -> None:
        with self._log_lock:
            self.lines[stream].append(LogLine(time.time_ns() // 1_000_000, text))
            self._log.write(text + "\n")
            self._log.flush()


def error_message(stderr: Sequence[str], exit_code: int) -> str:
    """Return what a failed job said last: the exception of the last Python traceback, else its last words.

    JVM log lines and stack frames are left out, so that the one line that matters is not drowned in them. A message
    that is too long is cut at its end: its first line says what is wrong.
    """
    lines = [line.rstrip() for line in stderr]
    said = _exception(lines) or _last_words(lines)
    if not said:
        ending = f"was killed by signal {exit_code - 128}" if exit_code > 128 else f"exited with code {exit_code}"
        return f"The script {ending} and wrote no error."
    message = "\n".join(said)
    return message if len(message) <= MAX_MESSAGE else message[: MAX_MESSAGE - len(CUT)] + CUT


def _last_words(lines: list[str]) -> list[str]:
    """Return the last lines that the script wrote in one go; where there are none, the last exceptions of the JVM."""
    words = [line for line in lines if line]
    blocks = groupby(words, key=lambda line: bool(_NOISE.match(line) or _JAVA.match(line)))
    own = [list(block) for is_of_the_jvm, block in blocks if not is_of_the_jvm]
    return own[-1] if own else [line for line in words if not _NOISE.match(line)][-LAST_LINES:]


def _exception(lines: list[str]) -> list[str]:
    """Return the lines after the frames of the last traceback: exception, message, and the JVM's causes."""
    if _TRACEBACK not in lines:
        return []
    start = len(lines) - lines[::-1].index(_TRACEBACK)
    after_frames = next((i for i in range(start, len(lines)) if lines[i] and not lines[i][0].isspace()), len(lines))
    return [line for line in lines[after_frames:] if line and not _NOISE.match(line)]
