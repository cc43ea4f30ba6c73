"""The operator's side of forgetting a person: the request, the runs of the job, the report."""

# ruff: noqa: N803 (the arguments' names in Glue)
from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from lakehouse.errors import LakehouseError
from lakehouse.forgetting import Forgetting, address, summary
from lakehouse.terraform import Outputs

EMAIL = "ann@x.org"
COUNTS = {"rows": 1, "objects_rewritten": 1, "objects_deleted": 0, "versions": 0}
REPORT = {
    "request": "r",
    "dry_run": False,
    "erased": {
        "found": True,
        "landing": {"customer_landing": COUNTS},
        "quarantine": COUNTS,
        "query_results": {"objects_deleted": 2, "versions": 0},
        "tables": {"customer_trusted": {"rows": 3, "snapshots": 1}},
        "kept_because_shared": {"serial number": 1},
        "refusals_kept": ["a" * 64],
    },
    "verification": {"objects": 10, "bytes": 2000, "findings": 0},
}


class ForgettingGlue:
    """Glue with the job that forgets; each of its runs leaves what the given function leaves."""

    class exceptions:  # noqa: N801 as boto3 names it
        class ConcurrentRunsExceededException(Exception):  # noqa: N818
            pass

    def __init__(self, *outcomes: Any) -> None:
        self.outcomes = list(outcomes)
        self.started: list[dict[str, str]] = []

    def start_job_run(self, JobName: str, Arguments: dict[str, str]) -> Any:
        self.started.append(Arguments)
        return {"JobRunId": f"jr_{len(self.started)}"}

    def get_job_run(self, JobName: str, RunId: str) -> Any:
        outcome = self.outcomes.pop(0)
        if callable(outcome):
            outcome()
            outcome = {"JobRunState": "SUCCEEDED", "CompletedOn": 1}
        return {"JobRun": outcome}


@pytest.fixture
def s3(outputs: Outputs, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=outputs.bucket)
        yield client


def forgetting(outputs: Outputs, s3: Any, *outcomes: Any) -> tuple[Forgetting, ForgettingGlue]:
    glue = ForgettingGlue(*outcomes)
    return Forgetting(glue, s3, outputs, 0.001, "an operation"), glue  # type: ignore[arg-type]


def test_the_address_stands_in_the_request_and_in_no_argument(outputs: Outputs, s3: Any) -> None:
    def leave_report() -> None:
        body = json.dumps(REPORT).encode()
        s3.put_object(Bucket=outputs.bucket, Key=f"forget/reports/{request}.json", Body=body)

    running = {"JobRunState": "RUNNING"}
    client, glue = forgetting(outputs, s3, running, running, lambda: None, running, leave_report)
    request, resumed = client.request(EMAIL)
    seen: list[str] = []
    report = client.run(request, dry_run=False, on_change=lambda run: seen.append(run.state))
    assert report == REPORT
    assert not resumed
    assert glue.started == [{"--request": request, "--dry_run": "false", "--lease": "an operation"}] * 2
    assert seen == ["RUNNING", "SUCCEEDED"] * 2
    stored = s3.get_object(Bucket=outputs.bucket, Key=f"forget/requests/{request}.json")["Body"].read()
    assert json.loads(stored) == {"email": EMAIL}


def test_a_request_that_was_never_finished_is_taken_up_again(outputs: Outputs, s3: Any) -> None:
    client, _ = forgetting(outputs, s3)
    client.request("bob@x.org")
    first, _ = client.request(EMAIL)
    assert client.request(EMAIL) == (first, True)
    assert client.request(EMAIL, "another") == (first, True)


def test_a_request_that_a_look_has_deleted_is_made_again_under_its_id(outputs: Outputs, s3: Any) -> None:
    client, _ = forgetting(outputs, s3)
    first, _ = client.request(EMAIL)
    s3.delete_object(Bucket=outputs.bucket, Key=f"forget/requests/{first}.json")
    assert client.request(EMAIL, first) == (first, False)
    assert client.request(EMAIL) == (first, True)


def test_the_report_of_an_earlier_look_is_not_taken_for_that_of_the_request(outputs: Outputs, s3: Any) -> None:
    def leave(report: dict[str, Any]) -> None:
        s3.put_object(Bucket=outputs.bucket, Key="forget/reports/r.json", Body=json.dumps(report).encode())

    leave(REPORT | {"dry_run": True})
    client, glue = forgetting(outputs, s3, lambda: None, lambda: leave(REPORT))
    assert client.run("r", dry_run=False, on_change=lambda _: None) == REPORT
    assert len(glue.started) == 2


def test_a_failed_run_ends_it_with_the_message_of_the_job(outputs: Outputs, s3: Any) -> None:
    failed = {"JobRunState": "FAILED", "CompletedOn": 1, "ErrorMessage": "forget: still there"}
    client, glue = forgetting(outputs, s3, failed)
    with pytest.raises(LakehouseError, match=r"(?s)FAILED: forget: still there.*takes it up again"):
        client.run("r", dry_run=True, on_change=lambda _: None)
    assert glue.started == [{"--request": "r", "--dry_run": "true", "--lease": "an operation"}]


def test_runs_without_a_report_are_an_error(outputs: Outputs, s3: Any) -> None:
    client, _ = forgetting(outputs, s3, lambda: None, lambda: None)
    with pytest.raises(LakehouseError, match="left no report after 2 runs"):
        client.run("r", dry_run=False, on_change=lambda _: None)


@pytest.mark.parametrize("text", ["", "ann", "ann@x", "@x.org", "ann@b@x.org", "ann lee@x.org", "ann@x.org, bob@x.org"])
def test_a_malformed_address_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(LakehouseError) as refused:
        address(text)
    assert str(refused.value).startswith("EMAIL is not an e-mail address;")
    assert not text or text not in str(refused.value)


def test_an_address_is_compared_without_letter_case_and_white_space() -> None:
    assert address(" Ann@X.org\n") == EMAIL
    assert address("O'Brien$x@X.org") == "o'brien$x@x.org"


def test_summary_says_what_went_and_what_stays() -> None:
    lines = summary(REPORT)
    assert lines[0] == "Erased 5 records of this person:"
    assert [line.split() for line in lines[1:5]] == [
        ["1", "lines", "of", "customer_landing"],
        ["1", "lines", "of", "quarantine"],
        ["3", "rows", "of", "customer_trusted"],
        ["2", "query", "results"],
    ]
    assert lines[5:] == [
        "Kept, since other customers have the same: 1 x serial number",
        "Kept, by pseudonym: the refusal of an owner of 1 Step Trainers of others",
        "Verified: not in 10 versions of objects, 2,000 bytes.",
    ]
    nothing = {"found": False, "kept_because_shared": {}}
    assert summary({"dry_run": True, "erased": nothing, "verification": None}) == ["Nothing of this person was found."]
