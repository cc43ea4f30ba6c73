"""The operator's side of an erasure request: the request, the job runs, the report."""

# ruff: noqa: N803 (the arguments' names in Glue)
from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from lakehouse import file_numbers
from lakehouse.erasure import ErasureJob, parse_address, summarize
from lakehouse.errors import LakehouseError
from lakehouse.file_name_lookup import find_names
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
        "log_streams": 4,
        "tables": {"customer_trusted": {"rows": 3, "snapshots": 1}},
        "kept_because_shared": {"serial number": 1},
        "refusals_kept": ["a" * 64],
    },
    "verification": {"objects": 10, "bytes": 2000, "log_streams": 5, "findings": 0, "accepted": 3},
}


class ErasureGlue:
    """Glue with the erasure job; each of its runs leaves what the given function leaves."""

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
def s3(account: None, outputs: Outputs) -> Any:
    client = boto3.client("s3")
    client.create_bucket(Bucket=outputs.bucket)
    return client


def erasure_job(outputs: Outputs, s3: Any, *outcomes: Any) -> tuple[ErasureJob, ErasureGlue]:
    glue = ErasureGlue(*outcomes)
    return ErasureJob(glue, s3, outputs, 0.001, "an operation"), glue  # type: ignore[arg-type]


def test_the_address_stands_in_the_request_and_in_no_argument(outputs: Outputs, s3: Any) -> None:
    def leave_report() -> None:
        body = json.dumps(REPORT).encode()
        s3.put_object(Bucket=outputs.bucket, Key=f"forget/reports/{request}.json", Body=body)

    running = {"JobRunState": "RUNNING"}
    client, glue = erasure_job(outputs, s3, running, running, lambda: None, running, leave_report)
    request, resumed = client.request([EMAIL], ["a.pdf"])
    seen: list[str] = []
    report = client.run(request, dry_run=False, on_change=lambda run: seen.append(run.state))
    assert report == REPORT
    assert not resumed
    assert glue.started == [{"--request": request, "--dry_run": "false", "--lease": "an operation"}] * 2
    assert seen == ["RUNNING", "SUCCEEDED"] * 2
    stored = s3.get_object(Bucket=outputs.bucket, Key=f"forget/requests/{request}.json")["Body"].read()
    assert json.loads(stored) == {"emails": [EMAIL], "accept": ["a.pdf"]}


def test_a_request_that_was_never_finished_is_taken_up_again(outputs: Outputs, s3: Any) -> None:
    client, _ = erasure_job(outputs, s3)
    client.request(["bob@x.org"])
    client.request([EMAIL, "bob@x.org"])
    first, _ = client.request([EMAIL])
    assert client.request([EMAIL]) == (first, True)
    key = f"forget/requests/{first}.json"
    stored = {"emails": [EMAIL], "accept": [], "person": {"foreign": []}}
    s3.put_object(Bucket=outputs.bucket, Key=key, Body=json.dumps(stored).encode())
    assert client.request([EMAIL], ["a.pdf"], "another") == (first, True)
    again = json.loads(s3.get_object(Bucket=outputs.bucket, Key=key)["Body"].read())
    assert again == stored | {"accept": ["a.pdf"]}, "with what is accepted now"


def test_a_request_that_a_look_has_deleted_is_made_again_under_its_id(outputs: Outputs, s3: Any) -> None:
    client, _ = erasure_job(outputs, s3)
    first, _ = client.request([EMAIL])
    s3.delete_object(Bucket=outputs.bucket, Key=f"forget/requests/{first}.json")
    assert client.request([EMAIL], new=first) == (first, False)
    assert client.request([EMAIL]) == (first, True)


def test_an_export_is_fetched_and_stays_in_no_version(outputs: Outputs, s3: Any) -> None:
    s3.put_bucket_versioning(Bucket=outputs.bucket, VersioningConfiguration={"Status": "Enabled"})

    def leave_export() -> None:
        for content in (b"earlier", b'{"subject": []}'):
            s3.put_object(Bucket=outputs.bucket, Key="forget/exports/r.json", Body=content)

    client, glue = erasure_job(outputs, s3, leave_export)
    assert client.export("r", on_change=lambda _: None) == '{"subject": []}'
    assert glue.started == [{"--request": "r", "--export": "true", "--lease": "an operation"}]
    left = s3.list_object_versions(Bucket=outputs.bucket)
    assert not left.get("Versions")
    assert not left.get("DeleteMarkers")


