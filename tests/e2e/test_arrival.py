"""Files that are copied from another bucket start a run, which waits for the end of the operation that copies them."""

from __future__ import annotations

import json
import time
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lakehouse import landing, landing_bucket, sample
from lakehouse.errors import DataError
from lakehouse.landing_bucket import S3Folder
from lakehouse.lease import Lease, Operation
from tests.support.project import Project, iam_enforced

pytestmark = pytest.mark.slow

RUN_SECONDS = 300
SOURCE = S3Folder("seed", "starter/")


def test_an_operator_lands_a_batch_from_another_bucket_which_starts_a_run(project: Project) -> None:
    data = project.root / "data"
    expected = sample.generate(data)["published"]
    files = [file for file in sorted(data.rglob("*.json")) if "landing" in file.parts]
    variables = {
        "TF_VAR_start": json.dumps({"on_arrival": {"files": len(files), "minutes": 15}}),
        "TF_VAR_landing_sources": json.dumps([{"bucket": SOURCE.bucket, "prefix": "starter"}]),
        "TF_VAR_orchestration": "single_job",
    }
    with iam_enforced(project):
        project.succeed("apply", **variables)
        s3, glue = project.client("s3"), project.client("glue")
        for bucket in (SOURCE.bucket, "other"):
            s3.create_bucket(Bucket=bucket)
        for file in files:
            s3.put_object(
                Bucket=SOURCE.bucket, Key=f"starter/{file.relative_to(data).as_posix()}", Body=file.read_bytes()
            )
        root, workflow = (project.environment()[name] for name in ("STEDI_BUCKET", "STEDI_WORKFLOW"))
        operator = clients_of_an_operator(project)
        refuse_what_the_policy_does_not_allow(operator("s3"), root)

        lease = Lease(
            operator("s3"), operator("glue"), root, Operation("1", "ada@laptop", "make landing", command=True)
        )
        lease.take()
        found = landing_bucket.find(operator("s3"), SOURCE, root)
        landing.replace(operator("s3"), root, found)
        wait_until(lambda: "Waiting for the lease: make landing by ada@laptop" in output(project))
        assert [run["Status"] for run in runs(glue, workflow)] == ["RUNNING"]
        lease.release()
        wait_until(lambda: runs(glue, workflow)[0]["Status"] == "COMPLETED")
        (run,) = runs(glue, workflow)
        assert run["StartingEventBatchCondition"] == {"BatchSize": len(files), "BatchWindow": 900}
        assert run["Statistics"]["SucceededActions"] == 1, output(project)
        rows = {table: project.table(table).num_rows for table in expected if not table.endswith("_landing")}
        assert rows.items() <= expected.items()
        card = s3.get_object(Bucket=root, Key="training/dataset_card.md")["Body"].read().decode()
        assert f"; {rows['machine_learning_curated']:,} rows. Published by the run `{run['WorkflowRunId']}`" in card
        assert "No changes" in project.succeed("plan", **variables)

        said = project.succeed("landing", DATA=str(SOURCE))
        assert f"{len(files)} files" in said
        assert "from s3://seed/starter" in said


def clients_of_an_operator(project: Project) -> Any:
    """Return a function that makes clients of a user with the policy of landing_sources and no other."""
    iam, env = project.client("iam"), project.environment()
    (policy,) = (
        each for each in iam.list_policies(Scope="Local")["Policies"] if each["PolicyName"].endswith("-landing")
    )
    iam.create_user(UserName="ada")
    iam.attach_user_policy(UserName="ada", PolicyArn=policy["Arn"])
    key = iam.create_access_key(UserName="ada")["AccessKey"]

    def client(service: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=env["AWS_ENDPOINT_URL"],
            region_name=env["AWS_REGION"],
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
        )

    return client


def refuse_what_the_policy_does_not_allow(s3: Any, root: str) -> None:
    with pytest.raises(DataError, match=r"s3://other cannot be listed: access is denied .*landing_policy_arn"):
        landing_bucket.find(s3, S3Folder("other", ""), root)
    for key in ("glue/scripts/forget.py", "customer/landing/customer-00001.json"):
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.get_object(Bucket=root, Key=key)
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=root, Key="glue/scripts/forget.py", Body=b"")


def runs(glue: Any, workflow: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = glue.get_workflow_runs(Name=workflow).get("Runs", [])
    return found


def output(project: Project) -> str:
    return "".join(file.read_text() for file in (project.root / "build/local/jobs").glob("*/output.log"))


def wait_until(condition: Any) -> None:
    deadline = time.monotonic() + RUN_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)
