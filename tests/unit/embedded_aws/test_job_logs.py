"""A job's output is shipped while it comes: every line once, in its stream, and at most once a second."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws import job_logs
from embedded_aws.job_logs import LogShipper
from embedded_aws.job_process import LogLine, Stream
from embedded_aws.job_run import JobRun, JobSpec


class Logs:
    """CloudWatch Logs that records what is written; `denied` is an error code for each write."""

    class exceptions:  # noqa: N801 as boto3 names it
        class ResourceAlreadyExistsException(Exception):  # noqa: N818
            pass

    denied = ""

    def __init__(self) -> None:
        self.streams: list[str] = []
        self.batches: list[tuple[str, list[str]]] = []

    def create_log_group(self, **_: Any) -> None:
        raise self.exceptions.ResourceAlreadyExistsException

    def create_log_stream(self, logGroupName: str, logStreamName: str) -> None:  # noqa: N803
        self.streams.append(f"{logGroupName} {logStreamName}")

    def put_log_events(self, logGroupName: str, logStreamName: str, logEvents: list[Any]) -> None:  # noqa: N803
        if self.denied:
            raise ClientError({"Error": {"Code": self.denied, "Message": "no"}}, "PutLogEvents")
        self.batches.append((logGroupName.rpartition("/")[2], [event["message"] for event in logEvents]))


@pytest.fixture
def run() -> JobRun:
    return JobRun(JobSpec("job", "role", "s3://lake/job.py"), {}, id="jr_1")


def lines(*texts: str) -> list[LogLine]:
    return [LogLine(number, text) for number, text in enumerate(texts)]


def test_each_line_is_written_once(run: JobRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_logs, "BATCH", 2)
    logs, written = Logs(), dict[Stream, list[LogLine]](output=lines("a"), error=[])
    shipper = LogShipper(logs, run, written)
    shipper.ship()
    assert logs.streams == ["/aws-glue/jobs/output jr_1", "/aws-glue/jobs/error jr_1"], "both, though one is empty"
    written["output"] += lines("b", "", "c")
    written["error"] += lines("oops")
    shipper.ship()
    shipper.ship()
    assert logs.batches == [
        ("output", ["a"]),
        ("output", ["b", " "]),
        ("output", ["c"]),
        ("error", ["oops"]),
    ]
    assert len(logs.streams) == 2


def test_it_asks_at_most_once_a_second(run: JobRun, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    logs, written = Logs(), dict[Stream, list[LogLine]](output=lines("a"), error=[])
    shipper = LogShipper(logs, run, written)
    for moment in (100.0, 100.5, 101.0):
        now = moment
        shipper.ship_if_due()
        written["output"].append(LogLine(0, str(moment)))
    assert logs.batches == [("output", ["a"]), ("output", ["100.0", "100.5"])]


def test_a_role_that_may_not_write_logs_is_asked_once(run: JobRun, caplog: pytest.LogCaptureFixture) -> None:
    logs = Logs()
    logs.denied = "AccessDeniedException"
    shipper = LogShipper(logs, run, dict[Stream, list[LogLine]](output=lines("a"), error=[]))
    for _ in range(3):
        shipper.ship()
    assert [record.message.startswith("jr_1: no CloudWatch logs") for record in caplog.records] == [True]
