"""An environment that an earlier commit has applied is upgraded as operating.md says, keeps what it holds, and runs."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from pyiceberg.catalog import load_catalog

import embedded_aws
from lakehouse.project import LOCAL
from lakehouse.project import Project as Checkout
from lakehouse.terraform import executable
from lakehouse.terraform_provider import cli_configuration
from tests.support.project import ICEBERG_TABLES, REPOSITORY, Project, copy_of_project

pytestmark = pytest.mark.slow

BEFORE_OTHER_ACCOUNTS = "cc78525bd6cf512350f9ad1251bfe0cfdbf65fa8"
"""The commit before the module had networks, providers and resources of other teams; there is no release yet."""
FOLDERS = ("terraform", "glue_jobs", "ddl")
MODULE = "module.lakehouse"
KEPT = {
    "bucket": f"{MODULE}.module.storage[0].aws_s3_bucket.this",
    "database": f"{MODULE}.module.catalog.aws_glue_catalog_database.this[0]",
    "subject key": f"{MODULE}.module.subject_key[0].aws_secretsmanager_secret.this",
    "refusal key": f"{MODULE}.module.refusal_key[0].aws_secretsmanager_secret.this",
    "job role": f"{MODULE}.module.iam.aws_iam_role.jobs[0]",
    "erasure role": f"{MODULE}.module.iam.aws_iam_role.forget[0]",
}
"""What an upgrade must neither replace nor destroy."""


def check_out(commit: str, root: Path) -> None:
    """Write the folders of a deployment as they were at a commit."""
    command = ["git", "archive", commit, *FOLDERS]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"the history does not reach back to {commit[:7]}: git fetch --unshallow")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(root, filter="data")


def terraform(project: Project, *arguments: str) -> str:
    """Run Terraform in the local root as it is, without the operator's commands, which know the present outputs."""
    root = project.root / "terraform/environments/local"
    done = subprocess.run(
        [str(executable()), f"-chdir={root}", *arguments], capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, f"terraform {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def planned(project: Project) -> dict[str, list[str]]:
    """Plan, and return {address: actions} of every change."""
    terraform(project, "plan", "-input=false", "-out=change.tfplan")
    changes = json.loads(terraform(project, "show", "-json", "change.tfplan"))["resource_changes"]
    actions = {change["address"]: change["change"]["actions"] for change in changes}
    return {address: each for address, each in actions.items() if each not in (["no-op"], ["read"])}


@pytest.fixture
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A copy of the project whose deployment is that of the earlier commit, and the embedded AWS in the environment."""
    project = copy_of_project(tmp_path / "lakehouse")
    for folder in FOLDERS:
        shutil.rmtree(project.root / folder)
    check_out(BEFORE_OTHER_ACCOUNTS, project.root)
    config = cli_configuration(Checkout.at(project.root, LOCAL))
    settings = {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", "AWS_EC2_METADATA_DISABLED": "true"}
    settings |= {"TF_CLI_CONFIG_FILE": str(config)} if config else {}
    try:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        for name, value in (embedded_aws.up(project.root).environ() | settings).items():
            monkeypatch.setenv(name, value)
        terraform(project, "init", "-input=false")
        terraform(project, "apply", "-input=false", "-auto-approve")
        yield project
    finally:
        embedded_aws.down(project.root)


def test_an_earlier_deployment_upgrades_keeps_what_it_holds_and_runs(deployed: Project) -> None:
    s3, secrets = boto3.client("s3"), boto3.client("secretsmanager")
    bucket = json.loads(terraform(deployed, "output", "-json"))["bucket"]["value"]
    version = s3.put_object(Bucket=bucket, Key="customer/landing/a.json", Body=b"{}")["VersionId"]
    secret = secrets.get_secret_value(SecretId="stedi-local-subject-key")["SecretString"]

    for folder in FOLDERS:  # the state is in build/
        shutil.rmtree(deployed.root / folder)
        ignore = shutil.ignore_patterns(".terraform", "*.tfstate*", "__pycache__")
        shutil.copytree(REPOSITORY / folder, deployed.root / folder, ignore=ignore)
    terraform(deployed, "init", "-input=false")
    change = planned(deployed)
    assert {what for what, address in KEPT.items() if "delete" in change.get(address, [])} == set()
    assert [
        address for address, actions in change.items() if "glue_catalog_table" in address and "delete" in actions
    ] == []

    deployed.succeed("apply")
    assert planned(deployed) == {}
    assert secrets.get_secret_value(SecretId="stedi-local-subject-key")["SecretString"] == secret
    assert s3.head_object(Bucket=bucket, Key="customer/landing/a.json")["VersionId"] == version

    # The one step by hand: in Athena, ALTER TABLE ... CHANGE COLUMN.
    env = deployed.environment()
    catalog = load_catalog(
        "test",
        **{
            "type": "glue",
            "glue.endpoint": env["AWS_ENDPOINT_URL"],
            "s3.endpoint": env["AWS_ENDPOINT_URL"],
            "glue.region": env["AWS_REGION"],
            "s3.region": env["AWS_REGION"],
        },
    )
    with catalog.load_table((env["STEDI_AUDIT_DATABASE"], "pipeline_runs")).update_schema() as schema:
        schema.rename_column("fate", "outcome")

    deployed.succeed("run")
    expected = json.loads((deployed.root / "build/local/sample/expected.json").read_text())["published"]
    assert deployed.iceberg_rows() == {table: expected[table] for table in ICEBERG_TABLES}
    assert deployed.table("pipeline_runs", "STEDI_AUDIT_DATABASE").num_rows > 0
