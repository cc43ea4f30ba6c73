"""Events collect in batches: complete by number or by time, kept while the workflow is busy."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from moto.glue.exceptions import ConcurrentRunsExceededException, EntityNotFoundException
from moto.glue.models import FakeTrigger

from embedded_aws.event_batches import EventBatches

NEVER = 900
AT_ONCE = 0.02
SOON = 60


def trigger(size: int | None = None, window: float | None = None) -> FakeTrigger:
    return FakeTrigger(
        backend=SimpleNamespace(region_name="us-east-1", account_id="1", tag_resource=lambda *_: None),  # type: ignore[arg-type]
        name="start",
        workflow_name="w",
        trigger_type="EVENT",
        schedule="",
        predicate=None,
        actions=[],
        description="",
        start_on_creation=False,
        tags={},
        event_batching_condition={"BatchSize": size, "BatchWindow": window} if size else {},
    )


class Workflow:
    """Records the batches that start it; the first ones meet these errors."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.batches: list[int] = []
        self.fired = threading.Semaphore(0)

    def start(self, _trigger: FakeTrigger, batch: dict[str, int]) -> None:
        if self.errors:
            error = self.errors.pop(0)
            self.fired.release()
            raise error
        self.batches.append(batch["BatchSize"])
        self.fired.release()

    def wait(self, seconds: float = 5) -> bool:
        return self.fired.acquire(timeout=seconds)


def collect(workflow: Workflow, own: FakeTrigger, events: int) -> EventBatches:
    batches = EventBatches(workflow.start)
    for _ in range(events):
        batches.add(own)
    return batches


def test_a_number_of_events_completes_a_batch_at_once() -> None:
    workflow = Workflow()
    batches = collect(workflow, trigger(3, NEVER), 3)
    assert workflow.wait()
    batches.add(trigger(3, NEVER))  # which opens the next batch
    assert not workflow.wait(0.05)
    assert workflow.batches == [3]


def test_the_window_completes_a_smaller_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    windows: list[threading.Timer] = []

    def start(timer: threading.Timer) -> None:
        windows.append(timer)  # which the test lets pass

    monkeypatch.setattr(threading.Timer, "start", start)
    workflow = Workflow()
    collect(workflow, trigger(100, SOON), 2)
    (window,) = windows
    assert window.interval == SOON
    window.function(*window.args)
    assert workflow.batches == [2]


def test_the_window_opens_with_the_first_event() -> None:
    workflow = Workflow()
    batches = EventBatches(workflow.start)
    assert not workflow.wait(0.05)
    batches.add(trigger(100, AT_ONCE))
    assert workflow.wait()


def test_a_trigger_without_a_condition_fires_for_each_event() -> None:
    workflow = Workflow()
    collect(workflow, trigger(), 1)
    assert workflow.wait()
    assert workflow.batches == [1]


def test_a_batch_that_meets_too_many_runs_is_kept_with_what_comes_later() -> None:
    workflow = Workflow(ConcurrentRunsExceededException("two runs"))
    batches = collect(workflow, trigger(2, 3), 2)
    assert workflow.wait()
    batches.add(trigger(3, 3))  # at once or, if it comes before the others are back, after the window
    assert workflow.wait(10)
    assert workflow.batches == [3]


def test_a_workflow_that_is_gone_loses_its_batch(caplog: pytest.LogCaptureFixture) -> None:
    workflow = Workflow(EntityNotFoundException("Workflow w not found."))
    collect(workflow, trigger(1, AT_ONCE), 1)
    assert workflow.wait()
    assert not workflow.wait(0.1)
    assert "start did not fire: Workflow w not found." in caplog.text


def test_triggers_have_batches_of_their_own() -> None:
    workflow, other = Workflow(), trigger(2, NEVER)
    other.name = "other"
    batches: Any = collect(workflow, trigger(2, NEVER), 1)
    batches.add(other)
    assert not workflow.wait(0.05)
