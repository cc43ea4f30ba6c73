"""The lakehouse in another team's bucket, database, roles, topic, workgroup and secrets: it keeps to its prefix."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.test_forget import Bucket
from tests.support.project import JOBS, REPOSITORY, Project, iam_enforced

pytestmark = pytest.mark.slow

EXAMPLE = REPOSITORY / "terraform/examples/existing-bucket"
PREFIX = "teams/stedi/"
OURS, SALES = f"{PREFIX}customer/landing/", "teams/sales/orders/1.json"
OTHERS = [SALES, "teams/stedi-archive/people.json", "customer/landing/people.json", "warehouse/analytics/orders/1.json"]
"""Keys of other teams, next to the prefix and named like folders of a lakehouse."""


def bring_resources(project: Project) -> None:
    """Make the local environment use the resources of the example, which exist beside it."""
    root = project.root / "terraform/environments/local"
    for name in ("bucket.tf", "roles.tf", "shared.tf"):
        shutil.copy(EXAMPLE / name, root)
    (root / "embedded.tf").write_text('variable "embedded" {\n  type    = bool\n  default = true\n}\n')
    existing = [line for line in (EXAMPLE / "main.tf").read_text().splitlines() if line.startswith("  existing_")]
    assert len(existing) == 6
    main = root / "main.tf"
    main.write_text(
        main.read_text().replace('environment     = "local"', "\n".join(['environment = "local"', *existing]))
    )
    assert existing[0] in main.read_text()


def outside(project: Project, bucket: str) -> dict[tuple[str, str], bool]:
    """Return (key, version id) of each version and delete marker of the other teams, and whether it is the latest."""
    pages = project.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket)
    return {
        (item["Key"], item["VersionId"]): item["IsLatest"]
        for page in pages
        for kind in ("Versions", "DeleteMarkers")
        for item in page.get(kind, [])
        if not item["Key"].startswith(PREFIX)
    }


@pytest.fixture(scope="module")
def shared(project: Project) -> Iterator[dict[str, Any]]:
    """A run and an erasure under IAM enforcement; the person is also in data of other teams."""
    bring_resources(project)
    with iam_enforced(project):
        project.succeed("apply")
        root = project.environment()["STEDI_BUCKET"]
        bucket, s3, glue = root.partition("/")[0], project.client("s3"), project.client("glue")
        ran = project.succeed("run")
        email = str(project.table("customers_curated").column("email")[0])
        for key in OTHERS:
            for content in (f'{{"email": "{email}", "old": true}}', f'{{"email": "{email}"}}'):
                s3.put_object(Bucket=bucket, Key=key, Body=content.encode())
        s3.delete_object(Bucket=bucket, Key=OTHERS[1])
        orders = glue.get_table(DatabaseName="analytics", Name="orders")["Table"]
        before = outside(project, bucket)
        forgot = project.succeed("forget", EMAIL=email, YES="1")
        (report,) = (project.root / "build/local").glob("forget-*.json")
        yield {
            "root": root,
            "bucket": bucket,
            "ran": ran,
            "forgot": forgot,
            "email": email,
            "report": json.loads(report.read_text()),
            "before": before,
            "after": outside(project, bucket),
            "orders": (orders, glue.get_table(DatabaseName="analytics", Name="orders")["Table"]),
            "run": project.report(),
        }


def test_a_run_has_the_counts_of_the_sample_under_the_roles_of_another_team(
    project: Project, shared: dict[str, Any]
) -> None:
    assert shared["root"] == f"{shared['bucket']}/teams/stedi"
    assert [(job["name"], job["state"]) for job in shared["run"]["jobs"]] == [(name, "SUCCEEDED") for name in JOBS]
    expected = json.loads((project.root / "build/local/sample/expected.json").read_text())
    assert shared["run"]["tables"] == expected[shared["run"]["profile"]]
    jobs = project.client("glue").get_jobs()["Jobs"]
    assert {job["Role"].rpartition("/")[2] for job in jobs} == {"etl-jobs", "etl-forget"}


def test_everything_of_the_lakehouse_is_below_its_prefix(project: Project, shared: dict[str, Any]) -> None:
    ours = {key for key, _ in everything(project, shared["bucket"]) if key.startswith(PREFIX)}
    folders = {key.removeprefix(PREFIX).split("/")[0] for key in ours}
    assert folders >= {"accelerometer", "customer", "forget", "glue", "operations", "step_trainer", "warehouse"}
    assert {key for key, _ in everything(project, shared["bucket"])} - ours == set(OTHERS)


def test_an_erasure_keeps_to_the_prefix(project: Project, shared: dict[str, Any]) -> None:
    assert len(shared["before"]) == 2 * len(OTHERS) + 1
    assert shared["after"] == shared["before"], "no version of another team's object is touched"
    left = {key for key, content in everything(project, shared["bucket"]) if shared["email"].encode() in content}
    assert left == set(OTHERS)
    verified = shared["report"]["verification"]
    assert verified["findings"] == 0
    assert verified["objects"] > 0


def test_tables_of_other_teams_are_left_alone(shared: dict[str, Any]) -> None:
    before, after = shared["orders"]
    assert after == before


def test_a_refused_file_is_named_below_the_prefix(project: Project, shared: dict[str, Any]) -> None:
    key = f"{OURS}wide.json"
    wide = project.root / "wide"
    shutil.copytree(project.root / "build/local/sample", wide)
    (wide / "customer/landing/wide.json").write_bytes('{"email": "x"}'.encode("utf-16"))
    failed = project.lakehouse("run", "--data", str(wide))
    assert failed.returncode != 0
    (number,) = set(re.findall(r"file-[0-9a-f]{12}", failed.stdout + failed.stderr))
    assert "wide.json" not in failed.stdout + failed.stderr
    assert project.succeed("name", "--number", number).strip() == key


def everything(project: Project, bucket: str) -> list[tuple[str, bytes]]:
    """Return (key, content) of each version in the bucket."""
    found = Bucket(project)
    found.name = bucket
    return list(found.versions())
