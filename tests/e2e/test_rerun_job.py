"""`make rerun-job`: a job of a local run, run again from its work folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.project import JOBS, Project, copy_of_project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project after a run."""
    project = copy_of_project(tmp_path_factory.mktemp("o'brien's lake house"))
    project.succeed("sample", "--customers", "30", "--readings-per-customer", "3")
    project.succeed("run")
    yield project
    project.lakehouse("down")


def job_run(project: Project, job: str) -> tuple[str, str]:
    """Return the name of a job in Glue, and the id of its only run in the workflow."""
    name = project.client("glue").get_workflow(Name=project.environment()["STEDI_WORKFLOW"])["Workflow"]["Name"]
    name = name.removesuffix("lakehouse") + job.replace("_", "-")
    (run,) = project.client("glue").get_job_runs(JobName=name)["JobRuns"]
    return name, run["Id"]


def record(project: Project, name: str, run_id: str, folder: Path) -> dict[str, Any]:
    """Return all that is recorded about a job run."""
    return {
        "Glue": project.client("glue").get_job_runs(JobName=name)["JobRuns"],
        "files": {path: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.suffix != ".py"},
        "audit": sorted(
            json.dumps(row, default=str)
            for row in project.table("pipeline_runs", "STEDI_AUDIT_DATABASE").to_pylist()
            if row["job_run_id"] == run_id
        ),
        "report": project.report(),
    }


def test_the_code_in_the_folder_runs_again_and_leaves_the_record_of_the_run_alone(ran: Project) -> None:
    name, run_id = job_run(ran, JOBS[0])
    folder = ran.root / "build/local/jobs" / run_id
    before = record(ran, name, run_id, folder)
    assert len(before["audit"]) > 2
    script = folder / f"{JOBS[0]}.py"
    script.write_text(script.read_text().replace("def main() -> None:", "def main() -> None:\n    print('edited')", 1))

    printed = ran.succeed("rerun", RUN=run_id)
    assert "\nedited\n" in printed
    assert "published: customer_trusted" in printed
    assert "The job succeeded and published its table." in printed
    assert record(ran, name, run_id, folder) == before
    assert not (folder / "tmp").exists()
    ran.fail("counts", says=["The tables do not come from one run. To publish all of them: make run-pipeline"])


def test_a_job_that_fails_again_says_what_to_type_next(ran: Project) -> None:
    _, run_id = job_run(ran, JOBS[1])
    folder = ran.root / "build/local/jobs" / run_id
    (folder / f"{JOBS[1]}.py").write_text("raise SystemExit('broken on purpose')\n")
    says = ["broken on purpose", "The job exited with code 1.", f"then run: make rerun-job RUN={run_id}"]
    ran.fail("rerun", RUN=run_id, says=says)


def test_an_unknown_run_and_an_environment_on_aws_are_refused(ran: Project) -> None:
    _, run_id = job_run(ran, JOBS[0])
    ran.fail("rerun", RUN="jr_0", says=["RUN='jr_0' is no job run of the embedded AWS", run_id])
    ran.fail("rerun", RUN=run_id, ENV="dev", says=["works on the embedded AWS only, not on dev"])


def test_a_broken_script_fails_its_job_and_stops_the_workflow(ran: Project) -> None:
    """Last in its file, since it runs the pipeline again."""
    published = ran.iceberg_rows()
    script = ran.root / "glue_jobs/jobs" / "accelerometer_landing_to_trusted.py"
    original = script.read_text()
    script.write_text("no_such_name\n")
    try:
        place = "glue_jobs/jobs/accelerometer_landing_to_trusted.py, line 1"
        ran.fail("run", says=["accelerometer_landing_to_trusted", "FAILED", "NameError", place, "make rerun"])
    finally:
        script.write_text(original)
    report = ran.report()
    assert report["status"] == "FAILED"
    assert [job["state"] for job in report["jobs"]] == ["SUCCEEDED", "FAILED"] + ["NOT_STARTED"] * 3
    assert report["tables"] == {}, "what the first job wrote is on no branch that anybody reads"
    assert ran.iceberg_rows() == published
    ran.wait_for_the_end_of_jobs()
