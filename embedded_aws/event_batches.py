"""Collects the events of EventBridge for the EVENT triggers of workflows, until a batch is complete.

As on AWS, a batch is complete when it has the number of events of the trigger's batch condition, or when the window
that its first event opened has passed. A batch that finds the workflow at its maximum of concurrent runs stays, and is
tried again after another window. The batches are lost when the server ends.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from moto.glue.exceptions import ConcurrentRunsExceededException, GlueClientError
from moto.glue.models import FakeTrigger

log = logging.getLogger(__name__)

LONGEST_WINDOW: Final = 900
"""Seconds that AWS waits without a window in the condition."""

Fire = Callable[[FakeTrigger, dict[str, int]], None]
"""Starts the workflow of a trigger for a batch: the StartingEventBatchCondition structure of the run."""


@dataclass
class _Batch:
    timer: threading.Timer | None = None
    events: int = 0


class EventBatches:
    """The open batch of each trigger."""

    def __init__(self, fire: Fire, seconds_per_second: float = 1.0) -> None:
        """`seconds_per_second` shortens the windows in tests."""
        self._fire = fire
        self._scale = seconds_per_second
        self._lock = threading.Lock()
        self._batches: dict[str, _Batch] = {}

    def add(self, trigger: FakeTrigger) -> None:
        """Add an event to the batch of a trigger; a complete batch fires in a thread of its own."""
        with self._lock:
            batch = self._batches.setdefault(trigger.name, _Batch())
            batch.events += 1
            if batch.events == _size(trigger):
                self._wait(trigger, batch, 0)
            elif batch.timer is None:
                self._wait(trigger, batch, _window(trigger))

    def _wait(self, trigger: FakeTrigger, batch: _Batch, seconds: float) -> None:
        if batch.timer:
            batch.timer.cancel()
        batch.timer = threading.Timer(seconds * self._scale, self._complete, (trigger, batch))
        batch.timer.daemon = True
        batch.timer.start()

    def _complete(self, trigger: FakeTrigger, batch: _Batch) -> None:
        with self._lock:
            if self._batches.get(trigger.name) is not batch:  # the window passed while the last event came
                return
            del self._batches[trigger.name]
        try:
            self._fire(trigger, {"BatchSize": batch.events, "BatchWindow": _window(trigger)})
            log.info("%s fired for %d events", trigger.name, batch.events)
        except ConcurrentRunsExceededException:
            with self._lock:
                later = self._batches.setdefault(trigger.name, _Batch())
                later.events += batch.events
                self._wait(trigger, later, _window(trigger))
        except GlueClientError as error:  # it or its workflow is gone by now
            log.warning("%s did not fire: %s", trigger.name, error.message)


def _size(trigger: FakeTrigger) -> int:
    return int((trigger.event_batching_condition or {}).get("BatchSize", 1))


def _window(trigger: FakeTrigger) -> int:
    return int((trigger.event_batching_condition or {}).get("BatchWindow", LONGEST_WINDOW))
