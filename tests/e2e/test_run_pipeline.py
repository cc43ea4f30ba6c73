"""The whole lakehouse, as `make run-pipeline` runs it: Terraform, upload, workflow, five Spark jobs, report."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pyiceberg.catalog import load_catalog

from tests.conftest import ICEBERG_TABLES, JOBS, LANDING_TABLES, Project

PROFILES = ["published", "consent_date", "strict"]
REAL_LANDING = {"customer_landing": 956, "accelerometer_landing": 81_273, "step_trainer_landing": 28_680}
REAL_COUNTS = {
    "published": [482, 40_981, 482, 14_460, 43_681],
    "consent_date": [482, 32_025, 464, 13_920, 37_000],
    "strict": [482, 32_025, 464, 11_297, 32_025],
}
PERSONAL = {"user", "email", "customername", "name", "phone", "birthday"}


def iceberg_rows(project: Project) -> dict[str, int]:
    """Count the rows of the five Iceberg tables as any client would: Glue catalog, metadata, Parquet files in S3."""
    env = project.environment()
    settings = {
        "type": "glue",
        "glue.endpoint": env["AWS_ENDPOINT_URL"],
        "glue.region": env["AWS_REGION"],
        "glue.access-key-id": env["AWS_ACCESS_KEY_ID"],
        "glue.secret-access-key": env["AWS_SECRET_ACCESS_KEY"],
        "s3.endpoint": env["AWS_ENDPOINT_URL"],
        "s3.region": env["AWS_REGION"],
        "s3.access-key-id": env["AWS_ACCESS_KEY_ID"],
        "s3.secret-access-key": env["AWS_SECRET_ACCESS_KEY"],
    }
    catalog = load_catalog("test", **settings)
    return {
        table: catalog.load_table((env["STEDI_DATABASE"], table)).scan().to_arrow().num_rows for table in ICEBERG_TABLES
    }


def plan_exit_code(project: Project) -> tuple[int, str]:
    """Plan as an operator would, by hand, with nothing but aws.env: 0 is no change, 2 is a change."""
    done = subprocess.run(
        ["terraform", "-chdir=terraform/environments/local", "plan", "-detailed-exitcode", "-input=false", "-no-color"],
        cwd=project.root,
        env=os.environ | project.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def expected_of_sample(project: Project, profile: str) -> dict[str, int]:
    expected: dict[str, dict[str, int]] = json.loads((project.root / "build/local/sample/expected.json").read_text())
    return expected[profile]


class TestSample:
    """The generated sample is the default input: nothing but the project itself is needed."""

    @pytest.fixture(scope="class")
    def ran(self, project: Project) -> dict[str, Any]:
        project.succeed("run")
        return project.report()

    def test_report_says_what_ran(self, ran: dict[str, Any]) -> None:
        assert ran["status"] == "SUCCEEDED"
        assert ran["profile"] == "published"
        assert ran["run_id"].startswith("wr_")
        assert ran["seconds"] > 0
        assert [(job["name"], job["state"]) for job in ran["jobs"]] == [(name, "SUCCEEDED") for name in JOBS]
        for job in ran["jobs"]:
            assert job["seconds"] > 0
            assert job["rows_in"] > 0
            assert job["rows_out"] > 0

    def test_counts_are_those_known_by_construction(self, project: Project, ran: dict[str, Any]) -> None:
        assert ran["tables"] == expected_of_sample(project, "published")
        assert set(ran["tables"]) == {*LANDING_TABLES, *ICEBERG_TABLES}

    def test_any_client_reads_the_same_counts(self, project: Project, ran: dict[str, Any]) -> None:
        assert iceberg_rows(project) == {table: ran["tables"][table] for table in ICEBERG_TABLES}

    def test_aws_lists_the_stack(self, project: Project, ran: dict[str, Any]) -> None:
        glue, env = project.client("glue"), project.environment()
        tables = glue.get_tables(DatabaseName=env["STEDI_DATABASE"])["TableList"]
        assert {table["Name"] for table in tables} == {*LANDING_TABLES, *ICEBERG_TABLES}
        assert len(glue.get_jobs()["Jobs"]) == 5
        assert glue.list_workflows()["Workflows"] == [env["STEDI_WORKFLOW"]]
        triggers = glue.get_triggers()["Triggers"]
        assert sorted(trigger["Type"] for trigger in triggers) == ["CONDITIONAL"] * 4 + ["ON_DEMAND"]

    def test_training_table_identifies_nobody(self, project: Project, ran: dict[str, Any]) -> None:
        catalog_env = project.environment()
        glue = project.client("glue")
        columns = glue.get_table(DatabaseName=catalog_env["STEDI_DATABASE"], Name="machine_learning_curated")["Table"][
            "StorageDescriptor"
        ]["Columns"]
        assert not PERSONAL & {column["Name"] for column in columns}
        emails = {
            json.loads(line.rstrip().rstrip(","))["email"].encode()
            for file in (project.root / "build/local/sample/customer").rglob("*.json")
            for line in file.read_text().splitlines()
            if line.strip()
        }
        parquet = b"".join(
            file.read_bytes()
            for file in (project.root / "build/local/s3").glob(
                "*/warehouse/*/machine_learning_curated/data/**/*.parquet"
            )
        )
        assert parquet.startswith(b"PAR1")
        assert not [email for email in emails if email in parquet]

    def test_plan_is_empty_after_a_run(self, project: Project, ran: dict[str, Any]) -> None:
        code, output = plan_exit_code(project)
        assert code == 0, output

    def test_a_second_run_gives_the_same(self, project: Project, ran: dict[str, Any]) -> None:
        project.succeed("run")
        again = project.report()
        assert again["tables"] == ran["tables"]
        assert again["run_id"] != ran["run_id"]
        assert iceberg_rows(project) == {table: ran["tables"][table] for table in ICEBERG_TABLES}

    @pytest.mark.parametrize("profile", ["consent_date", "strict"])
    def test_other_profiles(self, project: Project, ran: dict[str, Any], profile: str) -> None:
        project.succeed("run", "--profile", profile)
        report = project.report()
        assert report["profile"] == profile
        assert report["tables"] == expected_of_sample(project, profile)


class TestRealData:
    """The documents' own data gives the documents' own counts."""

    @pytest.mark.parametrize("profile", PROFILES)
    def test_counts(self, project: Project, real_data: Path, profile: str) -> None:
        project.succeed("run", "--data", str(real_data), "--profile", profile)
        report = project.report()
        expected = REAL_LANDING | dict(zip(ICEBERG_TABLES, REAL_COUNTS[profile], strict=True))
        assert report["tables"] == expected
        assert iceberg_rows(project) == {table: expected[table] for table in ICEBERG_TABLES}
