"""The history of an environment and the ways back: runs, rerun, rollback, compare, through the whole embedded AWS."""

from __future__ import annotations

import csv
import json
import time
from typing import Any

import pytest

from tests.support.project import ICEBERG_TABLES, JOBS, Project

pytestmark = pytest.mark.slow


def runs(project: Project) -> list[dict[str, str]]:
    return list(csv.DictReader(project.succeed("runs").splitlines()))


def broken(project: Project, job: str) -> Any:
    """Put a script into the lakehouse that fails; return what puts the right one back."""
    s3, bucket, key = project.client("s3"), project.environment()["STEDI_BUCKET"], f"glue/scripts/{job}.py"
    script = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    s3.put_object(Bucket=bucket, Key=key, Body=b"raise SystemExit('out of order')\n")
    return lambda: s3.put_object(Bucket=bucket, Key=key, Body=script)


def start(project: Project) -> str:
    """Run the workflow as a trigger would, to its end; return the id of the run."""
    glue, workflow = project.client("glue"), project.environment()["STEDI_WORKFLOW"]
    run_id: str = glue.start_workflow_run(Name=workflow)["RunId"]
    while glue.get_workflow_run(Name=workflow, RunId=run_id)["Run"]["Status"] == "RUNNING":
        time.sleep(0.5)
    return run_id


def test_history_comparison_and_the_ways_back(project: Project) -> None:
    project.succeed("run")
    expected = json.loads((project.root / "build/local/sample/expected.json").read_text())
    published = {table: expected["published"][table] for table in ICEBERG_TABLES}
    (first,) = runs(project)
    assert (first["state"], first["profile"], json.loads(first["rows"])) == ("SUCCEEDED", "published", published)
    assert json.loads(first["data"])["name"] == "sample"
    assert json.loads(first["data"])["customer_landing"]["files"] > 0
    assert "@" in first["started_by"]
    assert json.loads(first["dropped"])["not of a trusted customer"] > 0
    assert float(first["seconds"]) > 0 < int(first["dpu_seconds"])

    said = project.succeed("compare", "--profiles", "published,strict")
    assert "Nothing was published" in said
    assert "Training rows of strict that pair two people: 0" in said
    assert "Training rows of published that pair two people: 0" not in said
    assert project.iceberg_rows() == published
    assert [run["state"] for run in runs(project)] == ["COMPARED", "COMPARED", "SUCCEEDED"]
    assert {run["profile"] for run in runs(project)[:2]} == {"published", "strict"}

    repair = broken(project, JOBS[3])
    failed = start(project)
    refused = project.lakehouse("resume")
    assert "out of order" in refused.stderr, "it fails again, and at the same job"
    repair()
    s3, bucket = project.client("s3"), project.environment()["STEDI_BUCKET"]
    s3.put_object(Bucket=bucket, Key="customer/landing/more.json", Body=b"{}\n")
    project.fail("resume", says=["customer_landing:", "Nothing was run"])
    s3.delete_object(Bucket=bucket, Key="customer/landing/more.json")
    said = project.succeed("resume")
    assert f"continues with {JOBS[3]}" in said
    assert project.report()["run_id"] == failed
    assert project.report()["tables"]["machine_learning_curated"] == published["machine_learning_curated"]
    logs = {job["name"]: job["seconds"] for job in project.report()["jobs"]}
    assert max(logs[job] for job in JOBS[:3]) < min(logs[job] for job in JOBS[3:]), "the first three had nothing to do"
    latest = runs(project)[0]
    assert (latest["run"], latest["state"]) == (failed, "SUCCEEDED")
    project.fail("resume", says=["succeeded, so there is nothing to repeat"])

    said = project.succeed("rollback", "--run", first["run"])
    assert f"To go forward again: make rollback RUN={failed}" in said
    assert project.iceberg_rows() == published
    summaries = {
        name: project.catalog().load_table((project.environment()["STEDI_DATABASE"], name)).current_snapshot().summary
        for name in ICEBERG_TABLES
    }
    assert {summary["lakehouse.workflow-run-id"] for summary in summaries.values()} == {first["run"]}
    assert runs(project)[0]["state"].startswith("ROLLBACK to wr_")
    project.succeed("counts")  # the tables come from one run
    project.fail("rollback", "--run", runs(project)[1]["run"][:3], says=["fits several runs", "Nothing was changed"])
    said = project.succeed("compare", "--run", first["run"], "--with", failed)
    assert "Customers only in" in said
