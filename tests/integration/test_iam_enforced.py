"""Both IAM policies as Terraform deployed them, with IAM enforced: the jobs have what they need, all else is denied."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.support.athena import FORMS, ask
from tests.support.project import (
    AUDIT_TABLES,
    ICEBERG_TABLES,
    JOBS,
    LANDING_TABLES,
    TRAINING_TABLES,
    Project,
    iam_enforced,
)

pytestmark = pytest.mark.slow

PROFILE = "consent_date"  # the others run in tests/e2e/test_run_sample.py
TRAINING = "machine_learning_curated"
PERSONAL_TABLES = [table for table in LANDING_TABLES + ICEBERG_TABLES if table != TRAINING]
CARD = ["training/dataset_card.md", "training/dataset_card.json"]
CODE = ["glue/scripts", "glue/ddl"]
LANDING = {table: f"{table.removesuffix('_landing')}/landing" for table in LANDING_TABLES}


class Lake:
    """The deployed lakehouse with IAM enforced, as its root user sees it."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.env = project.environment()
        self.bucket, self.database = self.env["STEDI_BUCKET"], self.env["STEDI_DATABASE"]
        self.workgroups = {
            "engineers": self.env["STEDI_WORKGROUP"],
            "analysts": f"{self.env['STEDI_WORKGROUP']}-analyst",
        }
        self.iam, self.s3, self.glue = (project.client(service) for service in ("iam", "s3", "glue"))
        self.workflow = self.env["STEDI_WORKFLOW"]
        self.job = self.glue.get_job(JobName=f"{self.workflow.removesuffix('-lakehouse')}-{JOBS[0].replace('_', '-')}")
        self.role = self.job["Job"]["Role"].rpartition("/")[2]
        self.audit_database = self.env["STEDI_AUDIT_DATABASE"]
        self.secret = f"{self.workflow.removesuffix('-lakehouse')}-subject-key"

    def prefix(self, table: str) -> str:
        if table == "quarantine":
            return table
        database = self.audit_database if table in AUDIT_TABLES else self.database
        return LANDING.get(table, f"warehouse/{database}/{table}")

    def any_key(self, table: str) -> str:
        key: str = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=f"{self.prefix(table)}/")["Contents"][0]["Key"]
        return key

    def clients(self, keys: dict[str, str]) -> Callable[[str], Any]:
        """Return what makes clients for somebody else's keys."""
        return lambda service: boto3.client(
            service,
            endpoint_url=self.env["AWS_ENDPOINT_URL"],
            region_name=self.env["AWS_REGION"],
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys.get("SessionToken"),
        )


def denied(call: Callable[..., Any], **parameters: Any) -> str:
    """Assert that a call is denied, by IAM and nothing else, and return the message."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    assert error["Code"] in ("AccessDenied", "AccessDeniedException"), caught.value
    return str(error["Message"])


@pytest.fixture(scope="module")
def lake(project: Project) -> Iterator[Lake]:
    """The lakehouse after a run of the whole pipeline under IAM enforcement, on while Terraform still works."""
    with iam_enforced(project):
        project.succeed("run", "--profile", PROFILE)
        yield Lake(project)


def assumed(lake: Lake, role: str) -> Callable[[str], Any]:
    """Return what makes clients for a role, assumed as Glue does."""
    arn = lake.iam.get_role(RoleName=role)["Role"]["Arn"]
    issued = lake.project.client("sts").assume_role(RoleArn=arn, RoleSessionName="tests")
    return lake.clients(issued["Credentials"])


@pytest.fixture(scope="module")
def job(lake: Lake) -> Callable[[str], Any]:
    """The role of the workflow's jobs."""
    return assumed(lake, lake.role)


@pytest.fixture(scope="module")
def forget(lake: Lake) -> Callable[[str], Any]:
    """The role of the job that forgets people."""
    return assumed(lake, lake.role.removesuffix("-jobs") + "-forget")


@pytest.fixture(scope="module")
def analyst(lake: Lake) -> Callable[[str], Any]:
    """A user who holds the analyst policy and no other."""
    policies = lake.iam.list_policies(Scope="Local")["Policies"]
    (arn,) = (policy["Arn"] for policy in policies if policy["PolicyName"].endswith("-analyst"))
    lake.iam.create_user(UserName="ann")
    lake.iam.attach_user_policy(UserName="ann", PolicyArn=arn)
    return lake.clients(lake.iam.create_access_key(UserName="ann")["AccessKey"])


