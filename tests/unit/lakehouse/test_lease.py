"""The lease: of two operations one gets it, what it expires by, how it is handed on."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest

from lakehouse import lease
from lakehouse.lease import KEY, Lease, LeaseError, Operation, for_job_run

BUCKET = "lake"
HELD: list[Lease] = []


@pytest.fixture(autouse=True)
def bucket(account: None) -> Iterator[None]:
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    yield
    for held in HELD:  # else they would go on renewing, in an account that is no longer played
        held._stop.set()


def lease_of(operation: str, owner: str = "ada@laptop", *, command: bool = False, **run: str) -> Lease:
    named = Operation(operation, owner, f"make {operation}", command=command, **run)
    HELD.append(Lease(boto3.client("s3"), FakeGlue(), BUCKET, named))
    return HELD[-1]


class FakeGlue:
    """Glue, which knows of some runs whether they have ended."""

    class exceptions:  # noqa: N801 as boto3 names it
        class EntityNotFoundException(Exception):  # noqa: N818
            pass

    def get_workflow_run(self, Name: str, RunId: str) -> Any:  # noqa: N803
        if RunId == "wr_unknown":
            raise self.exceptions.EntityNotFoundException
        run = {"Status": {"wr_running": "RUNNING", "wr_stopping": "STOPPING"}.get(RunId, "STOPPED")}
        if RunId.startswith("wr_by_arrival"):
            batch = {"BatchSize": 3, "BatchWindow": 60}
            run |= {"StartingEventBatchCondition": batch, "Statistics": {"SucceededActions": int(RunId[-1])}}
        return {"Run": run}

    def get_workflow_run_properties(self, Name: str, RunId: str) -> Any:  # noqa: N803
        return {"RunProperties": {lease.PROPERTY: "of the command"} if RunId == "wr_by_command" else {}}

    def get_job_run(self, JobName: str, RunId: str) -> Any:  # noqa: N803
        return {"JobRun": {"JobRunState": "RUNNING" if RunId == "jr_running" else "FAILED"}}


def stored() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(boto3.client("s3").get_object(Bucket=BUCKET, Key=KEY)["Body"].read())
    return content


def test_the_second_is_told_who_holds_it_since_when() -> None:
    first = lease_of("run-pipeline", command=True)
    first.take()
    with pytest.raises(LeaseError, match=r"make run-pipeline by ada@laptop has been running since \d{4}-.* UTC\. Wait"):
        lease_of("landing", "bob@desk").take()
    assert stored()["owner"] == "ada@laptop"
    first.release()
    lease_of("landing", "bob@desk").take()
    assert stored()["owner"] == "bob@desk"


def test_one_that_is_not_renewed_expires_by_the_clock_of_s3() -> None:
    lost = lease_of("run-pipeline", command=True)
    lost.take()
    found = lost.read()
    assert found
    assert timedelta(seconds=lease.DURATION - 5) < found.remaining <= timedelta(seconds=lease.DURATION + 1)

    body = json.dumps(stored() | {"seconds": -1}).encode()  # as if it had been written long ago
    boto3.client("s3").put_object(Bucket=BUCKET, Key=KEY, Body=body)
    lease_of("landing").take()
    assert stored()["purpose"] == "make landing"
    lost.release()  # which is no longer its own to release
    assert stored()["purpose"] == "make landing"
    assert stored()["seconds"] > 0


@pytest.mark.parametrize(
    ("holder", "free"),
    [
        ({"workflow": "flow", "run_id": "wr_running"}, False),
        ({"workflow": "flow", "run_id": "wr_stopping"}, False),
        ({"workflow": "flow", "run_id": "wr_stopped"}, True),
        ({"workflow": "flow", "run_id": "wr_unknown"}, True),
        ({"job": "a job", "run_id": "jr_running"}, False),
        ({"job": "a job", "run_id": "jr_failed"}, True),
    ],
)
def test_one_whose_run_has_ended_is_taken_over(holder: dict[str, str], free: bool) -> None:
    """However it ended: a job that is killed releases nothing."""
    lease_of("run-pipeline", **holder).take()
    if free:
        lease_of("landing").take()
    else:
        with pytest.raises(LeaseError, match=holder["run_id"]):
            lease_of("landing").take()


@pytest.mark.parametrize("run", [{}, {"job": "forget", "run_id": "jr_failed"}])
def test_one_with_a_command_behind_it_is_taken_over_when_that_is_known_to_be_gone(run: dict[str, str]) -> None:
    lease_of("forget", command=True, **run).take()
    with pytest.raises(LeaseError, match="make forget"):
        lease_of("landing").take()
    lease_of("landing").take(commands_are_gone=True)


def test_a_job_that_outlives_its_command_keeps_the_lease() -> None:
    lease_of("forget", command=True, job="forget", run_id="jr_running").take()
    with pytest.raises(LeaseError, match="jr_running"):
        lease_of("landing").take(commands_are_gone=True)


def test_it_is_renewed_until_it_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEWAL", 0.02)
    boto3.client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    own = lease_of("run-pipeline", command=True)
    own.take()
    wait_until(lambda: writes() > 3)
    own.check()

    body = json.dumps(stored() | {"id": "another", "purpose": "make forget"}).encode()
    boto3.client("s3").put_object(Bucket=BUCKET, Key=KEY, Body=body)
    wait_until(lambda: lost(own))
    with pytest.raises(LeaseError, match="make forget"):
        own.check()
    own.release()
    assert stored()["id"] == "another"


def test_a_run_takes_on_what_its_command_began_and_releases_it() -> None:
    command = lease_of("run-pipeline", command=True)
    command.take()
    command.hand_on(workflow="flow", run_id="wr_running")

    job = lease_of("run-pipeline", "a job", workflow="flow", run_id="wr_running")
    job.take()
    held = stored()
    assert (held["owner"], held["purpose"], held["run_id"]) == ("ada@laptop", "make run-pipeline", "wr_running")
    assert not held["command"]
    job.hand_on()
    with pytest.raises(LeaseError, match="workflow run wr_running"):
        lease_of("landing").take(commands_are_gone=True)

    last = lease_of("run-pipeline", "the last job", workflow="flow", run_id="wr_running")
    last.take()
    last.release()
    command.release()  # has nothing left to do
    lease_of("landing").take()


def test_a_bucket_that_goes_takes_its_lease_along(capsys: pytest.CaptureFixture[str]) -> None:
    own = lease_of("destroy")
    own.take()
    boto3.client("s3").delete_object(Bucket=BUCKET, Key=KEY)
    boto3.client("s3").delete_bucket(Bucket=BUCKET)
    own.release()
    assert capsys.readouterr().err == ""


def test_a_job_belongs_to_the_operation_that_started_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease.boto3, "client", lambda service: FakeGlue() if service == "glue" else None)

    def operation(**known: str) -> str:
        return for_job_run(BUCKET, **({"given": "", "job": "a", "job_run_id": "jr_1"} | known)).operation.id

    assert operation(workflow="flow", workflow_run_id="wr_by_command") == "of the command"
    assert operation(workflow="flow", workflow_run_id="wr_by_schedule") == "wr_by_schedule"
    assert operation() == operation(job_run_id="jr_1_attempt_2") == "jr_1"
    assert operation(given="of forget") == "of forget"


def test_a_run_by_arrival_waits_for_the_end_of_another_operation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lease, "POLL", 0.02)
    monkeypatch.setattr(lease, "_begun", set())
    landing = lease_of("landing", command=True)
    landing.take()
    run = job_of("wr_by_arrival_0")
    waiting = threading.Thread(target=run.take)
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    assert stored()["purpose"] == "make landing"
    landing.release()
    waiting.join(5)
    assert not waiting.is_alive()
    assert stored()["purpose"] == "The workflow flow"
    said = capsys.readouterr().out.splitlines()  # once, however often it has looked
    assert len(said) == 1
    assert said[0].startswith("Waiting for the lease: make landing by ada@laptop has been running since ")

    landing = lease_of("landing", command=True)
    run.release()
    landing.take()  # while the run, which has read the landing zone, still goes on
    refused(job_of("wr_by_arrival_0"))


@pytest.mark.parametrize("run_id", ["wr_by_schedule", "wr_by_command", "wr_by_arrival_1"])
def test_no_other_job_waits(run_id: str) -> None:
    """The second job of a run by arrival neither: what the first has read may have changed since."""
    lease_of("landing", command=True).take()
    refused(job_of(run_id))


def refused(job: Lease) -> None:
    assert not job._waits  # which would wait here for good
    with pytest.raises(LeaseError, match="make landing"):
        job.take()


def job_of(run_id: str) -> Lease:
    with pytest.MonkeyPatch.context() as patch:
        client = boto3.client
        patch.setattr(lease.boto3, "client", lambda service: FakeGlue() if service == "glue" else client(service))
        HELD.append(for_job_run(BUCKET, given="", job="a", job_run_id="jr_1", workflow="flow", workflow_run_id=run_id))
    return HELD[-1]


def writes() -> int:
    return len(boto3.client("s3").list_object_versions(Bucket=BUCKET, Prefix=KEY)["Versions"])


def lost(own: Lease) -> bool:
    try:
        own.check()
    except LeaseError:
        return True
    return False


def wait_until(condition: Any) -> None:
    for _ in range(500):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not happen within five seconds")
