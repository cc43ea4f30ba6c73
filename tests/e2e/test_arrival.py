"""Files that arrive start the pipeline, which waits for the end of the operation that is running."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from lakehouse import sample
from lakehouse.lease import Lease, Operation
from tests.support.project import Project, iam_enforced

pytestmark = pytest.mark.slow

RUN_SECONDS = 300


def test_the_last_file_of_a_batch_starts_a_run_which_waits_for_the_lease(project: Project) -> None:
    data = project.root / "data"
    expected = sample.generate(data)["published"]
    files = [file for file in sorted(data.rglob("*.json")) if "landing" in file.parts]
    start = {
        "TF_VAR_start": json.dumps({"on_arrival": {"files": len(files), "minutes": 15}}),
        "TF_VAR_orchestration": "single_job",
    }
    with iam_enforced(project):
        project.succeed("apply", **start)
        s3, glue = project.client("s3"), project.client("glue")
        bucket, workflow = (project.environment()[name] for name in ("STEDI_BUCKET", "STEDI_WORKFLOW"))
        landing = Lease(s3, glue, bucket, Operation("other", "ada@laptop", "make landing", command=True))
        landing.take()
        for file in files:
            project.client("s3").put_object(
                Bucket=bucket, Key=file.relative_to(data).as_posix(), Body=file.read_bytes()
            )
        wait_until(lambda: "Waiting for the lease: make landing by ada@laptop" in output(project))
        assert [run["Status"] for run in runs(glue, workflow)] == ["RUNNING"]
        landing.release()
        wait_until(lambda: runs(glue, workflow)[0]["Status"] == "COMPLETED")
        (run,) = runs(glue, workflow)
        assert run["StartingEventBatchCondition"] == {"BatchSize": len(files), "BatchWindow": 900}
        assert run["Statistics"]["SucceededActions"] == 1, output(project)
        assert project.table("machine_learning_curated").num_rows == expected["machine_learning_curated"]
        assert "No changes" in project.succeed("plan", **start)


def runs(glue: Any, workflow: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = glue.get_workflow_runs(Name=workflow).get("Runs", [])
    return found


def output(project: Project) -> str:
    return "".join(file.read_text() for file in (project.root / "build/local/jobs").glob("*/output.log"))


def wait_until(condition: Any) -> None:
    deadline = time.monotonic() + RUN_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)