def test_enforcement_is_on(lake: Lake) -> None:
    """Else no other test here would mean anything: a user without a policy may do nothing, a false key is refused."""
    lake.iam.create_user(UserName="nobody")
    nobody = lake.iam.create_access_key(UserName="nobody")["AccessKey"]
    denied(lake.clients(nobody)("glue").get_table, DatabaseName=lake.database, Name=TRAINING)
    denied(lake.clients(nobody)("s3").list_objects_v2, Bucket=lake.bucket)
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        lake.clients(nobody | {"SecretAccessKey": "guessed"})("s3").list_buckets()


class TestJobRole:
    def test_runs_the_whole_pipeline(self, lake: Lake) -> None:
        report = lake.project.report()
        assert [(job["name"], job["state"]) for job in report["jobs"]] == [(name, "SUCCEEDED") for name in JOBS]
        expected = json.loads((lake.project.root / "build/local/sample/expected.json").read_text())
        assert report["profile"] == PROFILE
        assert report["tables"] == expected[PROFILE]
        assert report["tables"][TRAINING] > 0

    @pytest.mark.parametrize(
        ("policy", "action", "says"),
        [
            ("data", "s3:GetObject", "s3:GetObject on resource: arn:aws:s3:::"),
            ("catalog", "glue:UpdateTable", "glue:UpdateTable on resource: arn:aws:glue:"),
        ],
    )
    def test_needs_what_it_may(self, lake: Lake, policy: str, action: str, says: str) -> None:
        document = lake.iam.get_role_policy(RoleName=lake.role, PolicyName=policy)["PolicyDocument"]
        for statement in document["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            statement["Action"] = [each for each in actions if each != action] or ["sts:GetCallerIdentity"]
        original = lake.iam.get_role_policy(RoleName=lake.role, PolicyName=policy)["PolicyDocument"]
        lake.iam.put_role_policy(RoleName=lake.role, PolicyName=policy, PolicyDocument=json.dumps(document))
        try:
            run = self.run_first_job(lake)
        finally:
            lake.iam.put_role_policy(RoleName=lake.role, PolicyName=policy, PolicyDocument=json.dumps(original))
        assert run["JobRunState"] == "FAILED"
        assert "AccessDenied" in run["ErrorMessage"]
        assert f":assumed-role/{lake.role}/" in run["ErrorMessage"]
        assert says in run["ErrorMessage"]

    @staticmethod
    def run_first_job(lake: Lake) -> dict[str, Any]:
        name = lake.job["Job"]["Name"]
        run_id = lake.glue.start_job_run(JobName=name)["JobRunId"]
        deadline = time.monotonic() + 60
        while True:
            run: dict[str, Any] = lake.glue.get_job_run(JobName=name, RunId=run_id)["JobRun"]
            if run["JobRunState"] not in ("STARTING", "RUNNING"):
                return run
            assert time.monotonic() < deadline, run
            time.sleep(0.1)

    @pytest.mark.parametrize(
        "prefix",
        [*CODE, "athena-results/analysts", "forget/requests", "forget/reports", *LANDING.values()],
    )
    def test_cannot_write_elsewhere(self, lake: Lake, job: Callable[[str], Any], prefix: str) -> None:
        s3, here = job("s3"), {"Bucket": lake.bucket, "Key": f"{prefix}/new"}
        denied(s3.put_object, **here, Body=b"x")
        denied(s3.delete_object, **here)
        denied(s3.create_multipart_upload, **here)
        own = {"Bucket": lake.bucket, "Key": f"warehouse/{lake.database}/{TRAINING}/data/new"}
        s3.put_object(**own, Body=b"x")
        both = s3.delete_objects(Bucket=lake.bucket, Delete={"Objects": [{"Key": own["Key"]}, {"Key": here["Key"]}]})
        assert here["Key"] in [error["Key"] for error in both["Errors"] if error["Code"] == "AccessDenied"]
        s3.delete_object(**own)

    def test_writes_the_dataset_card_and_nothing_beside_it(self, lake: Lake, job: Callable[[str], Any]) -> None:
        s3, run_id = job("s3"), lake.project.report()["run_id"]
        for key in CARD:
            card = s3.get_object(Bucket=lake.bucket, Key=key)["Body"].read()
            assert run_id.encode() in card
            s3.put_object(Bucket=lake.bucket, Key=key, Body=card)
            denied(s3.delete_object, Bucket=lake.bucket, Key=key)
        denied(s3.put_object, Bucket=lake.bucket, Key="training/new", Body=b"x")

    def test_writes_quarantine_and_reads_the_key_of_the_pseudonyms(self, lake: Lake, job: Callable[[str], Any]) -> None:
        s3 = job("s3")
        for key in ("quarantine/customer_landing/new.json", "parsed/customer_landing/edition/batch/new.parquet"):
            s3.put_object(Bucket=lake.bucket, Key=key, Body=b"{}")
            assert s3.get_object(Bucket=lake.bucket, Key=key)["Body"].read() == b"{}"
            assert [found["Key"] for found in s3.list_objects_v2(Bucket=lake.bucket, Prefix=key)["Contents"]] == [key]
            denied(s3.list_object_versions, Bucket=lake.bucket, Prefix=key)
            s3.delete_object(Bucket=lake.bucket, Key=key)
        assert len(job("secretsmanager").get_secret_value(SecretId=lake.secret)["SecretString"]) == 64
        denied(job("secretsmanager").put_secret_value, SecretId=lake.secret, SecretString="known")

    def test_cannot_reach_requests_to_forget_nor_old_versions_but_of_the_tables(
        self, lake: Lake, job: Callable[[str], Any]
    ) -> None:
        s3, request = job("s3"), {"Bucket": lake.bucket, "Key": "forget/requests/1.json"}
        lake.s3.put_object(**request, Body=b"{}")
        denied(s3.get_object, **request)
        denied(s3.list_objects_v2, Bucket=lake.bucket, Prefix="forget/")
        denied(s3.list_object_versions, Bucket=lake.bucket, Prefix="customer/landing/")
        landed = {"Bucket": lake.bucket, "Key": "customer/landing/another.json"}
        version = lake.s3.put_object(**landed, Body=b"{}")["VersionId"]
        denied(s3.delete_object, **landed, VersionId=version)
        lake.s3.delete_object(**landed, VersionId=version)
        s3.list_object_versions(Bucket=lake.bucket, Prefix=f"{lake.prefix(TRAINING)}/")

    def test_cannot_read_query_results(self, lake: Lake, job: Callable[[str], Any]) -> None:
        for group in lake.workgroups:
            denied(job("s3").get_object, Bucket=lake.bucket, Key=f"athena-results/{group}/result.csv")
            denied(job("s3").list_objects_v2, Bucket=lake.bucket, Prefix=f"athena-results/{group}/")

    @pytest.mark.parametrize("table", LANDING_TABLES)
    def test_cannot_change_landing_tables(self, lake: Lake, job: Callable[[str], Any], table: str) -> None:
        assert job("glue").get_table(DatabaseName=lake.database, Name=table)["Table"]["Name"] == table
        message = denied(job("glue").update_table, DatabaseName=lake.database, TableInput={"Name": table})
        assert message.endswith(f":table/{lake.database}/{table}")

    def test_cannot_administer(self, lake: Lake, job: Callable[[str], Any]) -> None:
        denied(job("glue").delete_table, DatabaseName=lake.database, Name=TRAINING)
        denied(job("glue").start_workflow_run, Name=lake.workflow)
        denied(job("s3").put_bucket_policy, Bucket=lake.bucket, Policy="{}")
        denied(job("iam").put_role_policy, RoleName=lake.role, PolicyName="data", PolicyDocument="{}")
        denied(job("logs").create_log_group, logGroupName="/elsewhere")


class TestForgetRole:
    @pytest.mark.parametrize(
        "prefix",
        ["athena-results/analysts", "forget/reports", "forget/requests", "parsed", "quarantine", *LANDING.values()],
    )
    def test_rewrites_and_erases_data_with_its_versions(
        self, lake: Lake, forget: Callable[[str], Any], prefix: str
    ) -> None:
        s3, here = forget("s3"), {"Bucket": lake.bucket, "Key": f"{prefix}/new"}
        s3.put_object(**here, Body=b"first")
        s3.put_object(**here, Body=b"second")
        s3.delete_object(**here)
        listed = s3.list_object_versions(Bucket=lake.bucket, Prefix=here["Key"])
        assert {s3.get_object(**here, VersionId=each["VersionId"])["Body"].read() for each in listed["Versions"]} == {
            b"first",
            b"second",
        }
        for each in listed["Versions"] + listed["DeleteMarkers"]:
            s3.delete_object(**here, VersionId=each["VersionId"])
        assert "Versions" not in s3.list_object_versions(Bucket=lake.bucket, Prefix=here["Key"])

    def test_writes_the_dataset_card_and_does_not_delete_it(self, lake: Lake, forget: Callable[[str], Any]) -> None:
        s3 = forget("s3")
        for key in CARD:
            s3.put_object(Bucket=lake.bucket, Key=key, Body=s3.get_object(Bucket=lake.bucket, Key=key)["Body"].read())
            denied(s3.delete_object, Bucket=lake.bucket, Key=key)

    @pytest.mark.parametrize("table", [*ICEBERG_TABLES, "pipeline_runs", "consent_decisions"])
    def test_rewrites_tables(self, lake: Lake, forget: Callable[[str], Any], table: str) -> None:
        database = lake.audit_database if table in AUDIT_TABLES else lake.database
        glue, key = forget("glue"), f"{lake.prefix(table)}/data/new"
        kept = glue.get_table(DatabaseName=database, Name=table)["Table"]
        names = ("Name", "Description", "StorageDescriptor", "TableType", "Parameters")
        glue.update_table(DatabaseName=database, TableInput={name: kept[name] for name in names})
        forget("s3").put_object(Bucket=lake.bucket, Key=key, Body=b"x")
        forget("s3").delete_object(Bucket=lake.bucket, Key=key)

    @pytest.mark.parametrize("prefix", CODE)
    def test_cannot_change_code(self, lake: Lake, forget: Callable[[str], Any], prefix: str) -> None:
        s3, here = forget("s3"), {"Bucket": lake.bucket, "Key": f"{prefix}/new"}
        version = lake.s3.put_object(**here, Body=b"x")["VersionId"]
        assert s3.get_object(**here)["Body"].read() == b"x"
        denied(s3.put_object, **here, Body=b"y")
        denied(s3.delete_object, **here)
        denied(s3.delete_object, **here, VersionId=version)
        lake.s3.delete_object(**here, VersionId=version)

    def test_erases_the_logs_of_its_own_jobs(
        self, lake: Lake, forget: Callable[[str], Any], job: Callable[[str], Any]
    ) -> None:
        own, logs = f"/aws-glue/jobs/{lake.workflow.removesuffix('-lakehouse')}/output", forget("logs")
        stream = {"logGroupName": own, "logStreamName": "new"}
        logs.create_log_stream(**stream)
        logs.filter_log_events(logGroupName=own)
        denied(job("logs").filter_log_events, logGroupName=own)
        denied(job("logs").delete_log_stream, **stream)
        logs.delete_log_stream(**stream)
        denied(logs.filter_log_events, logGroupName="/aws-glue/jobs/another/output")

    def test_cannot_administer(self, lake: Lake, forget: Callable[[str], Any]) -> None:
        denied(forget("glue").delete_table, DatabaseName=lake.database, Name=TRAINING)
        denied(forget("glue").start_workflow_run, Name=lake.workflow)
        denied(forget("s3").put_bucket_versioning, Bucket=lake.bucket, VersioningConfiguration={"Status": "Suspended"})
        denied(forget("iam").put_role_policy, RoleName=lake.role, PolicyName="data", PolicyDocument="{}")


class TestAnalyst:
    def test_reads_the_training_table(self, lake: Lake, analyst: Callable[[str], Any]) -> None:
        table = analyst("glue").get_table(DatabaseName=lake.database, Name=TRAINING)["Table"]
        assert table["Name"] == TRAINING
        s3, prefix = analyst("s3"), f"{lake.prefix(TRAINING)}/"
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket=lake.bucket, Prefix=prefix)["Contents"]]
        assert any(key.endswith(".parquet") for key in keys)
        for key in keys:
            s3.get_object(Bucket=lake.bucket, Key=key)

    def test_queries_in_the_own_workgroup(self, lake: Lake, analyst: Callable[[str], Any]) -> None:
        athena = analyst("athena")
        sql = f'SELECT count(*) FROM "{lake.database}".{TRAINING}'  # noqa: S608
        asked = ask(athena, sql, WorkGroup=lake.workgroups["analysts"])
        assert (asked.state, asked.rows) == ("SUCCEEDED", [[str(lake.project.report()["tables"][TRAINING])]]), (
            asked.reason
        )
        assert asked.location[1].startswith("athena-results/analysts/")
        key = "athena-results/analysts/new.csv"
        analyst("s3").put_object(Bucket=lake.bucket, Key=key, Body=b"x")
        assert analyst("s3").get_object(Bucket=lake.bucket, Key=key)["Body"].read() == b"x"

    def test_opens_the_query_editor(self, lake: Lake, analyst: Callable[[str], Any]) -> None:
        athena, glue = analyst("athena"), analyst("glue")
        assert lake.workgroups["analysts"] in {each["Name"] for each in athena.list_work_groups()["WorkGroups"]}
        athena.list_data_catalogs()  # allowed; moto lists none
        assert lake.database in {each["Name"] for each in glue.get_databases()["DatabaseList"]}

    @pytest.mark.parametrize("table", [*PERSONAL_TABLES, *AUDIT_TABLES])
    def test_reaches_no_other_table(self, lake: Lake, analyst: Callable[[str], Any], table: str) -> None:
        if table == "quarantine":
            lake.s3.put_object(Bucket=lake.bucket, Key="quarantine/customer_landing/jr_1/part-0.json", Body=b"{}")
        database = lake.audit_database if table in AUDIT_TABLES else lake.database
        glue, s3, key = analyst("glue"), analyst("s3"), lake.any_key(table)
        message = denied(glue.get_table, DatabaseName=database, Name=table)
        assert message.endswith(f"glue:GetTable on resource: {self.first_denied(lake, table)}")
        denied(glue.get_partitions, DatabaseName=database, TableName=table)
        message = denied(s3.get_object, Bucket=lake.bucket, Key=key)
        assert message.endswith(f"s3:GetObject on resource: arn:aws:s3:::{lake.bucket}/{key}")
        denied(s3.list_objects_v2, Bucket=lake.bucket, Prefix=f"{lake.prefix(table)}/")
        results = {"Bucket": lake.bucket, "Key": "athena-results/analysts/stolen"}
        denied(s3.copy_object, **results, CopySource={"Bucket": lake.bucket, "Key": key})

    @pytest.mark.parametrize("table", [*PERSONAL_TABLES, *AUDIT_TABLES])
    def test_no_query_reads_another_table(self, lake: Lake, analyst: Callable[[str], Any], table: str) -> None:
        database = lake.audit_database if table in AUDIT_TABLES else lake.database
        asked = {"WorkGroup": lake.workgroups["analysts"], "QueryExecutionContext": {"Database": database}}
        for form in FORMS:
            answer = ask(analyst("athena"), form.format(database=database, table=table), **asked)
            assert answer.state == "FAILED", form
            assert answer.reason.startswith("Insufficient permissions to execute the query. User: "), answer.reason
        tables = ask(analyst("athena"), "SELECT DISTINCT table_name FROM information_schema.columns", **asked)
        assert sorted(tables.rows) == [[TRAINING], *([name] for name in sorted(TRAINING_TABLES))]

    @staticmethod
    def first_denied(lake: Lake, table: str) -> str:
        """Return what of catalog, database and table is denied: the analyst sees that the one database exists."""
        name = f"database/{lake.audit_database}" if table in AUDIT_TABLES else f"table/{lake.database}/{table}"
        return f"arn:aws:glue:{lake.env['AWS_REGION']}:123456789012:{name}"

    def test_does_not_see_the_audit_database(self, lake: Lake, analyst: Callable[[str], Any]) -> None:
        denied(analyst("glue").get_database, Name=lake.audit_database)
        denied(analyst("glue").get_tables, DatabaseName=lake.audit_database)

    def test_cannot_read_the_key_of_the_pseudonyms(self, lake: Lake, analyst: Callable[[str], Any]) -> None:
        message = denied(analyst("secretsmanager").get_secret_value, SecretId=lake.secret)
        assert f"secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:{lake.env['AWS_REGION']}:" in message
        denied(analyst("secretsmanager").describe_secret, SecretId=lake.secret)

    @pytest.mark.parametrize(
        "prefix",
        [
            None,
            "",
            "warehouse/",
            "glue/",
            "parsed/",
            "quarantine/",
            "forget/",
            "athena-results/",
            "athena-results/engineers/",
        ],
    )
    def test_lists_nothing_else(self, lake: Lake, analyst: Callable[[str], Any], prefix: str | None) -> None:
        wanted = {} if prefix is None else {"Prefix": prefix}
        denied(analyst("s3").list_objects_v2, Bucket=lake.bucket, **wanted)
        denied(analyst("s3").list_object_versions, Bucket=lake.bucket, **wanted)

    @pytest.mark.parametrize("group", ["engineers", "primary"])
    def test_reaches_no_other_workgroup(self, lake: Lake, analyst: Callable[[str], Any], group: str) -> None:
        athena, root = analyst("athena"), lake.project.client("athena")
        name = lake.workgroups.get(group, group)
        message = denied(athena.start_query_execution, QueryString="SELECT 1", WorkGroup=name)
        assert message.endswith(f":workgroup/{name}")
        own = {"ResultConfiguration": {"OutputLocation": f"s3://{lake.bucket}/athena-results/primary/"}}
        query = root.start_query_execution(QueryString="SELECT 1", WorkGroup=name, **own)["QueryExecutionId"]
        for call in (athena.get_query_execution, athena.get_query_results, athena.stop_query_execution):
            denied(call, QueryExecutionId=query)
        denied(athena.list_query_executions, WorkGroup=name)

    @pytest.mark.parametrize(
        "key",
        [
            "athena-results/engineers/result.csv",
            "parsed/customer_landing/edition/batch/part-0.parquet",
            "forget/reports/1.json",
            "forget/requests/1.json",
            "glue/scripts/customer_landing_to_trusted.py",
            "glue/ddl/x.sql",
        ],
    )
    def test_reads_no_results_of_others_nor_requests_nor_code(
        self, lake: Lake, analyst: Callable[[str], Any], key: str
    ) -> None:
        if not key.startswith("glue/"):
            lake.s3.put_object(Bucket=lake.bucket, Key=key, Body=b"email")
        denied(analyst("s3").get_object, Bucket=lake.bucket, Key=key)

    @pytest.mark.parametrize(
        "key",
        [
            *CARD,
            f"{TRAINING}/new",
            "athena-results/engineers/new",
            "glue/scripts/new",
            *(f"{prefix}/new" for prefix in LANDING.values()),
        ],
    )
    def test_writes_no_data(self, lake: Lake, analyst: Callable[[str], Any], key: str) -> None:
        s3 = analyst("s3")
        here = {"Bucket": lake.bucket, "Key": key.replace(TRAINING, lake.prefix(TRAINING))}
        denied(s3.put_object, **here, Body=b"x")
        denied(s3.delete_object, **here)

    def test_changes_nothing(self, lake: Lake, analyst: Callable[[str], Any]) -> None:
        glue, athena, training = analyst("glue"), analyst("athena"), {"DatabaseName": lake.database, "Name": TRAINING}
        denied(glue.delete_table, **training)
        denied(glue.update_table, DatabaseName=lake.database, TableInput={"Name": TRAINING})
        denied(glue.create_table, DatabaseName=lake.database, TableInput={"Name": "new"})
        denied(glue.start_workflow_run, Name=lake.workflow)
        denied(glue.start_job_run, JobName=lake.job["Job"]["Name"])
        denied(athena.update_work_group, WorkGroup=lake.workgroups["analysts"], Description="mine")
        denied(analyst("s3").delete_object, Bucket=lake.bucket, Key="athena-results/analysts/new.csv")
        denied(analyst("sts").assume_role, RoleArn=lake.job["Job"]["Role"], RoleSessionName="ann")
