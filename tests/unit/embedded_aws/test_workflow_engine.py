from __future__ import annotations

from collections import OrderedDict
from types import SimpleNamespace
from typing import Any

import pytest
from moto.core.exceptions import JsonRESTError
from moto.glue.models import FakeTrigger, FakeWorkflow
from moto.glue.utils import Action, Predicate

from embedded_aws.job_run import JobRun, JobSpec
from embedded_aws.workflow_engine import WorkflowEngine, WorkflowRun, due, find_run, graph, satisfied


def predicate(*conditions: tuple[str, str], logical: str = "AND") -> dict[str, Any]:
    listed = [{"LogicalOperator": "EQUALS", "JobName": name, "State": state} for name, state in conditions]
    return {"Logical": logical, "Conditions": listed}


def trigger(
    name: str, *jobs: str, when: dict[str, Any] | None = None, active: bool = True, **action: Any
) -> FakeTrigger:
    return FakeTrigger(
        backend=SimpleNamespace(region_name="us-east-1", account_id="1", tag_resource=lambda *_: None),  # type: ignore[arg-type]
        name=name,
        workflow_name="w",
        trigger_type="CONDITIONAL" if when else "ON_DEMAND",
        schedule="",
        predicate=Predicate(when) if when else None,
        actions=[Action({"JobName": job} | action) for job in jobs],
        description="",
        start_on_creation=active,
        tags={},
        event_batching_condition={},
    )


class Jobs:
    """A fake job runtime: the test ends the runs."""

    def __init__(self) -> None:
        self.workflow = FakeWorkflow("w", {"a": "default", "b": "default"}, None, None, None)
        self.engine = WorkflowEngine(self.start, lambda run: run.move_to("STOPPING"))
        self.started: list[str] = []

    def start(self, action: Action, _trigger: FakeTrigger, _run: WorkflowRun) -> JobRun:
        self.started.append(str(action.job_name))
        return JobRun(JobSpec(str(action.job_name), "role", "script"), {})

    def run(self, *triggers: FakeTrigger) -> WorkflowRun:
        run_id = self.engine.start(self.workflow, triggers, None)
        return find_run(self.workflow, run_id)

    def end(self, run: WorkflowRun, job: str, state: str) -> None:
        run.latest()[job].move_to(state)
        self.engine.advance(run)


@pytest.fixture
def jobs() -> Jobs:
    return Jobs()


CHAIN = [
    trigger("start", "a", active=False),
    trigger("after-a", "b", when=predicate(("a", "SUCCEEDED"))),
    trigger("after-b", "c", when=predicate(("b", "SUCCEEDED"))),
]


@pytest.mark.parametrize(
    ("logical", "states", "expected"),
    [
        ("AND", {}, False),
        ("AND", {"a": "SUCCEEDED"}, False),
        ("AND", {"a": "SUCCEEDED", "b": "FAILED"}, True),
        ("AND", {"a": "SUCCEEDED", "b": "SUCCEEDED"}, False),
        ("ANY", {}, False),
        ("ANY", {"a": "SUCCEEDED"}, True),
        ("ANY", {"b": "FAILED"}, True),
        ("ANY", {"a": "FAILED", "b": "SUCCEEDED"}, False),
    ],
)
def test_predicate(logical: str, states: dict[str, str], expected: bool) -> None:
    assert satisfied(Predicate(predicate(("a", "SUCCEEDED"), ("b", "FAILED"), logical=logical)), states) is expected


def test_due_are_only_activated_triggers_that_have_not_fired() -> None:
    when = predicate(("a", "SUCCEEDED"))
    triggers = [
        trigger("t1", "b", when=when),
        trigger("t2", "b", when=when, active=False),
        trigger("t3", "b", when=when),
    ]
    assert [t.name for t in due(triggers, {"a": "SUCCEEDED"}, fired={"t3"})] == ["t1"]


def test_chain_runs_in_order_and_completes(jobs: Jobs) -> None:
    run = jobs.run(*CHAIN)
    assert jobs.started == ["a"]
    jobs.end(run, "a", "SUCCEEDED")
    jobs.end(run, "b", "SUCCEEDED")
    assert run.status == "RUNNING"
    jobs.end(run, "c", "SUCCEEDED")
    assert jobs.started == ["a", "b", "c"]
    assert run.status == "COMPLETED"
    assert run.completed_on
    assert run.statistics()["SucceededActions"] == run.statistics()["TotalActions"] == 3


def test_a_failed_job_stops_the_chain_and_the_run_is_completed(jobs: Jobs) -> None:
    run = jobs.run(*CHAIN)
    jobs.end(run, "a", "SUCCEEDED")
    jobs.end(run, "b", "FAILED")
    assert jobs.started == ["a", "b"]
    assert run.status == "COMPLETED"
    expected = {"TotalActions": 3, "SucceededActions": 1, "FailedActions": 1, "RunningActions": 0}
    assert run.statistics().items() >= expected.items()


def test_a_trigger_may_wait_for_a_failure_or_a_timeout(jobs: Jobs) -> None:
    when = predicate(("a", "FAILED"), ("a", "TIMEOUT"), logical="ANY")
    run = jobs.run(trigger("start", "a"), trigger("alarm", "notify", when=when))
    jobs.end(run, "a", "TIMEOUT")
    assert jobs.started == ["a", "notify"]


