"""The jobs on Iceberg's own GlueCatalog and S3FileIO, as on AWS, against the embedded AWS with IAM enforced.

`make test-glue-catalog` fetches the connectors first. The locally served catalog must not drift from what they do.
"""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from tests.support.project import ALL_JOBS, AUDIT_TABLES, ICEBERG_TABLES, REPOSITORY, Project, iam_enforced

PROFILES = ["published", "consent_date", "strict"]
REPORT = REPOSITORY / "build" / "aws-actions.json"

# What the roles allow beyond what the embedded AWS is asked for, and who needs it.
NOT_ASKED_FOR_HERE = {
    "cloudwatch:*": "Glue, for the metrics of a job",
    "ec2:*": "Glue, for a job in a VPC",
    "glue:GetConnection": "Glue, for a job in a VPC",
    "glue:GetDatabase": "Spark, if it opens its session catalog: of `default` alone",
    "glue:GetJobRun": "the lease, if another operation holds it",
    "glue:GetWorkflowRun": "the lease, if another operation holds it",
    "glue:GetWorkflowRunProperties": "the lease, in a workflow run: forget has the policy of the others",
    "kms:*": "S3 with a key of the customer's",
    "logs:*": "Glue, which writes in the role's name; forget, where a log names somebody",
    "s3:AbortMultipartUpload": "S3FileIO and Hadoop's S3 connector, for a file of more than 32 MB",
    "s3:DeleteObject": "S3FileIO, after a failed write or a withdrawal; Hadoop's S3 connector, to rename",
    "s3:DeleteObjectVersion": "a withdrawal",
    "s3:GetBucketLocation": "Hadoop's S3 connector",
    "s3:ListBucket": "S3, to answer that an object is not there",
    "s3:ListBucketVersions": "a withdrawal",
    "s3:ListMultipartUploadParts": "S3FileIO and Hadoop's S3 connector, for a file of more than 32 MB",
}


@pytest.fixture(scope="module")
def jar() -> Path:
    """Return the jar that has the connectors: Iceberg with GlueCatalog, S3FileIO and the AWS SDK for Java."""
    found = list(REPOSITORY.glob(".venv-glue-catalog/lib/*/site-packages/feature_store_pyspark/jars/*-3.5.jar"))
    if not found:
        pytest.skip("the connectors are not here: make test-glue-catalog")
    return found[0]


@pytest.fixture(scope="module")
def lakehouse(project: Project, jar: Path) -> Iterator[Project]:
    """A project whose embedded AWS runs jobs on the connectors."""
    with iam_enforced(project, glue_catalog_jar=jar):
        yield project


@pytest.fixture(scope="module")
def expected(lakehouse: Project) -> dict[str, dict[str, int]]:
    """All runs of the pipeline: the rows that each profile must give; the last run is one of the last profile."""
    for profile in PROFILES:
        lakehouse.succeed("run", "--profile", profile)
        rows: dict[str, dict[str, int]] = json.loads((lakehouse.root / "build/local/sample/expected.json").read_text())
        assert lakehouse.report()["tables"] == rows[profile]
        assert lakehouse.iceberg_rows() == {table: rows[profile][table] for table in ICEBERG_TABLES}
    return rows


def commits(lakehouse: Project) -> dict[str, int]:
    """Return how many commits each table has had: Iceberg numbers its metadata files, and old ones are deleted."""
    numbers = {}
    for table in ICEBERG_TABLES:
        file = lakehouse.iceberg(table).metadata_location.rpartition("/")[2]
        numbers[table] = int(file.partition("-")[0])
    return numbers


def test_the_jobs_used_the_connectors(lakehouse: Project, expected: dict[str, dict[str, int]], jar: Path) -> None:
    confs = [path.read_text() for path in (lakehouse.root / "build/local/jobs").glob("*/spark.properties")]
    assert len(confs) >= 5 * len(PROFILES)
    for conf in confs:
        assert f"spark.driver.extraClassPath={jar}" in conf
        assert "catalog-impl=smfs.shaded.org.apache.iceberg.aws.glue.GlueCatalog" in conf
        assert "io-impl=smfs.shaded.org.apache.iceberg.aws.s3.S3FileIO" in conf
        assert "RESTCatalog" not in conf


def test_a_rerun_gives_the_same(lakehouse: Project, expected: dict[str, dict[str, int]]) -> None:
    before = commits(lakehouse)
    lakehouse.succeed("run", "--profile", PROFILES[-1])
    assert lakehouse.report()["tables"] == expected[PROFILES[-1]]
    assert lakehouse.iceberg_rows() == {table: expected[PROFILES[-1]][table] for table in ICEBERG_TABLES}
    assert all(number > before[table] for table, number in commits(lakehouse).items())


