"""`make rerun-job`: the lease is held, and the script runs in its folder as the job run did."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from embedded_aws import job_rerun
from lakehouse.commands import debugging
from lakehouse.console import Display
from lakehouse.environments import LocalEnvironment, open_environment
from lakehouse.errors import LakehouseError
from lakehouse.project import Project
from lakehouse.terraform import Outputs
from tests.support.operator_fakes import printed

RUN = "jr_1"
NOTES_ITS_WORLD = """
import json, os, sys
from pathlib import Path
Path("noted").write_text(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd(), Path(os.environ["TMPDIR"]).is_dir()]))
print("said")
sys.exit(int(os.environ.get("CODE", 0)))
"""


@pytest.fixture
def folder(project: Project) -> Path:
    """The work folder of a job run that wrote the archive of the JVM's classes."""
    folder = project.build / "jobs" / RUN
    folder.mkdir(parents=True)
    (folder / "job.py").write_text(NOTES_ITS_WORLD)
    options = shlex.join(["-XX:+UseSerialGC", "-XX:ArchiveClassesAtExit=/o'b/a.partial", "-Djava.io.tmpdir=/o'b/tmp"])
    (folder / "spark.properties").write_text(f"spark.a=1\nspark.driver.extraJavaOptions={options}\nspark.z=\\\\\n")
    (folder / "output.log").write_text("of the run\n")
    return folder


def test_the_script_runs_with_the_arguments_and_the_role_of_its_job(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "prod")
    monkeypatch.setenv("SPARK_HOME", "/elsewhere")
    monkeypatch.setenv("PYTHONBREAKPOINT", "pudb.set_trace")
    monkeypatch.setenv("CODE", "3")
    files = {path: path.read_text() for path in folder.iterdir()}
    arguments = {"--a": "b c", "--extra-py-files": "s3://lake/modules.zip,s3://lake/one.py"}
    assert job_rerun.run_again(folder, "job.py", arguments, {"AWS_ACCESS_KEY_ID": "role"}) == 3
    given, environment, directory, had_scratch = json.loads((folder / "noted").read_text())
    assert given == ["--a", "b c", "--extra-py-files", "s3://lake/modules.zip,s3://lake/one.py"]
    assert {name for name in environment if name.startswith("AWS_")} == {"AWS_ACCESS_KEY_ID"}
    assert "SPARK_HOME" not in environment
    assert environment["PYTHONBREAKPOINT"] == "pudb.set_trace"
    assert environment["PYTHONPATH"] == f"{folder}:{folder / 'modules.zip'}"
    assert (directory, had_scratch) == (str(folder), True)
    assert capfd.readouterr().out == "said\n"
    (folder / "noted").unlink()
    assert {path: path.read_text() for path in folder.iterdir()} == files, "nothing of the run has changed"


def test_a_rerun_writes_no_archive_of_classes(folder: Path) -> None:
    lines = (folder / "spark.properties").read_text().splitlines(keepends=True)
    kept = "".join(map(job_rerun._without_archiving, lines))
    options = shlex.join(["-XX:+UseSerialGC", "-Djava.io.tmpdir=/o'b/tmp"])
    assert kept == f"spark.a=1\nspark.driver.extraJavaOptions={options}\nspark.z=\\\\\n"


class FakeGlue:
    """Glue with one job, which has one run."""

    class exceptions:  # noqa: N801 as boto3 names it
        class EntityNotFoundException(Exception):  # noqa: N818
            pass

    def __init__(self, job: str) -> None:
        self.job = job

    def get_job_run(self, JobName: str, RunId: str) -> Any:  # noqa: N803
        if JobName != self.job:
            raise self.exceptions.EntityNotFoundException
        return {"JobRun": {"Arguments": {"--bucket": "lake", "--lease": "an earlier one"}}}

    def get_job(self, JobName: str) -> Any:  # noqa: N803
        return {"Job": {"Name": JobName, "Role": "arn:role", "Command": {"ScriptLocation": "s3://lake/glue/job.py"}}}


@pytest.fixture
def call(outputs: Outputs, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What the command passes to the script, and what the script is to return."""
    call = SimpleNamespace(
        arguments={}, variables={}, code=0, glue=FakeGlue(outputs.jobs["customer_trusted_to_curated"])
    )
    issued = {"AccessKeyId": "key", "SecretAccessKey": "secret", "SessionToken": "token"}
    sts = SimpleNamespace(assume_role=lambda RoleArn, RoleSessionName: {"Credentials": issued})  # noqa: N803, ARG005

    @contextmanager
    def exclusive(*_: object) -> Iterator[Any]:
        yield SimpleNamespace(id="the lease")

    def run_again(_: Path, script: str, arguments: dict[str, str], variables: dict[str, str]) -> int:
        call.script, call.arguments, call.variables = script, arguments, variables
        return int(call.code)

    clients = {"sts": sts}
    monkeypatch.setattr(debugging, "exclusive", exclusive)
    monkeypatch.setattr(debugging, "take_lease", lambda *_: None)
    monkeypatch.setattr(LocalEnvironment, "terraform", lambda *_: SimpleNamespace(outputs=lambda: outputs))
    monkeypatch.setattr(
        "lakehouse.aws.session",
        lambda _: SimpleNamespace(client=lambda name, **_: clients.get(name, call.glue)),
    )
    monkeypatch.setattr(job_rerun, "run_again", run_again)
    return call


def test_it_is_a_run_of_its_own_outside_the_workflow_under_the_lease_of_the_command(
    project: Project, display: Display, folder: Path, call: SimpleNamespace, outputs: Outputs
) -> None:
    debugging.rerun_job(open_environment(project, display), RUN)
    assert call.script == "job.py"
    own = call.arguments.pop("--JOB_RUN_ID")
    assert own.startswith("rerun_")
    job = outputs.jobs["customer_trusted_to_curated"]
    assert call.arguments == {"--bucket": "lake", "--JOB_NAME": job, "--lease": "the lease"}
    assert call.variables["AWS_ACCESS_KEY_ID"] == "key"
    assert call.variables["AWS_SESSION_TOKEN"] == "token"
    assert str(folder) in printed(display)
    assert "make run-pipeline" in printed(display)


def test_a_script_that_fails_names_its_folder_and_the_command_to_type(
    project: Project, display: Display, folder: Path, call: SimpleNamespace
) -> None:
    call.code = 1
    with pytest.raises(LakehouseError, match=f"exited with code 1.*{folder}, then run: make rerun-job RUN={RUN}"):
        debugging.rerun_job(open_environment(project, display), RUN)


@pytest.mark.usefixtures("folder")
def test_what_is_no_run_of_a_pipeline_job_is_refused(project: Project, display: Display, call: SimpleNamespace) -> None:
    environment = open_environment(project, display)
    for run_id in ("", "..", "jr_2"):
        with pytest.raises(LakehouseError, match=f"no job run of the embedded AWS, so nothing was run.*{RUN}"):
            debugging.rerun_job(environment, run_id)
    call.glue.job = "the erasure job"
    with pytest.raises(LakehouseError, match=r"erasure job.* Run: make forget"):
        debugging.rerun_job(environment, RUN)
    with pytest.raises(LakehouseError, match="on the embedded AWS only, not on dev"):
        debugging.rerun_job(open_environment(Project.at(project.root, "dev"), display), RUN)
    assert call.arguments == {}
