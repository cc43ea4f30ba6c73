"""Starting and following a workflow run."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from lakehouse.errors import WorkflowError
from lakehouse.lease import PROPERTY
from lakehouse.run_facts import RunFacts
from lakehouse.tables import TABLE_OF_JOB
from lakehouse.terraform import Outputs
from lakehouse.workflow import Workflow, WorkflowRun
from tests.support.operator_fakes import FakeGlue, moment

ALL = ["SUCCEEDED"] * len(TABLE_OF_JOB)


def throttled() -> ClientError:
    return ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, "GetWorkflowRun")


def followed(outputs: Outputs, *moments: object) -> tuple[WorkflowRun, list[WorkflowRun]]:
    changes: list[WorkflowRun] = []
    glue = FakeGlue(outputs, list(moments))
    return Workflow(glue, outputs, pause=0.001).follow("wr_1", changes.append), changes


def test_tells_each_change_once_and_in_the_order_of_the_chain(outputs: Outputs) -> None:
    run, changes = followed(
        outputs,
        moment(outputs, "RUNNING"),
        moment(outputs, "RUNNING", "RUNNING"),
        moment(outputs, "RUNNING", "RUNNING"),
        moment(outputs, "RUNNING", "SUCCEEDED", "RUNNING"),
        moment(outputs, "COMPLETED", *ALL),
    )
    assert [job.name for job in run.jobs] == list(TABLE_OF_JOB)
    assert [[job.state for job in change.jobs if job.id] for change in changes] == [
        [],
        ["RUNNING"],
        ["SUCCEEDED", "RUNNING"],
        ALL,
    ]
    assert run.succeeded
    assert run.seconds == 20
    assert {job.seconds for job in run.jobs} == {2.5}


@pytest.mark.parametrize(
    ("status", "states"),
    [
        ("COMPLETED", ["SUCCEEDED", "FAILED"]),
        ("COMPLETED", ["SUCCEEDED"] * 4),
        ("COMPLETED", ["SUCCEEDED"] * 4 + ["TIMEOUT"]),
        ("STOPPED", ALL),
        ("ERROR", ALL),
    ],
)
def test_only_a_completed_run_of_succeeded_jobs_has_succeeded(outputs: Outputs, status: str, states: list[str]) -> None:
    run, _ = followed(outputs, moment(outputs, status, *states))
    assert run.ended
    assert not run.succeeded
    assert [job.state for job in run.jobs] == states + ["NOT_STARTED"] * (5 - len(states))


def test_the_last_attempt_of_a_job_counts(outputs: Outputs) -> None:
    retried = moment(outputs, "COMPLETED", *ALL)
    runs = retried["Graph"]["Nodes"][1]["JobDetails"]["JobRuns"]
    runs.append({**runs[0], "Attempt": 1, "Id": "jr_second"})
    runs[0]["JobRunState"] = "FAILED"
    run, _ = followed(outputs, retried)
    assert run.succeeded
    assert run.jobs[1].id == "jr_second"


def test_goes_on_after_throttling_and_after_a_lost_connection(outputs: Outputs) -> None:
    lost = EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
    run, _ = followed(outputs, throttled(), lost, throttled(), moment(outputs, "COMPLETED", *ALL))
    assert run.succeeded


def test_gives_up_when_every_answer_fails(outputs: Outputs) -> None:
    with pytest.raises(WorkflowError, match=r"wr_1 .* can no longer be followed: .*Rate exceeded"):
        followed(outputs, throttled())


def test_gives_up_at_once_when_asking_again_cannot_help(outputs: Outputs) -> None:
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetWorkflowRun")
    with pytest.raises(WorkflowError, match="AccessDenied"):
        followed(outputs, denied, moment(outputs, "COMPLETED", *ALL))


def test_a_run_is_told_whose_lease_its_jobs_take_on(outputs: Outputs) -> None:
    glue = FakeGlue(outputs, [])
    assert Workflow(glue, outputs, pause=0).start("an operation", RunFacts(started_by="ada@laptop")) == "wr_1"
    assert glue.properties == [{PROPERTY: "an operation", "started_by": "ada@laptop"}]


def test_says_so_when_something_else_has_started_a_run(outputs: Outputs, monkeypatch: pytest.MonkeyPatch) -> None:
    glue = FakeGlue(outputs, [])

    def refuse(**_: object) -> None:
        raise glue.exceptions.ConcurrentRunsExceededException

    monkeypatch.setattr(glue, "start_workflow_run", refuse)
    with pytest.raises(WorkflowError, match="Another run of stedi-local-lakehouse is in progress"):
        Workflow(glue, outputs, pause=0).start("an operation", RunFacts())


def test_reads_the_deployed_profile_and_overrides(outputs: Outputs) -> None:
    glue = FakeGlue(outputs, [])
    workflow = Workflow(glue, outputs, pause=0)
    assert workflow.deployed_policies() == ("published", False)

    glue.arguments = {job: {"--profile": "strict"} for job in outputs.jobs.values()}
    assert workflow.deployed_policies() == ("strict", False)

    glue.arguments[outputs.jobs["machine_learning_curated"]]["--policies"] = '{"unmatched_steps": "keep"}'
    assert workflow.deployed_policies() == ("strict", True)

    glue.arguments[outputs.jobs["machine_learning_curated"]]["--profile"] = "published"
    with pytest.raises(WorkflowError, match=r"different profiles \(published, strict\)"):
        workflow.deployed_policies()
