"""Terraform on the embedded AWS, driven by python-terraform as a platform team would drive it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from python_terraform import IsFlagged, Terraform

from tests.support.project import ALL_JOBS, Project


@pytest.fixture(scope="module")
def terraform(project: Project) -> Iterator[Terraform]:
    """The local root, applied once by `lakehouse apply`, which also starts the embedded AWS."""
    project.succeed("apply")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in project.environment().items():
            patch.setenv(name, value)
        yield Terraform(working_dir=str(project.root / "terraform/environments/local"))


def changes(terraform: Terraform, tmp_path: Path) -> dict[str, list[str]]:
    """Plan, and return {address: actions} of every change."""
    plan = tmp_path / "change.tfplan"
    code, out, err = terraform.plan(out=str(plan), detailed_exitcode=IsFlagged, input=False, no_color=IsFlagged)
    assert code in (0, 2), f"{out}\n{err}"
    code, shown, err = terraform.cmd("show", "-json", str(plan))
    assert code == 0, err
    document: dict[str, Any] = json.loads(shown)
    return {
        change["address"]: change["change"]["actions"]
        for change in document["resource_changes"]
        if change["change"]["actions"] not in (["no-op"], ["read"])
    }


def test_plan_is_empty_right_after_apply(terraform: Terraform, tmp_path: Path) -> None:
    assert changes(terraform, tmp_path) == {}


def test_apply_starts_no_job(project: Project, terraform: Terraform) -> None:
    glue = project.client("glue")
    runs = [run for job in glue.get_jobs()["Jobs"] for run in glue.get_job_runs(JobName=job["Name"])["JobRuns"]]
    assert runs == []
    assert glue.get_workflow_runs(Name=project.environment()["STEDI_WORKFLOW"])["Runs"] == []


def test_failures_of_every_job_are_announced(project: Project, terraform: Terraform) -> None:
    names = {job["Name"] for job in project.client("glue").get_jobs()["Jobs"]}
    assert len(names) == len(ALL_JOBS)
    for rule in ("stedi-local-job-failures", "stedi-local-job-delays"):
        pattern = json.loads(project.client("events").describe_rule(Name=rule)["EventPattern"])
        assert set(pattern["detail"]["jobName"]) == names


def test_the_default_vpc_is_left_alone(project: Project, terraform: Terraform) -> None:
    ec2 = project.client("ec2")
    [default] = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    [endpoint] = ec2.describe_vpc_endpoints()["VpcEndpoints"]
    assert endpoint["VpcEndpointType"] == "Gateway"
    assert endpoint["VpcId"] != default["VpcId"]
    [table] = ec2.describe_route_tables(RouteTableIds=endpoint["RouteTableIds"])["RouteTables"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [endpoint["VpcId"]]}])["Subnets"]
    assert {each["SubnetId"] for each in subnets} == {each["SubnetId"] for each in table["Associations"]}
    assert len(subnets) == 2
    assert len({each["AvailabilityZone"] for each in subnets}) == 2
    assert [
        route
        for route in table["Routes"]
        if route.get("GatewayId", "local") not in ("local", endpoint["VpcEndpointId"])
    ] == []


def subject_key(project: Project) -> str:
    secret = project.client("secretsmanager").get_secret_value(SecretId="stedi-local-subject-key")
    return str(secret["SecretString"])


@pytest.mark.slow
def test_another_key_is_made_on_demand_and_no_state_holds_one(
    project: Project, terraform: Terraform, tmp_path: Path
) -> None:
    first = subject_key(project)
    assert re.fullmatch("[0-9a-f]{64}", first)
    variables = project.root / "terraform/environments/local/key.auto.tfvars"
    variables.write_text("subject_key_version = 2\n")

    key = "module.lakehouse.module.subject_key.aws_secretsmanager_secret_version.this"
    assert changes(terraform, tmp_path) == {key: ["delete", "create"]}
    project.succeed("apply")
    assert changes(terraform, tmp_path) == {}
    second = subject_key(project)
    assert second != first

    kept = [file for file in (project.root / "build/local").rglob("*") if file.is_file()]
    assert any(file.name == "terraform.tfstate" for file in kept)
    assert [file for file in kept if first.encode() in file.read_bytes() or second.encode() in file.read_bytes()] == []


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1, f"{old!r} is not once in {file}"
    file.write_text(text.replace(old, new))


@pytest.mark.slow
def test_exactly_what_was_changed_changes(project: Project, terraform: Terraform, tmp_path: Path) -> None:
    script = project.root / "glue_jobs/jobs/machine_learning_curated.py"
    script.write_text(script.read_text() + "\n# changed\n")
    edit(project.root / "terraform/modules/jobs/workflow.tf", "Starts the workflow on demand.", "Starts it on demand.")
    (project.root / "terraform/environments/local/change.auto.tfvars").write_text(
        'policies = { training_match = "timestamp" }\n'
    )

    jobs = "module.lakehouse.module.jobs"
    assert changes(terraform, tmp_path) == {
        f'{jobs}.aws_s3_object.script["machine_learning_curated.py"]': ["update"],
        f"{jobs}.aws_glue_trigger.start": ["update"],
    } | {f'{jobs}.aws_glue_job.this["{name}"]': ["update"] for name in ALL_JOBS}

    project.succeed("apply")
    assert changes(terraform, tmp_path) == {}

    glue, s3, env = project.client("glue"), project.client("s3"), project.environment()
    uploaded = s3.get_object(Bucket=env["STEDI_BUCKET"], Key="glue/scripts/machine_learning_curated.py")["Body"].read()
    assert uploaded == script.read_bytes()
    assert {job["DefaultArguments"]["--policies"] for job in glue.get_jobs()["Jobs"]} == {
        '{"training_match":"timestamp"}'
    }


def test_destroy_leaves_nothing(project: Project, terraform: Terraform) -> None:
    glue, s3 = project.client("glue"), project.client("s3")
    project.succeed("destroy")
    assert glue.get_jobs()["Jobs"] == []
    assert glue.get_databases()["DatabaseList"] == []
    assert glue.list_workflows()["Workflows"] == []
    assert s3.list_buckets()["Buckets"] == []
