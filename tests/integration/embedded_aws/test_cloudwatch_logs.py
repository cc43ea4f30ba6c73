"""The log stream of a job run and its file on disk are deleted together."""

from __future__ import annotations

import pytest

from embedded_aws.cloudwatch_logs import EmbeddedLogsResponse
from tests.support.served import Aws

GROUP = "/aws-glue/jobs/stedi-test/output"


@pytest.mark.parametrize(("stream", "gone"), [("jr_1", "jr_1"), ("../jobs/jr_2", "jr_2")])
def test_deleting_a_log_stream_deletes_the_output_file_of_its_run(aws: Aws, stream: str, gone: str) -> None:
    logs, folder = aws.client("logs"), EmbeddedLogsResponse.jobs_folder
    for run in ("jr_1", "jr_2"):
        (folder / run).mkdir(parents=True, exist_ok=True)
        (folder / run / "output.log").write_text("of jane@x.org")
    logs.create_log_group(logGroupName=f"{GROUP}/{gone}")
    logs.create_log_stream(logGroupName=f"{GROUP}/{gone}", logStreamName=stream)
    logs.delete_log_stream(logGroupName=f"{GROUP}/{gone}", logStreamName=stream)
    assert {path.parent.name for path in folder.glob("jr_[12]/output.log")} == {"jr_1", "jr_2"} - {gone}
    assert logs.describe_log_streams(logGroupName=f"{GROUP}/{gone}")["logStreams"] == []
