"""What a command does and leaves behind, with Terraform, Glue and the embedded AWS played by fakes."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from operator_fakes import FakeGlue, moment, printed

from lakehouse import pipeline
from lakehouse.console import Display
from lakehouse.errors import LakehouseError, TerraformError, WorkflowError
from lakehouse.pipeline import Operator
from lakehouse.project import Project
from lakehouse.sandbox import Sandbox, SandboxError
from lakehouse.tables import PUBLISHED_BY, Publication
from lakehouse.terraform import Outputs

ALL = ["SUCCEEDED"] * 5
ROWS = {
    "customer_landing": 9,
    "accelerometer_landing": 9,
    "step_trainer_landing": 9,
    **dict.fromkeys(PUBLISHED_BY.values(), 7),
}


@dataclass
class World:
    """All that the commands act upon."""

    glue: FakeGlue
    outputs: Outputs
    box: Sandbox | None = None
    events: list[str] = field(default_factory=list)
    apply_error: BaseException | None = None
    published_by: str = "wr_1"

    def publications(self) -> dict[str, Publication]:
        landing = {table: rows for table, rows in ROWS.items() if table.endswith("_landing")}
        return {table: Publication(7, self.published_by, 1, 9, landing) for table in PUBLISHED_BY.values()}


class FakeTerraform:
    """Terraform that notes what it is told to do, for which profile and at which AWS."""

    def __init__(self, world: World, profile: str | None) -> None:
        self.world = world
        self.profile = profile

    def variables(self) -> dict[str, str]:
        return {"TF_VAR_profile": self.profile or ""}

    def apply(self, plan: Path | None = None) -> Outputs:
        what = f"plan {plan.read_text()}" if plan and plan.is_file() else self.profile
        self.world.events.append(f"apply {what} at {os.environ.get('AWS_ENDPOINT_URL')}")
        if self.world.apply_error:
            raise self.world.apply_error
        return self.world.outputs

    def plan(self, *_: str, save: Path | None = None) -> None:
        self.world.events.append("plan")
        if save and save.suffix != ".tfplan":
            save.write_text("saved")

    def show(self, plan: Path) -> str:
        return f"text of {plan.name}"

    def destroy(self) -> None:
        self.world.events.append("destroy")

    def outputs(self) -> Outputs:
        return self.world.outputs


@pytest.fixture
def world(outputs: Outputs, monkeypatch: pytest.MonkeyPatch) -> World:
    glue = FakeGlue(outputs, [moment(outputs, "RUNNING", "RUNNING"), moment(outputs, "COMPLETED", *ALL)])
    world = World(glue, outputs)

    class FakeSession:
        def client(self, service: str, **_: Any) -> Any:
            return world.glue if service == "glue" else service

    def up(_: Path, port: int) -> Sandbox:
        world.events.append(f"up {port}")
        world.box = Sandbox(endpoint="http://127.0.0.1:1", pid=1)
        return world.box

    def down(_: Path) -> bool:
        world.events.append("down")
        was_up, world.box = world.box is not None, None
        return was_up

    monkeypatch.setattr(pipeline, "Terraform", lambda _, __, profile: FakeTerraform(world, profile))
    monkeypatch.setattr(pipeline, "LOCAL_PAUSE", 0)
    monkeypatch.setattr(pipeline, "AWS_PAUSE", 0)
    monkeypatch.setattr(pipeline.sandbox, "up", up)
    monkeypatch.setattr(pipeline.sandbox, "down", down)
    monkeypatch.setattr(pipeline.sandbox, "status", lambda _: world.box)
    monkeypatch.setattr(pipeline.aws, "session", lambda _: FakeSession())
    monkeypatch.setattr(pipeline.landing, "replace", lambda *_: world.events.append("upload"))
    monkeypatch.setattr(pipeline.tables, "publications", lambda *_: world.publications())
    monkeypatch.setattr(pipeline.accounts, "of_run", lambda *_: [])
    return world


@pytest.fixture
def local(project: Project, display: Display) -> Operator:
    return Operator(project, display)


@pytest.fixture
def dev(root: Path, display: Display) -> Operator:
    return Operator(Project.at(root, "dev"), display)


def report(operator: Operator) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((operator.project.build / "run.json").read_text())
    return document


def yes(_: str) -> bool:
    return True


def no(_: str) -> bool:
    return False


# A local run


def test_a_local_run_does_everything_in_order(local: Operator, world: World, landing_folder: Path) -> None:
    local.run(landing_folder, "strict")
    assert world.events == ["up 0", "apply strict at http://127.0.0.1:1", "upload"]
    assert world.glue.calls == ["start"]
    assert report(local)["status"] == "SUCCEEDED"
    assert report(local)["tables"] == ROWS
    assert world.box is not None
    assert "AWS_ENDPOINT_URL" not in os.environ


def test_each_change_of_state_is_a_line(
    local: Operator, world: World, landing_folder: Path, display: Display, outputs: Outputs
) -> None:
    world.glue.moments = [
        moment(outputs, "RUNNING", "RUNNING"),
        moment(outputs, "RUNNING", "SUCCEEDED", "RUNNING"),
        moment(outputs, "COMPLETED", *ALL),
    ]
    local.run(landing_folder, None)
    lines = [line for line in printed(display).splitlines() if line.startswith("  ")]
    assert lines[:4] == [
        "  customer_landing_to_trusted RUNNING",
        "  customer_landing_to_trusted SUCCEEDED (2.5 s)",
        "  accelerometer_landing_to_trusted RUNNING",
        "  accelerometer_landing_to_trusted SUCCEEDED (2.5 s)",
    ]
    assert len(lines) == 7


def test_without_data_the_sample_is_made_once(local: Operator, world: World) -> None:
    world.published_by = "another run, so that no counts are compared"
    with pytest.raises(WorkflowError):
        local.run(None, None)
    made = (local.project.sample / "expected.json").stat().st_mtime_ns
    with pytest.raises(WorkflowError):
        local.run(None, None)
    assert (local.project.sample / "expected.json").stat().st_mtime_ns == made


def test_rows_other_than_expected_fail_the_run(local: Operator, world: World, landing_folder: Path) -> None:
    expected = landing_folder / "expected.json"
    expected.write_text(json.dumps({"published": ROWS}))
    local.run(landing_folder, None)

    expected.write_text(json.dumps({"published": ROWS | {"customer_trusted": 8}}))
    with pytest.raises(WorkflowError, match="customer_trusted: 7 rows instead of 8"):
        local.run(landing_folder, None)
    assert report(local)["status"] == "FAILED"


def test_expected_rows_do_not_hold_for_single_policies(local: Operator, world: World, landing_folder: Path) -> None:
    (landing_folder / "expected.json").write_text(json.dumps({"published": {"customer_trusted": 8}}))
    world.glue.arguments = {world.outputs.jobs["machine_learning_curated"]: {"--unmatched_steps": "keep"}}
    local.run(landing_folder, None)
    assert report(local)["status"] == "SUCCEEDED"


def test_rows_that_a_succeeded_job_did_not_publish_in_this_run_are_missing(
    local: Operator, world: World, landing_folder: Path
) -> None:
    (landing_folder / "expected.json").write_text(json.dumps({"published": ROWS}))
    world.published_by = "wr_0"
    with pytest.raises(WorkflowError, match="machine_learning_curated: no rows instead of 7"):
        local.run(landing_folder, None)
    assert report(local)["tables"] == {}


def test_bad_data_stops_before_anything_starts(local: Operator, world: World, tmp_path: Path) -> None:
    local.project.build.mkdir(parents=True)
    (local.project.build / "run.json").write_text('{"status": "SUCCEEDED"}')
    with pytest.raises(LakehouseError, match="does not exist"):
        local.run(tmp_path / "nowhere", None)
    assert world.events == []
    assert report(local)["status"] == "FAILED"


def test_a_failed_job_fails_the_run(
    local: Operator, world: World, landing_folder: Path, display: Display, outputs: Outputs
) -> None:
    world.glue.moments = [moment(outputs, "COMPLETED", "SUCCEEDED", "FAILED", message="SyntaxError: no")]
    with pytest.raises(WorkflowError, match=r"accelerometer_landing_to_trusted FAILED:\n  SyntaxError: no"):
        local.run(landing_folder, None)
    assert report(local)["status"] == "FAILED"
    assert world.events[-1] == "down"


@pytest.mark.parametrize("error", [TerraformError("no"), KeyboardInterrupt(), SandboxError("port in use")])
@pytest.mark.parametrize("was_up", [True, False])
def test_an_embedded_aws_that_was_up_survives_a_failure_and_no_other(
    local: Operator, world: World, landing_folder: Path, error: BaseException, was_up: bool
) -> None:
    if was_up:
        world.box = Sandbox(endpoint="http://127.0.0.1:1", pid=1)
    world.apply_error = error
    with pytest.raises(type(error)):
        local.run(landing_folder, None)
    assert (world.box is not None) == was_up
    assert report(local)["status"] == "FAILED"


def test_an_interrupted_local_run_is_stopped_and_reported_as_last_seen(
    local: Operator, world: World, landing_folder: Path, outputs: Outputs
) -> None:
    world.glue.moments = [moment(outputs, "RUNNING", "SUCCEEDED", "RUNNING"), KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        local.run(landing_folder, None)
    assert world.glue.calls == ["start", "stop wr_1"]
    document = report(local)
    assert (document["run_id"], document["status"], document["profile"]) == ("wr_1", "FAILED", "published")
    assert [job["state"] for job in document["jobs"]] == ["SUCCEEDED", "RUNNING"] + ["NOT_STARTED"] * 3


def test_a_second_run_is_refused_before_it_touches_anything(
    local: Operator, world: World, landing_folder: Path
) -> None:
    world.box = Sandbox(endpoint="http://127.0.0.1:1", pid=1)
    world.glue.runs = [{"WorkflowRunId": "wr_0", "Status": "RUNNING"}]
    local.project.build.mkdir(parents=True)
    (local.project.build / "terraform.tfstate").write_text("{}")
    with pytest.raises(WorkflowError, match="under way"):
        local.run(landing_folder, None)
    assert world.events == []
    assert world.box is not None


def test_aws_env_is_written_and_goes_with_the_embedded_aws(
    local: Operator, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "prod")
    local.apply(None, no)
    text = (local.project.build / "aws.env").read_text()
    for line in (
        "unset AWS_PROFILE",
        "unset AWS_SESSION_TOKEN",
        "export AWS_ENDPOINT_URL=http://127.0.0.1:1",
        "export AWS_REGION=us-east-1",
        "export STEDI_DATABASE=stedi_local",
        "export STEDI_AUDIT_DATABASE=stedi_local_audit",
        "export STEDI_BUCKET=lake",
        "export STEDI_WORKFLOW=stedi-local-lakehouse",
        "export STEDI_WORKGROUP=stedi-local",
        "export PYICEBERG_CATALOG__DEFAULT__TYPE=glue",
        "export TF_VAR_profile=published",
    ):
        assert line in text.splitlines()
    local.down()
    assert not (local.project.build / "aws.env").exists()


# Commands that need an embedded AWS, and those that do not keep one


def test_a_plan_leaves_no_embedded_aws_behind(local: Operator, world: World) -> None:
    local.plan(None)
    assert world.events == ["up 0", "plan", "down"]
    world.box = Sandbox(endpoint="http://127.0.0.1:1", pid=1)
    local.plan(None)
    assert world.box is not None


def test_a_saved_plan_is_what_gets_applied(dev: Operator, world: World, tmp_path: Path) -> None:
    dev.plan(None, tmp_path / "reviewed")
    assert (tmp_path / "reviewed.txt").read_text() == "text of reviewed"
    dev.apply(None, no, tmp_path / "reviewed")  # nobody is asked: the plan has been reviewed
    assert world.events == ["plan", "apply plan saved at None"]


def test_a_saved_plan_that_is_not_there_is_named(dev: Operator, world: World, tmp_path: Path) -> None:
    with pytest.raises(LakehouseError, match="nothing-here"):
        dev.apply(None, yes, tmp_path / "nothing-here")
    assert world.events == []


def test_landing_and_counts_need_an_embedded_aws(local: Operator, world: World, landing_folder: Path) -> None:
    with pytest.raises(LakehouseError, match="make apply"):
        local.counts()
    with pytest.raises(LakehouseError, match="make apply"):
        local.landing(landing_folder, no)
    assert world.events == []


def test_destroy_without_an_embedded_aws_has_nothing_to_do(local: Operator, world: World) -> None:
    local.destroy(no)
    assert world.events == []
    world.box = Sandbox(endpoint="http://127.0.0.1:1", pid=1)
    local.destroy(no)
    assert world.events == ["destroy"]


def test_counts_show_what_is_there(local: Operator, world: World, display: Display) -> None:
    world.box = Sandbox(endpoint="http://127.0.0.1:1", pid=1)
    local.counts()
    assert printed(display).count(" 7 ") == 5
    assert printed(display).count(" 9 ") == 3


# On AWS


def test_a_run_on_aws_only_triggers(dev: Operator, world: World) -> None:
    dev.run(None, None)
    assert world.events == []
    assert world.glue.calls == ["start"]
    assert report(dev)["status"] == "SUCCEEDED"


def test_a_run_on_aws_refuses_data_and_names_the_remedy(dev: Operator, world: World, landing_folder: Path) -> None:
    with pytest.raises(LakehouseError, match=f"make landing ENV=dev DATA={landing_folder}"):
        dev.run(landing_folder, None)
    assert world.glue.calls == []


def test_a_run_on_aws_refuses_another_profile_than_the_deployed_one(dev: Operator, world: World) -> None:
    world.glue.arguments = {job: {"--profile": "consent_date"} for job in world.outputs.jobs.values()}
    with pytest.raises(LakehouseError, match=r"profile consent_date, not strict.*make apply ENV=dev PROFILE=strict"):
        dev.run(None, "strict")
    assert world.glue.calls == []
    dev.run(None, "consent_date")
    assert report(dev)["profile"] == "consent_date"


def test_an_interrupted_run_on_aws_goes_on(dev: Operator, world: World, display: Display) -> None:
    world.glue.moments = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        dev.run(None, None)
    assert world.glue.calls == ["start"]
    assert "wr_1 goes on" in printed(display)


def test_nothing_changes_on_aws_without_a_yes(
    dev: Operator, world: World, landing_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline.landing, "stale_keys", lambda *_: ["customer/landing/old.json"])
    for command in (
        lambda answer: dev.apply(None, answer),
        dev.destroy,
        lambda answer: dev.landing(landing_folder, answer),
    ):
        with pytest.raises(LakehouseError, match="Nothing was changed"):
            command(no)
    assert world.events == ["plan", "plan"]

    dev.landing(landing_folder, yes)
    dev.apply("strict", yes)
    dev.destroy(yes)
    assert world.events[2:] == ["upload", "plan", "apply strict at None", "plan", "destroy"]


def test_the_landing_zone_on_aws_needs_data(dev: Operator, world: World) -> None:
    with pytest.raises(LakehouseError, match="make landing ENV=dev DATA="):
        dev.landing(None, yes)


def test_down_is_for_the_embedded_aws_only(dev: Operator, world: World) -> None:
    with pytest.raises(LakehouseError, match="Only ENV=local"):
        dev.down()
