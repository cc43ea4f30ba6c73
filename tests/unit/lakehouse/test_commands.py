"""What commands do and leave behind, with fakes of Terraform, Glue and the embedded AWS."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from embedded_aws import EmbeddedAws
from lakehouse import (
    aws,
    card_copy,
    landing,
    landing_bucket,
    lease_holder,
    reconciliation,
    run_folder,
    tables,
)
from lakehouse.commands import data, deployment, pipeline_run, privacy
from lakehouse.console import Display
from lakehouse.environments import AwsEnvironment, Environment, LocalEnvironment, open_environment
from lakehouse.environments import aws as aws_environment
from lakehouse.environments import local as local_environment
from lakehouse.errors import (
    CommandInterruptedError,
    LakehouseError,
    NotDeployedError,
    OperationInProgressError,
    TerraformError,
    WorkflowError,
)
from lakehouse.landing_bucket import BucketData, S3Folder
from lakehouse.lease import PROPERTY, LeaseError
from lakehouse.project import Project
from lakehouse.reconciliation import Reconciliation
from lakehouse.run_facts import RunFacts
from lakehouse.tables import ACCOUNTED_FOR, TABLE_OF_JOB, Publication
from lakehouse.terraform import Outputs
from tests.support.operator_fakes import FakeGlue, FakeLease, moment, printed

ALL = ["SUCCEEDED"] * len(TABLE_OF_JOB)
ROWS = {
    "customer_landing": 9,
    "accelerometer_landing": 9,
    "step_trainer_landing": 9,
    **dict.fromkeys(TABLE_OF_JOB.values(), 7),
}

# As if each job had read every table.
READ = ROWS


@dataclass
class World:
    """Everything that the commands act on."""

    glue: FakeGlue
    outputs: Outputs
    box: EmbeddedAws | None = None
    events: list[str] = field(default_factory=list)
    deployed: bool = True
    apply_error: BaseException | None = None
    during_apply: Callable[[], None] = lambda: None
    published_by: str = "wr_1"
    tables: tuple[str, ...] = tuple(TABLE_OF_JOB.values())
    reconciliations: list[Reconciliation] = field(default_factory=list)

    def publications(self) -> dict[str, Publication]:
        return {table: Publication(ROWS[table], self.published_by, 1, 9, READ) for table in self.tables}


def complete() -> list[Reconciliation]:
    return [
        Reconciliation(job, source, ROWS[source], ROWS[source], {}, {})
        for job, sources in ACCOUNTED_FOR.items()
        for source in sources
    ]


class FakeTerraform:
    """Terraform that records its commands, with profile and AWS endpoint."""

    def __init__(self, world: World, profile: str | None) -> None:
        self.world = world
        self.profile = profile

    def variables(self) -> dict[str, str]:
        return {"TF_VAR_profile": self.profile or ""}

    def apply(self, plan: Path | None = None) -> Outputs:
        what = f"plan {plan.read_text()}" if plan and plan.is_file() else self.profile
        self.world.events.append(f"apply {what} at {os.environ.get('AWS_ENDPOINT_URL')}")
        self.world.during_apply()
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

    def location(self) -> tuple[str, str, str]:
        if not self.world.deployed:
            raise NotDeployedError("not deployed")
        return self.world.outputs.region, self.world.outputs.bucket, self.world.outputs.workflow


@pytest.fixture
def world(outputs: Outputs, monkeypatch: pytest.MonkeyPatch) -> World:
    glue = FakeGlue(outputs, [moment(outputs, "RUNNING", "RUNNING"), moment(outputs, "COMPLETED", *ALL)])
    world = World(glue, outputs, reconciliations=complete())

    class FakeSession:
        def client(self, service: str, **_: Any) -> Any:
            return world.glue if service == "glue" else service

    def up(_: Path, port: int) -> EmbeddedAws:
        world.events.append(f"up {port}")
        world.box = EmbeddedAws(endpoint="http://127.0.0.1:1", pid=1)
        return world.box

    def down(_: Path, *, keep_logs: bool = False) -> bool:
        world.events.append("down, but for the logs" if keep_logs else "down")
        was_up, world.box = world.box is not None, None
        return was_up

    for module in (local_environment, aws_environment):
        monkeypatch.setattr(module, "Terraform", lambda *_, profile=None, **__: FakeTerraform(world, profile))
    monkeypatch.setattr(LocalEnvironment, "poll_seconds", 0)
    monkeypatch.setattr(AwsEnvironment, "poll_seconds", 0)
    monkeypatch.setattr(local_environment.embedded_aws, "up", up)
    monkeypatch.setattr(local_environment.embedded_aws, "down", down)
    monkeypatch.setattr(local_environment.embedded_aws, "status", lambda _: world.box)
    monkeypatch.setattr(aws, "session", lambda _: FakeSession())
    monkeypatch.setattr(Project, "commit", lambda _: "1234567890ab")
    monkeypatch.setattr(card_copy, "refresh", lambda *_, **__: None)
    monkeypatch.setattr(landing, "replace", lambda *_: world.events.append("upload"))
    monkeypatch.setattr(tables, "publications", lambda *_: world.publications())
    monkeypatch.setattr(reconciliation, "of_run", lambda *_: world.reconciliations)
    monkeypatch.setattr(lease_holder, "Lease", FakeLease)
    monkeypatch.setattr(FakeLease, "held_by", None)
    monkeypatch.setattr(FakeLease, "events", world.events, raising=False)
    return world


@pytest.fixture
def local(project: Project, display: Display) -> Environment:
    return open_environment(project, display)


@pytest.fixture
def dev(root: Path, display: Display) -> Environment:
    return open_environment(Project.at(root, "dev"), display)


def report(environment: Environment) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((environment.project.runs / "latest" / "run.json").read_text())
    return document


def yes(_: str) -> bool:
    return True


def no(_: str) -> bool:
    return False


# A local run


def test_a_local_run_does_everything_in_order(local: Environment, world: World, landing_folder: Path) -> None:
    pipeline_run.run(local, landing_folder, "strict")
    assert world.events == [
        "up 0",
        "apply strict at http://127.0.0.1:1",
        "lease taken for make run-pipeline",
        "upload",
        "lease handed on to wr_1",
        "lease released",
    ]
    assert world.glue.calls == ["start"]
    assert len(world.glue.properties[0][PROPERTY]) == 32  # the id of the lease that the jobs join
    facts = RunFacts.of(world.glue.properties[0])
    assert "@" in facts.started_by
    assert (facts.commit, facts.data, facts.rebuild) == ("1234567890ab", landing_folder.name, "")
    assert report(local)["status"] == "SUCCEEDED"
    assert report(local)["tables"] == ROWS
    assert world.box is not None
    assert "AWS_ENDPOINT_URL" not in os.environ


def test_the_jobs_of_a_rebuild_are_told(local: Environment, world: World, landing_folder: Path) -> None:
    pipeline_run.run(local, landing_folder, None, rebuild=True)
    assert RunFacts.of(world.glue.properties[0]).rebuild


def test_data_in_a_bucket_is_validated_with_the_credentials_of_the_environment(
    local: Environment, dev: Environment, world: World, monkeypatch: pytest.MonkeyPatch, display: Display
) -> None:
    source = S3Folder("seed", "starter/")

    def find(_: Any, given: S3Folder, lakehouse: str) -> BucketData:
        assert (given, lakehouse) == (source, world.outputs.bucket)
        world.events.append(f"found at {os.environ.get('AWS_ENDPOINT_URL')}")
        return BucketData(given, {}, ["s3://seed/starter/customer/README.md"])

    monkeypatch.setattr(landing_bucket, "find", find)
    monkeypatch.setattr(landing, "stale_keys", lambda *_: [])
    pipeline_run.run(local, source, None)
    assert world.events[2:5] == ["lease taken for make run-pipeline", "found at http://127.0.0.1:1", "upload"]
    assert "Left out of the landing data by their names: 's3://seed/starter/customer/README.md'" in printed(display)
    world.events.clear()
    data.replace_landing_zone(local, source, no)
    assert world.events == ["found at http://127.0.0.1:1", "lease taken for make landing", "upload", "lease released"]
    with pytest.raises(LakehouseError, match="make landing ENV=dev DATA=s3://seed/starter"):
        pipeline_run.run(dev, source, None)


def test_each_change_of_state_is_a_line(
    local: Environment, world: World, landing_folder: Path, display: Display, outputs: Outputs
) -> None:
    world.glue.moments = [
        moment(outputs, "RUNNING", "RUNNING"),
        moment(outputs, "RUNNING", "SUCCEEDED", "RUNNING"),
        moment(outputs, "COMPLETED", *ALL),
    ]
    pipeline_run.run(local, landing_folder, None)
    jobs = tuple(f"  {job} " for job in TABLE_OF_JOB)
    lines = [line for line in printed(display).splitlines() if line.startswith(jobs)]
    assert lines[:4] == [
        "  customer_landing_to_trusted RUNNING",
        "  customer_landing_to_trusted SUCCEEDED (2.5 s)",
        "  accelerometer_landing_to_trusted RUNNING",
        "  accelerometer_landing_to_trusted SUCCEEDED (2.5 s)",
    ]
    assert len(lines) == 7


def test_without_data_the_sample_is_made_once(local: Environment, world: World) -> None:
    world.published_by = "another run, so that no counts are compared"
    with pytest.raises(WorkflowError):
        pipeline_run.run(local, None, None)
    made = (local.project.sample / "expected.json").stat().st_mtime_ns
    with pytest.raises(WorkflowError):
        pipeline_run.run(local, None, None)
    assert (local.project.sample / "expected.json").stat().st_mtime_ns == made


def test_rows_other_than_expected_fail_the_run(local: Environment, world: World, landing_folder: Path) -> None:
    expected = landing_folder / "expected.json"
    expected.write_text(json.dumps({"published": ROWS}))
    pipeline_run.run(local, landing_folder, None)

    expected.write_text(json.dumps({"published": ROWS | {"customer_trusted": 8}}))
    with pytest.raises(WorkflowError, match="customer_trusted: 7 rows instead of 8"):
        pipeline_run.run(local, landing_folder, None)
    assert report(local)["status"] == "FAILED"


def test_expected_rows_do_not_hold_for_single_policies(local: Environment, world: World, landing_folder: Path) -> None:
    (landing_folder / "expected.json").write_text(json.dumps({"published": {"customer_trusted": 8}}))
    world.glue.arguments = {
        world.outputs.jobs["machine_learning_curated"]: {"--policies": '{"unmatched_steps": "keep"}'}
    }
    pipeline_run.run(local, landing_folder, None)
    assert report(local)["status"] == "SUCCEEDED"
    head = f"Run wr_1, profile published with changed policies, data: {landing_folder}"
    assert head in printed(local.display).splitlines()


def test_tables_of_another_run_fail_the_run(local: Environment, world: World, landing_folder: Path) -> None:
    (landing_folder / "expected.json").write_text(json.dumps({"published": ROWS}))
    world.published_by = "wr_0"
    with pytest.raises(WorkflowError, match=r"not complete:\n  customer_trusted was not published\n"):
        pipeline_run.run(local, landing_folder, None)
    assert report(local)["tables"] == {}
    assert report(local)["status"] == "FAILED"


def test_a_missing_table_is_named(dev: Environment, world: World) -> None:
    world.tables = tuple(table for table in TABLE_OF_JOB.values() if table != "customers_curated")
    with pytest.raises(WorkflowError, match=r"not complete:\n  customers_curated was not published$"):
        pipeline_run.run(dev, None, None)
    assert report(dev)["status"] == "FAILED"


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (None, "customer_trusted_to_curated recorded no reconciliation of customer_trusted"),
        (
            Reconciliation("customer_trusted_to_curated", "customer_trusted", 7, 4, {"no reading": 2}, {}),
            "customer_trusted_to_curated read 7 rows of customer_trusted but accounted for 6",
        ),
        (  # balanced, but not the row count that the snapshot records
            Reconciliation("customer_trusted_to_curated", "customer_trusted", 6, 4, {"no reading": 2}, {}),
            "customer_trusted_to_curated read 7 rows of customer_trusted but accounted for 6",
        ),
    ],
)
def test_rows_that_are_not_reconciled_fail_the_run(
    dev: Environment, world: World, found: Reconciliation | None, says: str
) -> None:
    world.reconciliations = [own for own in world.reconciliations if own.table != "customer_trusted"]
    world.reconciliations += [found] if found else []
    with pytest.raises(WorkflowError, match=f"not complete:\n  {says}$"):
        pipeline_run.run(dev, None, None)
    assert report(dev)["status"] == "FAILED"


def test_a_warning_about_an_empty_table_gives_reasons_and_counts(
    dev: Environment, world: World, display: Display, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ROWS, "customers_curated", 0)
    fates = Reconciliation(
        "customer_trusted_to_curated", "customer_trusted", 7, 0, {"no trusted accelerometer reading": 7}, {}
    )
    world.reconciliations = [fates if own.table == "customer_trusted" else own for own in world.reconciliations]
    pipeline_run.run(dev, None, None)
    line = (
        "customers_curated is empty: 7 rows of customer_trusted read, 0 published, "
        "7 dropped: no trusted accelerometer reading"
    )
    assert f"WARNING: {line}" in printed(display)
    assert report(dev)["warnings"] == [line]
    assert report(dev)["status"] == "SUCCEEDED"


def test_bad_data_stops_before_anything_starts(local: Environment, world: World, tmp_path: Path) -> None:
    (run_folder.create(local.project, "wr_0") / "run.json").write_text('{"status": "SUCCEEDED"}')
    with pytest.raises(LakehouseError, match="does not exist"):
        pipeline_run.run(local, tmp_path / "nowhere", None)
    assert world.events == []
    assert report(local) == {"status": "SUCCEEDED"}  # of the last run


def test_a_failed_job_fails_the_run(
    local: Environment, world: World, landing_folder: Path, display: Display, outputs: Outputs
) -> None:
    world.glue.moments = [moment(outputs, "COMPLETED", "SUCCEEDED", "FAILED", message="SyntaxError: no")]
    with pytest.raises(WorkflowError, match=r"accelerometer_landing_to_trusted FAILED:\n  SyntaxError: no"):
        pipeline_run.run(local, landing_folder, None)
    assert report(local)["status"] == "FAILED"
    assert world.events[-1] == "lease released"
    assert world.box is not None, "for make rerun"


def test_a_rerun_that_fails_names_the_command_that_begins_again(
    local: Environment, world: World, outputs: Outputs
) -> None:
    world.glue.moments = [moment(outputs, "COMPLETED", "SUCCEEDED", "FAILED", message="SyntaxError: no")]
    lease, facts = MagicMock(), RunFacts(resumes="wr_0", resumes_from="customer_trusted_to_curated")
    with pytest.raises(WorkflowError, match=r"on the same inputs: make rerun\nTo begin again: make run-pipeline$"):
        pipeline_run.run_workflow(local, outputs, None, lease, facts, described="sample")


@pytest.mark.parametrize("error", [TerraformError("no"), KeyboardInterrupt(), LakehouseError("port in use")])
@pytest.mark.parametrize("was_up", [True, False])
def test_a_failed_command_stops_the_embedded_aws_only_if_it_started_it(
    local: Environment, world: World, landing_folder: Path, error: BaseException, was_up: bool
) -> None:
    if was_up:
        world.box = EmbeddedAws(endpoint="http://127.0.0.1:1", pid=1)
    world.apply_error = error
    with pytest.raises(CommandInterruptedError if isinstance(error, KeyboardInterrupt) else type(error)) as raised:
        pipeline_run.run(local, landing_folder, None)
    assert (world.box is not None) == was_up
    if isinstance(error, KeyboardInterrupt):
        still_up = "The embedded AWS is still up at http://127.0.0.1:1. To stop it: make down"
        assert (still_up in str(raised.value)) == was_up
    assert not local.project.runs.exists()


def test_an_interrupted_local_run_is_stopped_and_reports_the_state_of_the_tables(
    local: Environment, world: World, landing_folder: Path, outputs: Outputs
) -> None:
    world.box = EmbeddedAws(endpoint="http://127.0.0.1:1", pid=1)
    world.published_by = "wr_0"
    (run_folder.create(local.project, "wr_0") / "run.json").write_text('{"status": "SUCCEEDED"}')
    running = moment(outputs, "RUNNING", "SUCCEEDED", "RUNNING")
    world.glue.moments = [running, KeyboardInterrupt(), running, moment(outputs, "STOPPED", "SUCCEEDED", "STOPPED")]
    with pytest.raises(CommandInterruptedError) as interrupted:
        pipeline_run.run(local, landing_folder, None)
    assert str(interrupted.value) == (
        "Interrupted: accelerometer_landing_to_trusted was stopped. "
        "This run published nothing: all tables are as an earlier run left them.\n"
        "The embedded AWS is still up at http://127.0.0.1:1. To stop it: make down"
    )
    assert world.glue.calls == ["start", "stop wr_1"]
    assert world.events[-1] == "lease released"
    assert (local.project.runs / "wr_0" / "run.json").read_text() == '{"status": "SUCCEEDED"}'
    assert not list((local.project.runs / "latest").iterdir()), "the run that was interrupted has no report"


def test_a_second_operation_is_refused_before_it_changes_anything(
    local: Environment, dev: Environment, world: World, landing_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.box = EmbeddedAws(endpoint="http://127.0.0.1:1", pid=1)
    local.project.build.mkdir(parents=True)
    (local.project.build / "terraform.tfstate").write_text("{}")
    monkeypatch.setattr(
        FakeLease, "held_by", LeaseError("make run-pipeline by ada@laptop has been running since then.")
    )
    for command in (
        lambda: pipeline_run.run(local, landing_folder, None),
        lambda: deployment.apply(local, None, yes),
        lambda: data.replace_landing_zone(local, landing_folder, yes),
        lambda: privacy.forget(local, "a@example.org", yes, dry_run=True),
        lambda: deployment.destroy(local, yes),
        lambda: pipeline_run.run(dev, None, None),
        lambda: deployment.apply(dev, None, yes),
        lambda: data.replace_landing_zone(dev, landing_folder, yes),
        lambda: privacy.forget(dev, "a@example.org", yes, dry_run=False),
        lambda: deployment.destroy(dev, yes),
    ):
        with pytest.raises(
            OperationInProgressError, match=r"^Nothing was touched: .* by ada@laptop has been running since "
        ):
            command()
    assert world.events == []
    assert world.glue.calls == []
    assert world.box is not None


def test_local_commands_exclude_each_other_even_before_there_is_a_bucket(
    local: Environment, world: World, landing_folder: Path, display: Display
) -> None:
    """The first run starts the embedded AWS and creates the bucket for the lease."""
    second = open_environment(local.project, display)
    refused: list[str] = []

    def try_a_second(*_: Any) -> None:
        for command in (
            lambda: pipeline_run.run(second, landing_folder, "strict"),
            lambda: deployment.apply(second, None, yes),
            lambda: deployment.plan(second, None),
        ):
            with pytest.raises(OperationInProgressError) as error:
                command()
            refused.append(str(error.value))

    world.during_apply = try_a_second
    pipeline_run.run(local, landing_folder, None)
    assert len(refused) == 3
    assert all(text.startswith("Nothing was touched: make run-pipeline by ") for text in refused)
    assert all("has been in progress since" in text for text in refused)
    assert all(text.endswith("To watch it: make logs FOLLOW=1") for text in refused)
    assert world.events.count("apply published at http://127.0.0.1:1") == 1
    pipeline_run.run(second, landing_folder, "strict")  # after the first has ended


def test_an_environment_that_is_not_deployed_has_no_lease_to_take(dev: Environment, world: World) -> None:
    world.deployed = False
    deployment.apply(dev, None, yes)
    assert world.events == ["plan", "apply None at None"]


def test_a_run_that_has_not_taken_its_lease_yet_is_not_disturbed(
    local: Environment, world: World, landing_folder: Path, display: Display
) -> None:
    """For example, a run that a schedule has just started."""
    world.box = EmbeddedAws(endpoint="http://127.0.0.1:1", pid=1)
    local.project.build.mkdir(parents=True)
    (local.project.build / "terraform.tfstate").write_text("{}")
    world.glue.runs = [
        {"WorkflowRunId": "wr_0", "Status": "COMPLETED"},
        {"WorkflowRunId": "wr_7", "Status": "RUNNING"},
    ]
    with pytest.raises(OperationInProgressError, match=r"wr_7 .* in progress\. Nothing was touched.*--run-id wr_7"):
        pipeline_run.run(local, landing_folder, None)
    assert world.events == ["lease taken for make run-pipeline", "lease released"]
    assert world.glue.calls == []


def test_aws_env_is_written_by_apply_and_removed_by_down(
    local: Environment, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "prod")
    deployment.apply(local, None, no)
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
    assert "\nexport HADOOP_TOKEN=" in text
    deployment.down(local)
    assert world.events[-1] == "down", "which removes aws.env with the rest"


# Commands that need the embedded AWS, and commands that stop it again


def test_a_plan_leaves_no_embedded_aws_behind(local: Environment, world: World) -> None:
    deployment.plan(local, None)
    assert world.events == ["up 0", "plan", "down"]
    world.box = EmbeddedAws(endpoint="http://127.0.0.1:1", pid=1)
    deployment.plan(local, None)
    assert world.box is not None


def test_a_saved_plan_is_what_gets_applied(dev: Environment, world: World, tmp_path: Path) -> None:
    deployment.plan(dev, None, tmp_path / "reviewed")
    assert (tmp_path / "reviewed.txt").read_text() == "text of reviewed"
    deployment.apply(dev, None, no, tmp_path / "reviewed")  # no question: the plan has been reviewed
    assert world.events[0] == "plan"
    assert "apply plan saved at None" in world.events


def test_a_missing_saved_plan_is_named(dev: Environment, world: World, tmp_path: Path) -> None:
    with pytest.raises(LakehouseError, match="nothing-here"):
        deployment.apply(dev, None, yes, tmp_path / "nothing-here")
    assert world.events == []


def test_landing_and_counts_need_an_embedded_aws(local: Environment, world: World, landing_folder: Path) -> None:
    with pytest.raises(LakehouseError, match="make apply"):
        data.counts(local)
    with pytest.raises(LakehouseError, match="make apply"):
        data.replace_landing_zone(local, landing_folder, no)
    assert world.events == []


def test_destroy_without_an_embedded_aws_has_nothing_to_do(local: Environment, world: World) -> None:
    deployment.destroy(local, no)
    assert world.events == []
    world.box = EmbeddedAws(endpoint="http://127.0.0.1:1", pid=1)
    deployment.destroy(local, no)
    assert world.events == ["destroy"]  # there is no state, so no lease either


def test_counts_show_what_is_there(local: Environment, world: World, display: Display) -> None:
    world.box = EmbeddedAws(endpoint="http://127.0.0.1:1", pid=1)
    data.counts(local)
    assert printed(display).count(" 7 ") == 5
    assert printed(display).count(" 9 ") == 3


# On AWS


def test_a_run_on_aws_only_triggers(dev: Environment, world: World) -> None:
    pipeline_run.run(dev, None, None)
    assert world.events == ["lease taken for make run-pipeline ENV=dev", "lease handed on to wr_1", "lease released"]
    assert world.glue.calls == ["start"]
    assert report(dev)["status"] == "SUCCEEDED"


def test_a_run_on_aws_refuses_data_and_names_the_remedy(dev: Environment, world: World, landing_folder: Path) -> None:
    with pytest.raises(LakehouseError, match=f"make landing ENV=dev DATA={landing_folder}"):
        pipeline_run.run(dev, landing_folder, None)
    assert world.glue.calls == []


def test_a_run_on_aws_refuses_another_profile_than_the_deployed_one(dev: Environment, world: World) -> None:
    world.glue.arguments = {job: {"--profile": "consent_date"} for job in world.outputs.jobs.values()}
    with pytest.raises(LakehouseError, match=r"profile consent_date, not strict.*make apply ENV=dev PROFILE=strict"):
        pipeline_run.run(dev, None, "strict")
    assert world.glue.calls == []
    pipeline_run.run(dev, None, "consent_date")
    assert report(dev)["profile"] == "consent_date"


def test_an_interrupted_run_on_aws_continues_with_its_lease(dev: Environment, world: World) -> None:
    world.glue.moments = [KeyboardInterrupt()]
    with pytest.raises(CommandInterruptedError, match=r"wr_1 continues .*make counts ENV=dev\. .*stop-workflow-run"):
        pipeline_run.run(dev, None, None)
    assert world.glue.calls == ["start"]
    assert world.events[-1] == "lease handed on to wr_1"


def test_nothing_changes_on_aws_without_a_yes(
    dev: Environment, world: World, landing_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landing, "stale_keys", lambda *_: ["customer/landing/old.json"])
    for command in (
        lambda answer: deployment.apply(dev, None, answer),
        lambda answer: deployment.destroy(dev, answer),
        lambda answer: data.replace_landing_zone(dev, landing_folder, answer),
    ):
        with pytest.raises(LakehouseError, match="Nothing was changed"):
            command(no)
    assert [event for event in world.events if "lease" not in event] == ["plan", "plan"]

    data.replace_landing_zone(dev, landing_folder, yes)
    deployment.apply(dev, "strict", yes)
    deployment.destroy(dev, yes)
    done = ["upload", "plan", "apply strict at None", "plan", "destroy"]
    assert [event for event in world.events if "lease" not in event][2:] == done
    assert [event.split()[1] for event in world.events if "lease" in event] == ["taken", "released"] * 6


def test_landing_asks_for_its_data(dev: Environment, local: Environment, world: World) -> None:
    with pytest.raises(LakehouseError, match="make landing ENV=dev DATA="):
        data.replace_landing_zone(dev, None, yes)
    with pytest.raises(LakehouseError, match="make landing DATA="):
        data.replace_landing_zone(local, None, yes)
    assert world.events == []


def test_down_works_on_the_embedded_aws_only(dev: Environment, world: World) -> None:
    with pytest.raises(LakehouseError, match="works on the embedded AWS only"):
        deployment.down(dev)
