"""Safety properties of the workflows: loosening one requires a change here."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
ACTIONS = sorted((ROOT / ".github/actions").glob("*/action.yml"))
# Permissions of each job's repository token, in addition to checking out.
RIGHTS = {
    ("checks", "checks"): {},
    ("checks", "slow"): {},
    ("plan", "environments"): {},
    ("plan", "plan"): {"id-token": "write", "pull-requests": "write"},
    ("drift", "environments"): {},
    ("apply", "dev"): {"id-token": "write"},
    ("apply", "prod"): {"id-token": "write"},
    ("connectors", "connectors"): {},
    ("docs", "site"): {},
    ("links", "links"): {},
    ("drift", "drift"): {"id-token": "write", "issues": "write"},
}
# The same of jobs that do not check out.
WITHOUT_CODE: dict[tuple[str, str], dict[str, str]] = {
    ("plan", "plans"): {},
    ("docs", "publish"): {"id-token": "write", "pages": "write"},
}


def load(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    if True in document:
        document["on"] = document.pop(True)  # YAML 1.1 parses the key `on` as a boolean
    return document


def workflow(name: str) -> dict[str, Any]:
    return load(ROOT / f".github/workflows/{name}.yml")


def jobs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path in WORKFLOWS:
        for job, definition in load(path)["jobs"].items():
            yield path.stem, job, definition


def steps(document: dict[str, Any]) -> list[dict[str, Any]]:
    """All steps of a workflow or of a composite action."""
    if "runs" in document:
        return list(document["runs"]["steps"])
    return [step for job in document["jobs"].values() for step in job["steps"]]


def commands(document: dict[str, Any]) -> str:
    return "\n".join(step["run"] for step in steps(document) if "run" in step)


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_action_is_local_or_pinned_by_commit(path: Path) -> None:
    for step in steps(load(path)):
        if "uses" not in step:
            continue
        uses = step["uses"]
        if uses.startswith("$/"):
            assert (ROOT / uses[2:] / "action.yml").is_file(), uses
        else:
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", uses), uses
            line = next(line for line in path.read_text(encoding="utf-8").splitlines() if uses in line)
            assert re.search(r"# v\d+\.\d+\.\d+$", line), f"no version comment after {uses}"


def test_no_trigger_runs_foreign_code_with_privileges() -> None:
    for path in WORKFLOWS:
        assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(load(path)["on"]), path.name


def test_jobs_have_exactly_the_permissions_that_they_need() -> None:
    assert {path.stem: load(path)["permissions"] for path in WORKFLOWS} == {path.stem: {} for path in WORKFLOWS}
    assert {(name, job): definition["permissions"] for name, job, definition in jobs()} == {
        key: {"contents": "read", **rights} for key, rights in RIGHTS.items()
    } | WITHOUT_CODE


def test_every_job_has_a_timeout_and_leaves_no_token_on_disk() -> None:
    for name, job, definition in jobs():
        assert definition["timeout-minutes"] <= 120, (name, job)
        checkouts = [step for step in definition["steps"] if step.get("uses", "").startswith("actions/checkout@")]
        assert [step["with"]["persist-credentials"] for step in checkouts] == [False] * (
            (name, job) not in WITHOUT_CODE
        )


def test_there_are_no_secrets() -> None:
    for path in [*WORKFLOWS, *ACTIONS]:
        assert "secrets" not in " ".join(re.findall(r"\$\{\{(.*?)\}\}", path.read_text(encoding="utf-8"))), path.name


def test_scripts_get_values_from_the_environment_and_never_inline() -> None:
    for path in [*WORKFLOWS, *ACTIONS]:
        for step in steps(load(path)):
            script = step.get("run", "") + str(step.get("with", {}).get("script", ""))
            assert "${{" not in script, f"{path.name}: {script}"


def test_every_called_make_target_exists() -> None:
    called = {
        target for path in [*WORKFLOWS, *ACTIONS] for target in re.findall(r"\bmake ([a-z-]+)", commands(load(path)))
    }
    tests = {
        "test",
        "test-slow",
        "test-athena-clients",
        "test-glue-catalog",
        "test-training",
        "test-report",
        "test-site",
    }
    assert called == tests | {"lint", "links", "checkov", "plan", "apply", "run-pipeline"}
    assert called <= make_targets()


def test_every_named_environment_exists() -> None:
    applied = {step["with"]["environment"] for step in steps(workflow("apply")) if "apply" in step["uses"]}
    roots = {path.name for path in (ROOT / "terraform/environments").iterdir() if (path / "versions.tf").is_file()}
    variables = {f"{name.upper()}_STATE_BUCKET": "bucket" for name in roots}
    assert {entry["environment"] for entry in environments_found(variables)} == applied == roots - {"local"}


def environments_found(variables: dict[str, str]) -> list[dict[str, str]]:
    """Run the step that finds the environments with variables, and return its matrix."""
    if shutil.which("jq") is None:
        pytest.skip("jq is not installed here; it is on GitHub's runners")
    script = commands(load(ROOT / ".github/actions/environments/action.yml"))
    with tempfile.NamedTemporaryFile("r") as output:
        subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=ROOT,
            env=os.environ | {"VARIABLES": json.dumps(variables), "GITHUB_OUTPUT": output.name},
            check=True,
            capture_output=True,
        )
        name, _, value = output.read().partition("=")
    assert name == "found"
    found: list[dict[str, str]] = json.loads(value)
    return found


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({}, []),
        ({"DEV_STATE_BUCKET": "states"}, ["dev"]),
        ({"PROD_STATE_BUCKET": "states", "DEV_STATE_BUCKET": ""}, ["prod"]),
        ({"LOCAL_STATE_BUCKET": "states", "PROD_AWS_REGION": "us-east-1"}, []),
    ],
)
def test_an_environment_without_its_variables_is_skipped(variables: dict[str, str], found: list[str]) -> None:
    assert [entry["environment"] for entry in environments_found(variables)] == found


def test_an_environment_is_planned_with_its_own_variables() -> None:
    names = re.findall(r'"\$\{upper\(environment\)\}(_[A-Z_]+)"', (ROOT / "terraform/bootstrap/outputs.tf").read_text())
    [entry] = environments_found({f"DEV{name}": f"dev{name}" for name in names})
    assert entry == {
        "environment": "dev",
        "role-arn": "dev_PLAN_ROLE_ARN",
        "region": "dev_AWS_REGION",
        "state-bucket": "dev_STATE_BUCKET",
        "permissions-boundary": "dev_PERMISSIONS_BOUNDARY_ARN",
    }


@pytest.mark.parametrize("name", ["plan", "drift"])
def test_only_found_environments_are_planned(name: str) -> None:
    job = workflow(name)["jobs"][name]
    assert job["needs"] == "environments"
    assert job["if"] == "needs.environments.outputs.found != '[]'"
    assert job["strategy"]["matrix"] == {"include": "${{ fromJSON(needs.environments.outputs.found) }}"}


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_only_environments_with_variables_are_applied(environment: str) -> None:
    assert f"vars.{environment.upper()}_STATE_BUCKET != ''" in workflow("apply")["jobs"][environment]["if"]


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ("success success", 0),
        ("skipped skipped", 0),
        ("success failure", 1),
        ("failure skipped", 1),
        ("success cancelled", 1),
    ],
)
def test_one_check_reports_for_all_plans(results: str, code: int) -> None:
    collector = workflow("plan")["jobs"]["plans"]
    assert (collector["needs"], collector["if"]) == (["environments", "plan"], "always()")
    [step] = collector["steps"]
    assert step["env"] == {"RESULTS": "${{ join(needs.*.result, ' ') }}"}
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", step["run"]], env={"RESULTS": results}, check=False)
    assert done.returncode == code


def test_required_checks_always_report() -> None:
    """A check named after a matrix entry never reports if the entry is skipped, and would block the merge."""
    page = (ROOT / "docs/ci.md").read_text(encoding="utf-8")
    required = set(re.findall(r'"context": "([^"]+)"', page))
    checks = workflow("checks")["jobs"]
    assert required == {checks["checks"]["name"], checks["slow"]["name"], workflow("plan")["jobs"]["plans"]["name"]}


def test_credentials_last_as_long_as_their_job() -> None:
    """Otherwise an apply, or the pipeline run after it, would lose them halfway."""
    [session] = [
        int(step["with"]["session-seconds"])
        for step in steps(load(ROOT / ".github/actions/apply/action.yml"))
        if "session-seconds" in step.get("with", {})
    ]
    limits = {definition["timeout-minutes"] * 60 for definition in workflow("apply")["jobs"].values()}
    roles = (ROOT / "terraform/bootstrap/roles.tf").read_text(encoding="utf-8")
    assert {session} == limits == {int(limit) for limit in re.findall(r"max_session_duration = (\d+)", roles)}
    default = load(ROOT / ".github/actions/environment/action.yml")["inputs"]["session-seconds"]["default"]
    for name in ("plan", "drift"):
        assert workflow(name)["jobs"][name]["timeout-minutes"] * 60 <= int(default)


def test_dependabot_covers_every_folder_with_providers() -> None:
    """A folder that is left out would keep its provider version forever."""
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text(encoding="utf-8"))["updates"]
    [watched] = [update["directories"] for update in updates if update["package-ecosystem"] == "terraform"]
    folders = {f"/{path.parent.relative_to(ROOT)}" for path in (ROOT / "terraform").rglob("versions.tf")}
    assert {folder for folder in folders if not any(fnmatch(folder, pattern) for pattern in watched)} == set()


def test_forks_get_no_plan() -> None:
    condition = workflow("plan")["jobs"]["environments"]["if"]
    assert "github.event.pull_request.head.repo.full_name == github.repository" in condition
    assert set(workflow("plan")["on"]) == {"pull_request", "workflow_dispatch"}


def test_applies_wait_for_each_other_and_are_never_cancelled() -> None:
    document = workflow("apply")
    [(event, trigger)] = document["on"].items()
    assert (event, trigger["branches"]) == ("push", ["main"])
    assert trigger["paths-ignore"] == ["docs/**", "**.md", "LICENSE"], "applied or executed files must not be ignored"
    assert "concurrency" not in document, "a group of the whole workflow would let a waiting prod block dev"
    assert {job: definition["concurrency"] for job, definition in document["jobs"].items()} == {
        job: {"group": f"apply-{job}", "cancel-in-progress": False, "queue": "max"} for job in ("dev", "prod")
    }


def test_prod_comes_after_dev_and_through_its_gate() -> None:
    definitions = workflow("apply")["jobs"]
    assert definitions["prod"]["needs"] == "dev"
    assert definitions["prod"]["environment"] == "prod"
    # dev's role trusts the branch in the token's subject; a GitHub environment would replace the branch there.
    assert "environment" not in definitions["dev"]


def test_the_reviewed_plan_is_compared_before_it_is_applied() -> None:
    script = commands(load(ROOT / ".github/actions/apply/action.yml"))
    saved = commands(workflow("plan"))
    key = "$STATE_BUCKET/plans/$ENVIRONMENT/"
    assert f"{key}$(git rev-parse 'HEAD^{{tree}}')/plan.tfplan" in saved
    assert f"{key}$tree/plan.tfplan" in script
    order = [
        "git rev-parse 'HEAD^{tree}'",
        "aws s3 cp",
        "make plan",
        ".github/scripts/same-plan.sh",
        'make apply ENV="$ENVIRONMENT" PLAN="build/$ENVIRONMENT/reviewed.tfplan"',
        "make run-pipeline",
    ]
    positions = [script.index(part) for part in order]
    assert positions == sorted(positions)
