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


def deployed(project: Project, orchestration: str) -> dict[str, int]:
    """Deploy the lakehouse and run it once; return the expected rows of its tables."""
    project.succeed("run", TF_VAR_orchestration=orchestration)
    expected = json.loads((project.root / "build/local/sample/expected.json").read_text())
    return {table: expected["published"][table] for table in ICEBERG_TABLES}


def published_by(project: Project) -> set[str]:
    """Return the runs that the tables say they are of."""
    catalog, database = project.catalog(), project.environment()["STEDI_DATABASE"]
    snapshots = [catalog.load_table((database, name)).current_snapshot() for name in ICEBERG_TABLES]
    return {str(each.summary["lakehouse.workflow-run-id"]) for each in snapshots if each and each.summary}


def test_runs_are_listed_compared_and_put_back(project: Project) -> None:
    published = deployed(project, "single_job")
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
    assert "Customers only in published: 0" not in said
    assert (project.iceberg_rows(), published_by(project)) == (published, {first["run"]})
    assert [run["state"] for run in runs(project)] == ["COMPARED", "COMPARED", "SUCCEEDED"]
    assert {run["profile"] for run in runs(project)[:2]} == {"published", "strict"}

    second = start(project)
    assert published_by(project) == {second}
    said = project.succeed("rollback", "--run", first["run"])
    assert f"To go forward again: make rollback RUN={second}" in said
    assert (project.iceberg_rows(), published_by(project)) == (published, {first["run"]})
    project.succeed("counts")  # the tables come from one run
    latest = runs(project)[0]
    assert (latest["state"][:15], json.loads(latest["rows"])) == ("ROLLBACK to wr_", published)
    project.fail("rollback", "--run", "wr_", says=["fits several runs", "Nothing was changed"])
    said = project.succeed("compare", "--run", first["run"], "--with", second)
    assert said.count("Customers only in") == said.count(": 0\n") == 2


@pytest.mark.parametrize(
    ("orchestration", "continues_with"),
    [("single_job", JOBS[2]), ("workflow", JOBS[3])],  # a job of all steps does not tell which of them failed
)
def test_a_failed_run_continues_unless_its_inputs_have_changed(
    project: Project, orchestration: str, continues_with: str
) -> None:
    published = deployed(project, orchestration)
    repair = broken(project, JOBS[3])
    failed = start(project)
    repair()
    s3, bucket = project.client("s3"), project.environment()["STEDI_BUCKET"]
    s3.put_object(Bucket=bucket, Key="customer/landing/more.json", Body=b"{}\n")
    project.fail("resume", says=["customer_landing: ", "Nothing was run"])
    s3.delete_object(Bucket=bucket, Key="customer/landing/more.json")

    assert f"continues with {continues_with}" in project.succeed("resume")
    assert (project.iceberg_rows(), published_by(project)) == (published, {failed})
    report = project.report()
    assert (report["run_id"], report["status"]) == (failed, "SUCCEEDED")
    assert {table: report["tables"][table] for table in ICEBERG_TABLES} == published
    logs = [path.read_text() for path in (project.root / "build/local/jobs").glob("*/output.log")]
    left = JOBS.index(continues_with)
    assert sum(log.count(f"already written by the run {failed}") for log in logs) == left
    latest = runs(project)[0]
    assert (latest["run"], latest["state"]) == (failed, "SUCCEEDED")
    project.fail("resume", says=["succeeded, so there is nothing to repeat"])
