"""Measures the processes of a contestant: those that work in its folder, wherever in the process tree they are."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

import psutil

INTERVAL = 0.1  # seconds: the CPU time that a process uses after its last sample is lost
SETTLED = 1.0  # seconds after which a process has its working directory
GONE_SECONDS = 60.0
TAIL = 30


class ContestantFailedError(Exception):
    """A command of a contestant failed; the message has the end of its output."""


@dataclass(frozen=True)
class Usage:
    """What a set of processes used."""

    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    """Largest resident set that a single process ever had."""


@dataclass(frozen=True)
class _Sample:
    folder: Path
    cpu_seconds: float
    peak_bytes: int


class Watch:
    """Samples the processes below a folder while the context lasts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._samples: dict[tuple[int, float], _Sample] = {}
        self._others: set[tuple[int, float]] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def usage(self, below: str = "") -> Usage:
        """Return what the processes below a subfolder used so far."""
        self._sample_all()
        found = [each for each in self._samples.values() if each.folder.is_relative_to(self._folder / below)]
        return Usage(sum(each.cpu_seconds for each in found), max((each.peak_bytes for each in found), default=0))

    def wait_until_gone(self) -> None:
        """Wait until no process works below the folder: a JVM lives on for a moment after its script."""
        deadline = time.monotonic() + GONE_SECONDS
        while self._sample_all():
            if time.monotonic() > deadline:
                raise ContestantFailedError(f"A process still works in {self._folder} after {GONE_SECONDS:.0f} s.")
            time.sleep(INTERVAL)

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL):
            self._sample_all()

    def _sample_all(self) -> int:
        """Take a sample; return how many processes are alive."""
        alive = 0
        for process in psutil.process_iter():
            try:
                key = (process.pid, process.create_time())
                if key in self._others:
                    continue
                folder = Path(process.cwd())
                if not folder.is_relative_to(self._folder):
                    if time.time() - key[1] > SETTLED:
                        self._others.add(key)
                    continue
                used, before = process.cpu_times(), self._samples.get(key)
                peak = max(_peak_bytes(process), before.peak_bytes if before else 0)
                self._samples[key] = _Sample(folder, used.user + used.system, peak)
                alive += 1
            except (psutil.Error, OSError):
                continue
        return alive


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[float, float]:
    """Run a command in a folder; return its wall seconds, and the CPU seconds of it and the children it waited for.

    Raises a ContestantFailedError if it fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "output.log"
    with log.open("wb") as output:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.monotonic()
        done = subprocess.run(
            command, cwd=folder, env=dict(environment), stdout=output, stderr=subprocess.STDOUT, check=False
        )
        seconds = time.monotonic() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        lines = log.read_text(errors="replace").splitlines()[-TAIL:]
        raise ContestantFailedError("\n".join([f"{' '.join(command)} failed ({done.returncode}):", *lines]))
    return seconds, (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def at_least(usage: Usage, cpu_seconds: float) -> Usage:
    """Return a usage with at least these CPU seconds: samples miss the end of each process."""
    return replace(usage, cpu_seconds=max(usage.cpu_seconds, cpu_seconds))


def _peak_bytes(process: psutil.Process) -> int:
    """Return the largest resident set so far; without Linux's /proc, the present one."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return int(process.memory_info().rss)


def busy_share() -> float:
    """Return the share of the machine's processors that is busy now, over a second."""
    return psutil.cpu_percent(interval=1.0) / 100


def machine() -> dict[str, object]:
    """Describe the machine for the report."""
    return {"cores": os.cpu_count(), "memory_gib": round(psutil.virtual_memory().total / 1024**3)}
