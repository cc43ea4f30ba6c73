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
DEATH_SECONDS: Final = 5.0  # for what was killed to be gone
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
        reading, writing = os.pipe()
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARD), str(writing), *command],
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.PIPE,  # the guard's lifeline: it ends when this process does
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[writing],
            start_new_session=True,
        )
        os.close(writing)
        pipes = {"output": self._guard.stdout, "error": self._guard.stderr}
        self._pumps = [threading.Thread(target=self._pump, args=item, daemon=True) for item in pipes.items()]
        for pump in self._pumps:
            pump.start()
        self._code: int | None = None
        self._ended = threading.Event()
        report = os.fdopen(reading)
        self._group = int(report.readline() or 0)  # 0 if the guard could not even start the command
        self._group_lock = threading.Lock()
        threading.Thread(target=self._take_code, args=(report,), daemon=True).start()

    def wait(self, timeout: float | None) -> int | None:
        """Return the exit code, or None when the command still runs after so many seconds."""
        if not self._ended.wait(timeout):
            return None
        self._drain()
        return self._code

    def kill(self) -> None:
        """End every process of the group at once, also one that is stopped."""
        self._signal(signal.SIGKILL)

    def finish(self, grace: float) -> bool:
        """Let what is left of the group end by itself within so many seconds, then kill it; True if it ended."""
        ended = self._group_ends(grace)
        if not ended:
            self.kill()
            self._group_ends(DEATH_SECONDS)
        self._drain()
        self._dismiss_guard()
        return ended

    def yield_to_others(self) -> None:
        """Let what is left of the group work only when nothing else wants to."""
        with self._group_lock, contextlib.suppress(ProcessLookupError, PermissionError):
            if self._group:
                os.setpriority(os.PRIO_PGRP, self._group, 19)

    def _signal(self, number: int) -> bool:
        """Send a signal to the group; False if there is none to get it."""
        with self._group_lock, contextlib.suppress(ProcessLookupError, PermissionError):
            if self._group:
                os.killpg(self._group, number)
                return True
        return False

    def _take_code(self, report: IO[str]) -> None:
        """Wait for the exit code. A guard that was killed leaves none; then its command must not go on unguarded."""
        with report:
            code = report.readline()
        if not code:
            self.kill()
        self._code = int(code or 128 + signal.SIGKILL)
        self._ended.set()

    def _dismiss_guard(self) -> None:
        lifeline = self._guard.stdin
        with self._group_lock, contextlib.suppress(BrokenPipeError):
            self._group = 0  # from now on the id may become another group's
            if lifeline and not lifeline.closed:
                lifeline.write(b".")
                lifeline.close()
        try:
            self._guard.wait(DEATH_SECONDS)
        except subprocess.TimeoutExpired:
            self._guard.kill()  # it was stopped
            self._guard.wait()

    def _group_ends(self, seconds: float) -> bool:
        """Wait for the group to end; False if it has not within so many seconds."""
        deadline = time.monotonic() + seconds
        while self._group_lives():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True

    def _group_lives(self) -> bool:
        """Tell whether a process of the group still runs. A dead one may stay a zombie where init reaps no orphans."""
        return self._signal(0) and any(self._runs_in_group(process) for process in psutil.process_iter())

    def _runs_in_group(self, process: psutil.Process) -> bool:
        try:
            return os.getpgid(process.pid) == self._group and process.status() != psutil.STATUS_ZOMBIE
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
