"""The lease: of two operations one gets it, what it expires by, how it is handed on."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from lakehouse import lease
from lakehouse.lease import KEY, Lease, LeaseError, Operation, of_job_run

BUCKET = "lake"


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in (("ACCESS_KEY_ID", "k"), ("SECRET_ACCESS_KEY", "s"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield


def lease_of(operation: str, owner: str = "ada@laptop", **run: str) -> Lease:
    return Lease(boto3.client("s3"), BUCKET, Operation(operation, owner, f"make {operation}", **run))


def stored() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(boto3.client("s3").get_object(Bucket=BUCKET, Key=KEY)["Body"].read())
    return content


def test_the_second_is_told_who_holds_it_since_when() -> None:
    first = lease_of("run-pipeline")
    first.take()
    with pytest.raises(LeaseError, match=r"make run-pipeline by ada@laptop is under way since \d{4}-.* UTC\. Wait"):
        lease_of("landing", "bob@desk").take()
    assert stored()["owner"] == "ada@laptop"
    first.release()
    lease_of("landing", "bob@desk").take()
    assert stored()["owner"] == "bob@desk"


def test_one_that_is_not_renewed_expires_by_the_clock_of_s3() -> None:
    lost = lease_of("run-pipeline")
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


def test_one_whose_operation_is_known_to_have_ended_is_taken_over() -> None:
    lease_of("run-pipeline", workflow="flow", run_id="wr_1").take()
    with pytest.raises(LeaseError, match="stop-workflow-run --name flow --run-id wr_1"):
        lease_of("landing").take(lambda operation: operation.run_id == "wr_2")
    lease_of("landing").take(lambda operation: operation.run_id == "wr_1")


def test_it_is_renewed_until_it_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEWAL", 0.02)
    boto3.client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    own = lease_of("run-pipeline")
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
    command = lease_of("run-pipeline")
    command.take()
    command.hand_on(workflow="flow", run_id="wr_1")

    job = lease_of("run-pipeline", "a job", workflow="flow", run_id="wr_1")
    job.take()
    assert (stored()["owner"], stored()["purpose"], stored()["run_id"]) == ("ada@laptop", "make run-pipeline", "wr_1")
    job.hand_on()
    with pytest.raises(LeaseError, match="workflow run wr_1"):
        lease_of("landing").take()

    last = lease_of("run-pipeline", "the last job", workflow="flow", run_id="wr_1")
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


def test_a_job_belongs_to_the_operation_that_started_it() -> None:
    glue = boto3.client("glue")
    glue.create_workflow(Name="flow")
    by_command = glue.start_workflow_run(Name="flow", RunProperties={lease.PROPERTY: "of the command"})["RunId"]
    by_schedule = glue.start_workflow_run(Name="flow")["RunId"]

    def operation(**known: str) -> str:
        return of_job_run(BUCKET, **({"given": "", "job": "a", "job_run_id": "jr_1"} | known)).operation.id

    assert operation(workflow="flow", workflow_run_id=by_command) == "of the command"
    assert operation(workflow="flow", workflow_run_id=by_schedule) == by_schedule
    assert operation() == operation(job_run_id="jr_1_attempt_2") == "jr_1"
    assert operation(given="of forget") == "of forget"


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
