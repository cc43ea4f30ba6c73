"""What must hold of the workflows: whoever loosens one of these should have to say so here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
ACTIONS = sorted((ROOT / ".github/actions").glob("*/action.yml"))
# Per job, what it may do with the repository's token beyond checking out.
RIGHTS = {
    ("checks", "checks"): {},
    ("checks", "slow"): {},
    ("plan", "plan"): {"id-token": "write", "pull-requests": "write"},
    ("apply", "dev"): {"id-token": "write"},
    ("apply", "prod"): {"id-token": "write"},
    ("connectors", "connectors"): {},
    ("drift", "drift"): {"id-token": "write", "issues": "write"},
}


def load(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    if True in document:
        document["on"] = document.pop(True)  # YAML 1.1 reads the key `on` as a boolean
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
def test_every_action_is_this_repositorys_or_pinned_by_commit(path: Path) -> None:
    for step in steps(load(path)):
        if "uses" not in step:
            continue
        uses = step["uses"]
        if uses.startswith("$/"):
            assert (ROOT / uses[2:] / "action.yml").is_file(), uses
        else:
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", uses), uses
            line = next(line for line in path.read_text(encoding="utf-8").splitlines() if uses in line)
            assert re.search(r"# v\d+\.\d+\.\d+$", line), f"no version beside {uses}"


def test_nothing_runs_a_strangers_code_with_our_rights() -> None:
    for path in WORKFLOWS:
        assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(load(path)["on"]), path.name


def test_jobs_have_exactly_the_rights_that_they_need() -> None:
    assert {path.stem: load(path)["permissions"] for path in WORKFLOWS} == {path.stem: {} for path in WORKFLOWS}
    assert {(name, job): definition["permissions"] for name, job, definition in jobs()} == {
        key: {"contents": "read", **rights} for key, rights in RIGHTS.items()
    }


def test_every_job_ends_and_leaves_no_token_on_the_disk() -> None:
    for name, job, definition in jobs():
        assert definition["timeout-minutes"] <= 120, (name, job)
        checkouts = [step for step in definition["steps"] if step.get("uses", "").startswith("actions/checkout@")]
        assert [step["with"]["persist-credentials"] for step in checkouts] == [False], (name, job)


def test_there_are_no_secrets() -> None:
    for path in [*WORKFLOWS, *ACTIONS]:
        assert "secrets" not in " ".join(re.findall(r"\$\{\{(.*?)\}\}", path.read_text(encoding="utf-8"))), path.name


def test_scripts_get_values_by_environment_and_never_by_text() -> None:
    for path in [*WORKFLOWS, *ACTIONS]:
        for step in steps(load(path)):
            script = step.get("run", "") + str(step.get("with", {}).get("script", ""))
            assert "${{" not in script, f"{path.name}: {script}"


def test_every_make_target_that_is_called_exists() -> None:
    called = {
        target for path in [*WORKFLOWS, *ACTIONS] for target in re.findall(r"\bmake ([a-z-]+)", commands(load(path)))
    }
    assert called == {"lint", "checkov", "test", "test-slow", "plan", "apply", "run-pipeline", "test-glue-catalog"}
    assert called <= make_targets()


def test_every_environment_that_is_named_exists() -> None:
    planned = {name: workflow(name)["jobs"][name]["strategy"]["matrix"]["include"] for name in ("plan", "drift")}
    applied = {step["with"]["environment"] for step in steps(workflow("apply")) if "apply" in step["uses"]}
    roots = {path.name for path in (ROOT / "terraform/environments").iterdir() if (path / "versions.tf").is_file()}
    assert {entry["environment"] for entry in planned["plan"]} == applied == roots - {"local"}
    assert planned["plan"] == planned["drift"]


def test_forks_get_no_plan() -> None:
    condition = workflow("plan")["jobs"]["plan"]["if"]
    assert "github.event.pull_request.head.repo.full_name == github.repository" in condition
    assert set(workflow("plan")["on"]) == {"pull_request", "workflow_dispatch"}


def test_applies_wait_for_each_other_and_are_never_cancelled() -> None:
    document = workflow("apply")
    assert document["on"] == {"push": {"branches": ["main"]}}
    assert "concurrency" not in document, "a group of the whole workflow would let a waiting prod block dev"
    assert {job: definition["concurrency"] for job, definition in document["jobs"].items()} == {
        job: {"group": f"apply-{job}", "cancel-in-progress": False, "queue": "max"} for job in ("dev", "prod")
    }


def test_prod_comes_after_dev_and_through_its_gate() -> None:
    definitions = workflow("apply")["jobs"]
    assert definitions["prod"]["needs"] == "dev"
    assert definitions["prod"]["environment"] == "prod"
    # The subject of dev's token names the branch, and that is what its role trusts: an environment would replace it.
    assert "environment" not in definitions["dev"]


def test_what_is_applied_is_the_reviewed_plan_after_it_was_compared() -> None:
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
