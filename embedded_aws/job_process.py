"""Runs a job's script as a process group: starts, watches and ends it, keeps its output, extracts its error."""

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
DEATH_SECONDS: Final = 5.0  # until killed processes must be gone
MAX_MESSAGE: Final = 2000
CUT: Final = "\n... (cut here; the log has the rest)"
LAST_LINES: Final = 6

# What a JVM writes besides the error: log lines in the format of spark.LOG4J, and frames of a stack trace.
_NOISE = re.compile(r"^(\d\d:\d\d:\d\d(\.\d+)? [A-Z]+ |\s+at [\w$.]+.*\(|\s*\.\.\. \d+ more|WARNING: |\[[\d.]+s\]\[)")
# An exception that Spark logged. A message of the script itself comes later and is clearer.
_JAVA = re.compile(r"^(Caused by: )?[a-z][\w.$]*\.[A-Z]\w*(Exception|Error)\b")
_FRAME = re.compile(r'  File "([^"]+)", line (\d+)')
_TRACEBACK = "Traceback (most recent call last):"


@dataclass(frozen=True)
class LogLine:
    """A line of output, with its time in epoch milliseconds."""

    timestamp: int
    text: str


class JobProcess:
    """A command in its own process group. Its output goes to a file and is kept line by line."""

    def __init__(self, command: Sequence[str], cwd: Path, env: Mapping[str, str], log: Path) -> None:
        self.lines: dict[Stream, list[LogLine]] = {"output": [], "error": []}
        self._log = log.open("a", encoding="utf-8")
        self._log_lock = threading.Lock()
        reading, writing = os.pipe()
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARD), str(writing), *command],
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.PIPE,  # the guard's lifeline, which closes when this process ends
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
        self._group = int(report.readline() or 0)  # 0 if the guard could not start the command
        self._group_lock = threading.Lock()
        threading.Thread(target=self._take_code, args=(report,), daemon=True).start()

    def wait(self, timeout: float | None) -> int | None:
        """Return the exit code, or None if the command is still running after this many seconds."""
        if not self._ended.wait(timeout):
            return None
        self._drain()
        return self._code

    def kill(self) -> None:
        """Kill every process of the group, including stopped ones."""
        self._signal(signal.SIGKILL)

    def finish(self, grace: float) -> bool:
        """Give the group this many seconds to end, then kill it; return True if it ended by itself."""
        ended = self._group_ends(grace)
        if not ended:
            self.kill()
            self._group_ends(DEATH_SECONDS)
        self._drain()
        self._dismiss_guard()
        return ended

    def yield_to_others(self) -> None:
        """Give the rest of the group the lowest CPU priority."""
        with self._group_lock, contextlib.suppress(ProcessLookupError, PermissionError):
            if self._group:
                os.setpriority(os.PRIO_PGRP, self._group, 19)

    def _signal(self, number: int) -> bool:
        """Send a signal to the group; return False if the group is gone."""
        with self._group_lock, contextlib.suppress(ProcessLookupError, PermissionError):
            if self._group:
                os.killpg(self._group, number)
                return True
        return False

    def _take_code(self, report: IO[str]) -> None:
        """Wait for the exit code. A killed guard reports none; its command is killed too, as it would run unguarded."""
        with report:
            code = report.readline()
        if not code:
            self.kill()
        self._code = int(code or 128 + signal.SIGKILL)
        self._ended.set()

    def _dismiss_guard(self) -> None:
        lifeline = self._guard.stdin
        with self._group_lock, contextlib.suppress(BrokenPipeError):
            self._group = 0  # from here on another group may get the id
            if lifeline and not lifeline.closed:
                lifeline.write(b".")
                lifeline.close()
        try:
            self._guard.wait(DEATH_SECONDS)
        except subprocess.TimeoutExpired:
            self._guard.kill()  # it was stopped
            self._guard.wait()

    def _group_ends(self, seconds: float) -> bool:
        """Wait for the group to end; return False if it is still alive after this many seconds."""
        deadline = time.monotonic() + seconds
        while self._group_lives():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True

    def _group_lives(self) -> bool:
        """Tell whether a process of the group is alive. A zombie is not: where init reaps no orphans, zombies stay."""
        return self._signal(0) and any(self._runs_in_group(process) for process in psutil.process_iter())

    def _runs_in_group(self, process: psutil.Process) -> bool:
        try:
            return os.getpgid(process.pid) == self._group and process.status() != psutil.STATUS_ZOMBIE
        except (ProcessLookupError, psutil.NoSuchProcess):
            return False

    def _drain(self) -> None:
        """Read the output so far, without waiting for its end: a JVM in shutdown keeps the pipes open."""
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


def error_message(stderr: Sequence[str], exit_code: int, folder: Path | None = None) -> str:
    """Return the error of a failed job: the exception of the last Python traceback, else its last output.

    JVM log lines and stack frames are omitted, so that they do not bury the one line that matters. A long message is
    cut at its end, since its first line names the problem. Behind the exception stands the line that raised it of a
    file in `folder`, as Glue gives the failed line number.
    """
    lines = [line.rstrip() for line in stderr]
    found = _exception(lines) or _last_output(lines)
    if not found:
        ending = f"was killed by signal {exit_code - 128}" if exit_code > 128 else f"exited with code {exit_code}"
        return f"The script {ending} and wrote no error."
    message = "\n".join([*found, *_raised_at(lines, folder)])
    return message if len(message) <= MAX_MESSAGE else message[: MAX_MESSAGE - len(CUT)] + CUT


def _last_output(lines: list[str]) -> list[str]:
    """Return the last block of lines that the script itself wrote, or else the last exceptions of the JVM."""
    written = [line for line in lines if line]
    blocks = groupby(written, key=lambda line: bool(_NOISE.match(line) or _JAVA.match(line)))
    own = [list(block) for is_of_the_jvm, block in blocks if not is_of_the_jvm]
    return own[-1] if own else [line for line in written if not _NOISE.match(line)][-LAST_LINES:]


def _exception(lines: list[str]) -> list[str]:
    """Return the lines after the frames of the last traceback: exception, message and the JVM's causes."""
    if _TRACEBACK not in lines:
        return []
    start = _last_traceback(lines)
    after_frames = next((i for i in range(start, len(lines)) if lines[i] and not lines[i][0].isspace()), len(lines))
    return [line for line in lines[after_frames:] if line and not _NOISE.match(line)]


def _raised_at(lines: list[str], folder: Path | None) -> list[str]:
    """Return the last frame of the last traceback that is in a file of the folder."""
    if folder is None or _TRACEBACK not in lines:
        return []
    frames = [match for line in lines[_last_traceback(lines) :] if (match := _FRAME.match(line))]
    own = [frame for frame in frames if Path(frame[1]).parent == folder or frame[1] == Path(frame[1]).name]
    return [f"{Path(own[-1][1]).name}, line {own[-1][2]}"] if own else []


def _last_traceback(lines: list[str]) -> int:
    """Return the position behind the heading of the last traceback."""
    return len(lines) - lines[::-1].index(_TRACEBACK)