def test_fan_out_and_fan_in(jobs: Jobs) -> None:
    join = predicate(("a", "SUCCEEDED"), ("b", "SUCCEEDED"))
    run = jobs.run(trigger("start", "a", "b"), trigger("join", "c", "d", when=join))
    assert jobs.started == ["a", "b"]
    jobs.end(run, "b", "SUCCEEDED")
    assert jobs.started == ["a", "b"]
    jobs.end(run, "a", "SUCCEEDED")
    assert jobs.started == ["a", "b", "c", "d"]


def test_any_fires_once(jobs: Jobs) -> None:
    either = predicate(("a", "SUCCEEDED"), ("b", "SUCCEEDED"), logical="ANY")
    run = jobs.run(trigger("start", "a", "b"), trigger("either", "c", when=either))
    jobs.end(run, "a", "SUCCEEDED")
    jobs.end(run, "b", "SUCCEEDED")
    assert jobs.started == ["a", "b", "c"]


def test_stop_ends_running_jobs_and_fires_no_more_triggers(jobs: Jobs) -> None:
    run = jobs.run(*CHAIN)
    jobs.engine.stop(run)
    assert (run.status, run.latest()["a"].state) == ("STOPPING", "STOPPING")
    jobs.end(run, "a", "SUCCEEDED")  # it may end before the stop takes effect
    assert jobs.started == ["a"]
    assert run.status == "STOPPED"
    with pytest.raises(JsonRESTError, match="STOPPED"):
        jobs.engine.stop(run)


def test_more_runs_than_allowed_are_refused(jobs: Jobs) -> None:
    jobs.workflow.max_concurrent_runs = 1
    run = jobs.run(*CHAIN)
    with pytest.raises(JsonRESTError) as refusal:
        jobs.run(*CHAIN)
    assert refusal.value.error_type == "ConcurrentRunsExceededException"
    jobs.end(run, "a", "FAILED")
    assert jobs.run(*CHAIN).previous_run_id == run.run_id


def test_a_job_that_cannot_start_is_an_errored_action(jobs: Jobs) -> None:
    def refuse(action: Action, _trigger: FakeTrigger, _run: WorkflowRun) -> JobRun:
        failed = JobRun(JobSpec(str(action.job_name), "", ""), {})
        failed.move_to("ERROR", "Concurrent runs exceeded for a")
        return failed

    engine = WorkflowEngine(refuse, lambda _: None)
    run = find_run(jobs.workflow, engine.start(jobs.workflow, CHAIN, None))
    assert run.status == "COMPLETED"
    assert run.statistics()["ErroredActions"] == 1


def test_run_properties_override_the_defaults(jobs: Jobs) -> None:
    run_id = jobs.engine.start(jobs.workflow, CHAIN, {"b": "own"})
    assert find_run(jobs.workflow, run_id).properties == {"a": "default", "b": "own"}


def test_a_run_says_which_events_started_it(jobs: Jobs) -> None:
    batch = {"BatchSize": 3, "BatchWindow": 60}
    run_id = jobs.engine.start(jobs.workflow, CHAIN, None, batch)
    assert find_run(jobs.workflow, run_id).as_dict()["StartingEventBatchCondition"] == batch
    jobs.workflow.max_concurrent_runs = None
    assert "StartingEventBatchCondition" not in jobs.run(*CHAIN).as_dict()


@pytest.mark.parametrize("triggers", [[], CHAIN[1:]])
def test_a_workflow_without_a_start_trigger_is_refused(jobs: Jobs, triggers: list[FakeTrigger]) -> None:
    with pytest.raises(JsonRESTError, match="no start trigger"):
        jobs.run(*triggers)


def test_retries_count_as_one_action(jobs: Jobs) -> None:
    run = jobs.run(*CHAIN)
    first = run.latest()["a"]
    first.move_to("FAILED")
    again = first.next_attempt()
    jobs.engine.started(run, again)
    assert again.id == f"{first.id}_attempt_1"
    assert again.next_attempt().id == f"{first.id}_attempt_2"
    assert run.status == "RUNNING"
    assert run.statistics()["FailedActions"] == 0
    jobs.end(run, "a", "SUCCEEDED")
    assert jobs.started == ["a", "b"]


def test_graph_connects_triggers_and_jobs() -> None:
    run = JobRun(JobSpec("a", "role", "script"), {})
    drawn = graph(CHAIN[:2], [run])
    assert {(node["Type"], node["Name"]) for node in drawn["Nodes"]} == {
        ("TRIGGER", "start"),
        ("JOB", "a"),
        ("TRIGGER", "after-a"),
        ("JOB", "b"),
    }
    assert [(edge["SourceId"], edge["DestinationId"]) for edge in drawn["Edges"]] == [
        ("trigger/start", "job/a"),
        ("job/a", "trigger/after-a"),
        ("trigger/after-a", "job/b"),
    ]
    job_runs = {node["Name"]: node["JobDetails"]["JobRuns"] for node in drawn["Nodes"] if node["Type"] == "JOB"}
    assert [shown["Id"] for shown in job_runs["a"]] == [run.id]
    assert job_runs["b"] == []


def test_an_unknown_run_is_glues_error() -> None:
    workflow = FakeWorkflow("w", None, None, None, None)
    assert workflow.runs == OrderedDict()
    with pytest.raises(JsonRESTError) as refusal:
        find_run(workflow, "wr_nowhere")
    assert refusal.value.error_type == "EntityNotFoundException"
