"""Every Terraform root is valid, and `terraform test` passes, with mocked providers and without AWS.

Terraform starts the provider twice for each `run`, and for each command, which costs more than what they test. Here all
share one provider that runs already, as under a debugger.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse.project import LOCAL, Project
from lakehouse.terraform import executable
from lakehouse.terraform_provider import cli_configuration
from tests.support.project import REPOSITORY

TERRAFORM = REPOSITORY / "terraform"
ROOTS = sorted(
    str(lock.parent.relative_to(TERRAFORM))
    for lock in TERRAFORM.rglob(".terraform.lock.hcl")
    if ".terraform" not in lock.parent.parts
)
TESTED = sorted({str(file.parents[1].relative_to(TERRAFORM)) for file in TERRAFORM.rglob("*.tftest.hcl")})


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Terraform as the command line configures it; its downloads and links stay out of the checkout."""
    config = cli_configuration(Project.at(REPOSITORY, LOCAL))
    settings = {
        "AWS_EC2_METADATA_DISABLED": "true",
        "CHECKPOINT_DISABLE": "1",
        "TF_DATA_DIR": str(tmp_path_factory.mktemp("terraform-data")),
        "TF_IN_AUTOMATION": "1",
    }
    return os.environ | settings | ({"TF_CLI_CONFIG_FILE": str(config)} if config else {})


@pytest.fixture(scope="module")
def provider(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """Start the provider; return the environment with which Terraform uses it."""
    initialize(".", environment)
    (binary,) = data_of(".", environment).glob("providers/*/hashicorp/aws/*/*/terraform-provider-aws_*")
    own = environment | {"TF_LOG": "OFF", "TF_LOG_SDK_PROTO": "OFF"}
    own.pop("AWS_CA_BUNDLE", None)  # with it the provider can be configured once only, and nothing here is on a network
    with subprocess.Popen(
        [binary, "-debug"], env=own, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as running:
        try:
            assert running.stdout
            found = (re.search("TF_REATTACH_PROVIDERS='(.*)'", line) for line in running.stdout)
            yield environment | {"TF_REATTACH_PROVIDERS": next(match for match in found if match)[1]}
        finally:
            running.terminate()


def data_of(root: str, environment: dict[str, str]) -> Path:
    return Path(environment["TF_DATA_DIR"]) / root.replace("/", "-")


def terraform(root: str, environment: dict[str, str], *arguments: str) -> None:
    done = subprocess.run(
        [str(executable()), f"-chdir={TERRAFORM / root}", *arguments],
        env=environment | {"TF_DATA_DIR": str(data_of(root, environment))},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"terraform {' '.join(arguments)} in {root}\n{done.stdout}\n{done.stderr}"


def initialize(root: str, environment: dict[str, str]) -> None:
    terraform(root, environment, "init", "-backend=false", "-input=false", "-lockfile=readonly", "-no-color")


def test_roots_are_found() -> None:
    assert {".", "environments/local", "environments/dev"} <= set(ROOTS)
    assert "." in TESTED


@pytest.mark.parametrize("root", ROOTS)
def test_root_is_valid(root: str, environment: dict[str, str], provider: dict[str, str]) -> None:
    initialize(root, environment)
    terraform(root, provider, "validate", "-no-color")


MOCKED = """
mock_provider "aws" {
  source = "./mocks"
}

run "plan" {
  command = plan
}
"""


@pytest.mark.parametrize("source", ["repository/terraform", "repository//terraform"])
def test_a_source_without_the_double_slash_is_refused_with_the_remedy(
    source: str, environment: dict[str, str], tmp_path: Path
) -> None:
    """Terraform copies a source up to its double slash, and the module also needs ddl/ and glue_jobs/."""
    for folder in ("ddl", "glue_jobs", "terraform"):
        ignore = shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "__pycache__")
        shutil.copytree(REPOSITORY / folder, tmp_path / "repository" / folder, ignore=ignore)
    root = tmp_path / "root"
    (root / "tests").mkdir(parents=True)
    shutil.copytree(TERRAFORM / "tests/mocks", root / "mocks")
    (root / "tests/plan.tftest.hcl").write_text(MOCKED)
    shutil.copy(TERRAFORM / "versions.tf", root)
    (root / "main.tf").write_text(
        f'module "lakehouse" {{\n  source      = "{tmp_path}/{source}"\n  environment = "test"\n}}\n'
    )
    own = environment | {"TF_DATA_DIR": str(tmp_path / "data")}
    command = [str(executable()), f"-chdir={root}"]
    subprocess.run([*command, "init", "-no-color"], env=own, capture_output=True, check=True, timeout=300)
    done = subprocess.run(
        [*command, "test", "-no-color"], env=own, capture_output=True, text=True, check=False, timeout=300
    )
    if source.endswith("//terraform"):
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    else:
        assert done.returncode != 0
        assert 'write "<repository>//terraform" as the module\'s source' in " ".join(
            done.stderr.replace("│", "").split()
        )


@pytest.mark.parametrize("root", TESTED)
def test_mocked_tests_pass(root: str, environment: dict[str, str], provider: dict[str, str]) -> None:
    initialize(root, environment)
    terraform(root, provider, "test", "-no-color")