def test_a_rollback_makes_an_earlier_run_current(lakehouse: Project, expected: dict[str, dict[str, int]]) -> None:
    latest, before, *_ = csv.DictReader(lakehouse.succeed("runs").splitlines())
    assert latest["profile"] == before["profile"] == PROFILES[-1]
    lakehouse.succeed("rollback", "--run", before["run"])
    assert lakehouse.iceberg_rows() == {table: expected[PROFILES[-1]][table] for table in ICEBERG_TABLES}


def test_terraform_plans_no_change(lakehouse: Project, expected: dict[str, dict[str, int]]) -> None:
    assert "No changes" in lakehouse.succeed("plan", "--profile", PROFILES[-1])


@pytest.fixture(scope="module")
def forgotten(lakehouse: Project, expected: dict[str, dict[str, int]]) -> str:
    """Somebody who was erased; tests of the whole tables come before those that ask for this."""
    email: str = lakehouse.table("customers_curated").column("email").to_pylist()[0]
    lakehouse.succeed("forget", "--email", email, "--yes")
    return email


def test_somebody_is_forgotten(lakehouse: Project, expected: dict[str, dict[str, int]], forgotten: str) -> None:
    assert forgotten not in lakehouse.table("customer_trusted").column("email").to_pylist()
    assert lakehouse.iceberg_rows()["customer_trusted"] < expected[PROFILES[-1]]["customer_trusted"]


def asked_for(lakehouse: Project) -> dict[str, set[str]]:
    """Return the AWS actions that the runs of each job were allowed."""
    glue, prefix = lakehouse.client("glue"), lakehouse.environment()["STEDI_WORKFLOW"].removesuffix("-lakehouse")
    job_of = {
        run["Id"][3:35]: job
        for job in ALL_JOBS
        for run in glue.get_job_runs(JobName=f"{prefix}-{job.replace('_', '-')}")["JobRuns"]
    }
    log = (lakehouse.root / "build/local/embedded_aws.log").read_text()
    found = defaultdict(set)
    for action, session in re.findall(r"allowed (\w+:\w+): \S+:assumed-role/\S+/glue-(\S+)", log):
        found[job_of[session]].add(action)
    return found


def allowed(lakehouse: Project, role: str) -> set[str]:
    """Return the actions that the policies of a role allow."""
    iam = lakehouse.client("iam")
    actions: set[str] = set()
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        policy: dict[str, Any] = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for statement in policy["Statement"]:
            if statement["Effect"] == "Allow":
                actions |= set([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    return actions


def test_roles_allow_what_is_needed_and_no_more(lakehouse: Project, forgotten: str) -> None:
    jobs = asked_for(lakehouse)
    assert set(jobs) == set(ALL_JOBS)
    prefix = lakehouse.environment()["STEDI_WORKFLOW"].removesuffix("-lakehouse")
    unused = {}
    for role, its_jobs in {"jobs": ALL_JOBS[:-1], "forget": ALL_JOBS[-1:]}.items():
        used = set().union(*(jobs[job] for job in its_jobs))
        unused[role] = allowed(lakehouse, f"{prefix}-glue-{role}") - used
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(
        json.dumps(
            {
                "asked for by": {job: sorted(actions) for job, actions in jobs.items()},
                "allowed and not asked for here": {role: sorted(actions) for role, actions in unused.items()},
            },
            indent=2,
        )
        + "\n"
    )
    print(REPORT.read_text())
    unexplained = {
        (role, action)
        for role, actions in unused.items()
        for action in actions
        if not any(fnmatchcase(action, pattern) for pattern in NOT_ASKED_FOR_HERE)
    }
    assert not unexplained


def test_every_table_was_committed_to(lakehouse: Project, expected: dict[str, dict[str, int]]) -> None:
    """Those of the evidence too."""
    glue, env = lakehouse.client("glue"), lakehouse.environment()
    for database, tables in (
        (env["STEDI_DATABASE"], ICEBERG_TABLES),
        (env["STEDI_AUDIT_DATABASE"], AUDIT_TABLES[:2]),
    ):
        for table in tables:
            parameters = glue.get_table(DatabaseName=database, Name=table)["Table"]["Parameters"]
            assert parameters["table_type"].upper() == "ICEBERG"
            assert "previous_metadata_location" in parameters
