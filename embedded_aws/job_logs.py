"""The output of a job run in CloudWatch Logs, where it appears while the job runs, as on AWS."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from botocore.exceptions import ClientError

from embedded_aws.job_process import LogLine, Stream
from embedded_aws.job_run import JobRun

log = logging.getLogger(__name__)

SHIP_SECONDS: Final = 1.0
BATCH: Final = 5000


class LogShipper:
    """Writes the lines of a run to its two log streams; a role without that permission does not fail the run."""

    def __init__(self, logs: Any, run: JobRun, lines: Mapping[Stream, Sequence[LogLine]]) -> None:
        self._logs = logs
        self._run = run
        self._lines = lines
        self._shipped: dict[Stream, int] = {}
        self._refused = False
        self._next = 0.0

    def ship_if_due(self) -> None:
        """Write the new lines, at most once a second."""
        if time.monotonic() >= self._next:
            self.ship()
            self._next = time.monotonic() + SHIP_SECONDS

    def ship(self) -> None:
        """Write the new lines."""
        if self._refused:
            return
        try:
            for stream, lines in self._lines.items():
                self._ship(stream, lines[self._shipped.get(stream, 0) :])
        except ClientError as error:
            self._refused = True
            log.warning("%s: no CloudWatch logs: %s", self._run.id, error)

    def _ship(self, stream: Stream, lines: Sequence[LogLine]) -> None:
        group = f"{self._run.log_group}/{stream}"
        if stream not in self._shipped:
            _create(self._logs.create_log_group, self._logs, logGroupName=group)
            _create(self._logs.create_log_stream, self._logs, logGroupName=group, logStreamName=self._run.id)
            self._shipped[stream] = 0
        for start in range(0, len(lines), BATCH):
            batch = lines[start : start + BATCH]
            self._logs.put_log_events(
                logGroupName=group,
                logStreamName=self._run.id,
                logEvents=[{"timestamp": line.timestamp, "message": line.text or " "} for line in batch],
            )
            self._shipped[stream] += len(batch)


def _create(operation: Callable[..., Any], logs: Any, **arguments: str) -> None:
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        operation(**arguments)