def test_the_name_behind_a_number_is_found_also_of_an_object_that_is_gone(outputs: Outputs, s3: Any) -> None:
    s3.put_bucket_versioning(Bucket=outputs.bucket, VersioningConfiguration={"Status": "Enabled"})
    key = "customer/landing/of ann@x.org,1.json"
    s3.put_object(Bucket=outputs.bucket, Key=key, Body=b"{}")
    s3.put_object(Bucket=outputs.bucket, Key="other", Body=b"{}")
    s3.delete_object(Bucket=outputs.bucket, Key=key)
    number = file_numbers.of(key)
    assert file_numbers.of("s3://lake/customer/landing/of%20ann%40x.org,1.json") == number, "as Spark says it"
    assert find_names(s3, outputs.bucket, f"1 x no JSON, in {number}; 2 x, in file-000000000000") == {number: key}
    folder = "customer/landing"
    assert find_names(s3, outputs.bucket, file_numbers.of(folder)) == {file_numbers.of(folder): folder}


def test_the_report_of_an_earlier_look_is_not_taken_for_that_of_the_request(outputs: Outputs, s3: Any) -> None:
    def leave(report: dict[str, Any]) -> None:
        s3.put_object(Bucket=outputs.bucket, Key="forget/reports/r.json", Body=json.dumps(report).encode())

    leave(REPORT | {"dry_run": True})
    client, glue = erasure_job(outputs, s3, lambda: None, lambda: leave(REPORT))
    assert client.run("r", dry_run=False, on_change=lambda _: None) == REPORT
    assert len(glue.started) == 2


def test_a_failed_run_ends_it_with_the_message_of_the_job(outputs: Outputs, s3: Any) -> None:
    failed = {"JobRunState": "FAILED", "CompletedOn": 1, "ErrorMessage": "forget: still there"}
    client, glue = erasure_job(outputs, s3, failed)
    with pytest.raises(
        LakehouseError, match=r"(?s)FAILED: forget: still there.*To resume it, run the same command again"
    ):
        client.run("r", dry_run=True, on_change=lambda _: None)
    assert glue.started == [{"--request": "r", "--dry_run": "true", "--lease": "an operation"}]


def test_runs_without_a_report_are_an_error(outputs: Outputs, s3: Any) -> None:
    client, _ = erasure_job(outputs, s3, lambda: None, lambda: None)
    with pytest.raises(LakehouseError, match="has no report after 2 runs"):
        client.run("r", dry_run=False, on_change=lambda _: None)


@pytest.mark.parametrize("text", ["", "ann", "ann@x", "@x.org", "ann@b@x.org", "ann lee@x.org", "ann@x.org, bob@x.org"])
def test_a_malformed_address_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(LakehouseError) as refused:
        parse_address(text)
    assert str(refused.value).startswith("EMAIL is not a valid e-mail address.")
    assert not text or text not in str(refused.value)


def test_an_address_is_compared_without_letter_case_and_white_space() -> None:
    assert parse_address(" Ann@X.org\n") == EMAIL
    assert parse_address("O'Brien$x@X.org") == "o'brien$x@x.org"


def test_summary_says_what_went_and_what_stays() -> None:
    lines = summarize(REPORT)
    assert lines[0] == "Erased 5 records:"
    assert [line.split() for line in lines[1:6]] == [
        ["1", "lines", "of", "customer_landing"],
        ["1", "lines", "of", "quarantine"],
        ["3", "rows", "of", "customer_trusted"],
        ["2", "query", "results"],
        ["4", "log", "streams"],
    ]
    assert lines[6:] == [
        "Kept, because other customers have the same value: 1 x serial number",
        "Kept, by pseudonym: refused consent for 1 Step Trainers that others use too",
        "Verified: no trace in 10 object versions, 2,000 bytes, and 5 log streams.",
        "Not searched, as accepted: 3 objects.",
    ]
    nothing = {"found": False, "kept_because_shared": {}}
    assert summarize({"dry_run": True, "erased": nothing, "verification": None}) == ["No data was found."]
