"""The life cycle of the examples on the embedded AWS: apply, no drift, one change, destroy."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from python_terraform import Terraform

import embedded_aws
from lakehouse import sample
from lakehouse import tables as tables_of_lakehouse
from lakehouse.project import LOCAL
from lakehouse.project import Project as Checkout
from lakehouse.terraform_provider import cli_configuration
from tests.support.project import ALL_JOBS, ICEBERG_TABLES, LANDING_TABLES, copy_of_project

pytestmark = pytest.mark.slow

MODULE: Final = "module.lakehouse.module"
ACCOUNT: Final = embedded_aws.EmbeddedAws.account_id
OPTIMIZERS: Final = {"compaction", "orphan_file_deletion", "retention"}
ONLY_IN_COMPLETE: Final = frozenset(
    {"aliases", "budgets", "connections", "endpoints", "keys", "security groups", "VPCs"}
)

# The kinds of resources that an account may contain, and functions that list their names.
LISTED: Final[dict[str, Callable[[Aws], Iterable[str]]]] = {
    "buckets": lambda aws: (each["Name"] for each in aws("s3").list_buckets()["Buckets"]),
    "databases": lambda aws: (each["Name"] for each in aws("glue").get_databases()["DatabaseList"]),
    "jobs": lambda aws: (each["Name"] for each in aws("glue").get_jobs()["Jobs"]),
    "triggers": lambda aws: (each["Name"] for each in aws("glue").get_triggers()["Triggers"]),
    "workflows": lambda aws: aws("glue").list_workflows()["Workflows"],
    "connections": lambda aws: (each["Name"] for each in aws("glue").get_connections()["ConnectionList"]),
    "workgroups": lambda aws: (each["Name"] for each in aws("athena").list_work_groups()["WorkGroups"]),
    "queries": lambda aws: (
        query
        for group in aws("athena").list_work_groups()["WorkGroups"]
        for query in aws("athena").list_named_queries(WorkGroup=group["Name"])["NamedQueryIds"]
    ),
    "roles": lambda aws: (each["RoleName"] for each in aws("iam").list_roles()["Roles"]),
    "policies": lambda aws: (each["Arn"] for each in aws("iam").list_policies(Scope="Local")["Policies"]),
    "log groups": lambda aws: (each["logGroupName"] for each in aws("logs").describe_log_groups()["logGroups"]),
    "secrets": lambda aws: (each["Name"] for each in aws("secretsmanager").list_secrets()["SecretList"]),
    "topics": lambda aws: (each["TopicArn"] for each in aws("sns").list_topics()["Topics"]),
    "rules": lambda aws: (each["Name"] for each in aws("events").list_rules()["Rules"]),
    "alarms": lambda aws: (each["AlarmName"] for each in aws("cloudwatch").describe_alarms()["MetricAlarms"]),
    "dashboards": lambda aws: (
        each["DashboardName"] for each in aws("cloudwatch").list_dashboards()["DashboardEntries"]
    ),
    "budgets": lambda aws: (
        each["BudgetName"] for each in aws("budgets").describe_budgets(AccountId=ACCOUNT).get("Budgets", [])
    ),
    "VPCs": lambda aws: (each["VpcId"] for each in aws("ec2").describe_vpcs()["Vpcs"]),
    "endpoints": lambda aws: (
        each["VpcEndpointId"]
        for each in aws("ec2").describe_vpc_endpoints()["VpcEndpoints"]
        if each["State"] != "deleted"
    ),
    "security groups": lambda aws: (
        each["GroupId"] for each in aws("ec2").describe_security_groups()["SecurityGroups"]
    ),
    "aliases": lambda aws: (each["AliasName"] for each in aws("kms").list_aliases()["Aliases"]),
    "keys": lambda aws: (
        each["KeyId"]
        for each in aws("kms").list_keys()["Keys"]
        if aws("kms").describe_key(KeyId=each["KeyId"])["KeyMetadata"]["KeyState"] != "PendingDeletion"
    ),
}


class Aws:
    """The embedded AWS: a client per service, and an inventory of its resources."""

    def __init__(self) -> None:
        self._session, self._clients = boto3.Session(), dict[str, Any]()

    def __call__(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._session.client(service)
        return self._clients[service]

    def inventory(self) -> dict[str, set[str]]:
        """Return the names of all resources, by kind."""
        return {kind: set(names(self)) for kind, names in LISTED.items()}


@dataclass(frozen=True)
class Example:
    """A root in terraform/examples, used with `-var embedded=true`."""

    folder: Path

    def __call__(self, *command: str, **variables: Any) -> str:
        """Run a Terraform command that must succeed, and return its output."""
        options: dict[str, Any] = {"input": False} if command[0] != "output" else {}
        if command[0] in ("plan", "destroy") or "-auto-approve" in command:
            options["var"] = {"embedded": "true", **variables}
        code, out, err = Terraform(working_dir=str(self.folder)).cmd(*command, **options)
        assert code == 0, f"terraform {' '.join(command)}\n{out}\n{err}"
        return str(out)

    def plan(self, **variables: Any) -> dict[str, str]:
        """Plan, and return {address: action} of every change."""
        events = [json.loads(line) for line in self("plan", "-json", "-out=change.tfplan", **variables).splitlines()]
        changes = [event["change"] for event in events if event["type"] == "planned_change"]
        return {change["resource"]["addr"]: change["action"] for change in changes if change["action"] != "read"}

    def apply(self) -> None:
        """Apply the last plan."""
        self("apply", "change.tfplan")

    def output(self) -> dict[str, Any]:
        """Return the example's outputs."""
        return {name: output["value"] for name, output in json.loads(self("output", "-json")).items()}


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the examples in a copy of the project, with the embedded AWS in the environment."""
    root = copy_of_project(tmp_path_factory.mktemp("examples")).root
    config = cli_configuration(Checkout.at(root, LOCAL))
    settings = {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
    settings |= {"TF_CLI_CONFIG_FILE": str(config)} if config else {}
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
                patch.delenv(name, raising=False)
            for name, value in (embedded_aws.up(root).environ() | settings).items():
                patch.setenv(name, value)
            yield root / "terraform/examples"
    finally:
        embedded_aws.down(root)


@pytest.fixture(scope="module")
def aws(examples: Path) -> Aws:
    return Aws()


@contextmanager
def applied(example: Example, aws: Aws) -> Iterator[set[str]]:
    """Apply an example, yield the kinds of resources it created, destroy it, and check that nothing is left."""
    before = aws.inventory()
    example("init", "-lockfile=readonly")
    example("apply", "-auto-approve")
    assert example.plan() == {}
    yield {kind for kind, names in aws.inventory().items() if names - before[kind]}
    example("destroy", "-auto-approve", "-refresh=false")
    assert aws.inventory() == before


def test_minimal(examples: Path, aws: Aws) -> None:
    example = Example(examples / "minimal")
    with applied(example, aws) as made:
        assert made == LISTED.keys() - ONLY_IN_COMPLETE

        main = example.folder / "main.tf"
        main.write_text(main.read_text().replace("force_destroy = true", 'force_destroy = true\n  profile = "strict"'))
        assert example.plan() == {f'{MODULE}.jobs.aws_glue_job.this["{name}"]': "update" for name in ALL_JOBS}
        example.apply()
        profiles = {job["DefaultArguments"]["--profile"] for job in aws("glue").get_jobs()["Jobs"]}
        assert profiles == {"strict"}


def test_complete(examples: Path, aws: Aws) -> None:
    example = Example(examples / "complete")
    with applied(example, aws) as made:
        assert made == set(LISTED)
        lakehouse = example.output()["lakehouse"]
        key = aws("kms").describe_key(KeyId="alias/stedi-complete")["KeyMetadata"]["Arn"]
        policy = json.loads(aws("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"])
        for service, sent in context_of_services(lakehouse).items():
            assert admits(policy, service, sent), f"{service} may not use the key with {sent}"
            # Not for another account, topic or log group.
            assert not admits(policy, service, {name: f"other-{value}" for name, value in sent.items()}), service
        assert encryption_of_bucket(aws, lakehouse["bucket"]) == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
        for workgroup in (lakehouse["athena_workgroup"], lakehouse["analyst_workgroup"]):
            configuration = aws("athena").get_work_group(WorkGroup=workgroup)["WorkGroup"]["Configuration"]
            encryption = configuration["ResultConfiguration"]["EncryptionConfiguration"]
            assert encryption == {"EncryptionOption": "SSE_KMS", "KmsKey": key}
            assert configuration["EnforceWorkGroupConfiguration"] is True
        connections = {each["Name"]: each for each in aws("glue").get_connections()["ConnectionList"]}
        assert {each["ConnectionType"] for each in connections.values()} == {"NETWORK"}
        assert len({each["PhysicalConnectionRequirements"]["SubnetId"] for each in connections.values()}) == 2
        jobs = aws("glue").get_jobs()["Jobs"]
        assert len(jobs) == len(ALL_JOBS)
        secret = aws("secretsmanager").describe_secret(SecretId=lakehouse["subject_key_secret_arn"])
        assert secret["KmsKeyId"] == key
        for job in jobs:
            assert set(job["Connections"]["Connections"]) == set(connections)

        [statement] = json.loads(aws("s3").get_bucket_policy(Bucket=lakehouse["bucket"])["Policy"])["Statement"]
        assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
        for table in ICEBERG_TABLES:
            assert {kind for kind in OPTIMIZERS if optimizes(aws, lakehouse["database"], table, kind)} == OPTIMIZERS
        [budget] = aws("budgets").describe_budgets(AccountId=ACCOUNT)["Budgets"]
        assert budget["BudgetLimit"] == {"Amount": "50", "Unit": "USD"}

        leave_deleted_object(aws, lakehouse["bucket"])
        change = example.plan(email="team@example.org")
        assert change == {f"{MODULE}.monitoring.aws_sns_topic_subscription.email[0]": "create"}
        example.apply()
        [subscription] = aws("sns").list_subscriptions()["Subscriptions"]
        assert subscription["Endpoint"] == "team@example.org"


def test_existing_network(examples: Path, aws: Aws) -> None:
    example = Example(examples / "existing-network")
    with applied(example, aws) as made:
        assert made == LISTED.keys() - {"aliases", "budgets", "keys"}
        lakehouse = example.output()["lakehouse"]
        ec2 = aws("ec2")
        endpoints = ec2.describe_vpc_endpoints()["VpcEndpoints"]
        names = {tag["Value"] for each in endpoints for tag in each["Tags"] if each["State"] != "deleted"}
        assert names == {"shared-s3", "shared-glue", "shared-logs", "shared-secretsmanager"}  # none of the module
        [group] = ec2.describe_security_groups(GroupIds=[lakehouse["job_security_group_id"]])["SecurityGroups"]
        open_to = {block["CidrIp"] for rule in group["IpPermissionsEgress"] for block in rule.get("IpRanges", [])}
        assert open_to == {"10.50.0.0/24", "10.50.1.0/24"}
        for job in aws("glue").get_jobs()["Jobs"]:
            assert job["Connections"]["Connections"] == lakehouse["glue_connections"]


def test_adoption(examples: Path, aws: Aws, tmp_path: Path) -> None:
    """What a guide has its readers make by hand is imported, kept, and used by a run."""
    before = aws.inventory()
    made = make_by_hand(aws, tmp_path)
    keys = {item["Key"]: item["ETag"] for item in aws("s3").list_objects_v2(Bucket=made["bucket"])["Contents"]}
    example = Example(examples / "adoption")
    example("init", "-lockfile=readonly")

    change = example.plan(**made)
    tables = {f'{MODULE}.catalog.aws_glue_catalog_table.json["{table}"]' for table in LANDING_TABLES}
    imported = tables | {
        f"{MODULE}.catalog.aws_glue_catalog_database.this[0]",
        f"{MODULE}.network[0].aws_vpc_endpoint.s3[0]",
        f"{MODULE}.storage[0].aws_s3_bucket.this",
    }
    assert {address for address, action in change.items() if action != "create"} == imported
    assert {change[address] for address in imported} <= {"import", "update"}
    example.apply()
    assert example.plan(**made) == {}
    (example.folder / "imports.tf").unlink()
    assert example.plan(**made) == {}

    listed = {item["Key"]: item["ETag"] for item in aws("s3").list_objects_v2(Bucket=made["bucket"])["Contents"]}
    assert {key: listed.get(key) for key in keys} == keys
    workflow = example.output()["lakehouse"]["workflow"]
    run = aws("glue").start_workflow_run(Name=workflow)["RunId"]
    ended = wait_for(lambda: aws("glue").get_workflow_run(Name=workflow, RunId=run)["Run"]["Status"], "COMPLETED")
    assert ended == "COMPLETED"
    expected = json.loads((tmp_path / "data/expected.json").read_text())["published"]
    published = tables_of_lakehouse.publications(boto3.Session(), made["database"])
    assert {table: published[table].rows for table in ICEBERG_TABLES} == {t: expected[t] for t in ICEBERG_TABLES}

    example("destroy", "-auto-approve", "-refresh=false", **made)
    assert aws.inventory() == before


def make_by_hand(aws: Aws, folder: Path) -> dict[str, Any]:
    """Make what the guides make in the console and with the AWS CLI; return the example's variables."""
    bucket, database = "my-stedi-lake-house", "stedi"
    aws("s3").create_bucket(Bucket=bucket)
    sample.generate(folder / "data")
    for file in (folder / "data").glob("*/landing/*"):
        aws("s3").upload_file(str(file), bucket, str(file.relative_to(folder / "data")))
    aws("glue").create_database(DatabaseInput={"Name": database})
    for table in LANDING_TABLES:
        columns = {"customer_landing": "email", "accelerometer_landing": "user"}.get(table, "serialnumber")
        descriptor = {
            "Columns": [{"Name": columns, "Type": "string"}],
            "Location": f"s3://{bucket}/{table.removesuffix('_landing')}/landing/",
            "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
            "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"},
        }
        table_input = {"Name": table, "TableType": "EXTERNAL_TABLE", "StorageDescriptor": descriptor}
        parameters = {"classification": "json", "has_encrypted_data": "false"}
        aws("glue").create_table(DatabaseName=database, TableInput={**table_input, "Parameters": parameters})
    ec2 = aws("ec2")
    [vpc] = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    [route_table] = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["RouteTables"]
    region, ids = boto3.Session().region_name, [route_table["RouteTableId"]]
    service = f"com.amazonaws.{region}.s3"
    kind = "Gateway"  # the default on AWS; without it, moto cannot delete the endpoint
    made = ec2.create_vpc_endpoint(VpcId=vpc["VpcId"], ServiceName=service, VpcEndpointType=kind, RouteTableIds=ids)
    endpoint = made["VpcEndpoint"]
    return {
        "bucket": bucket,
        "database": database,
        "vpc_id": vpc["VpcId"],
        "route_table_ids": ids,
        "vpc_endpoint_id": endpoint["VpcEndpointId"],
    }


def wait_for(state: Callable[[], str], wanted: str, seconds: float = 300) -> str:
    """Poll a state until it is the wanted one or the time is over, and return it."""
    end = time.monotonic() + seconds
    while (found := state()) != wanted and time.monotonic() < end:
        time.sleep(1)
    return found


def test_existing_bucket(examples: Path, aws: Aws) -> None:
    """Runs and erasures in it: tests/e2e/test_bring_your_own.py."""
    example = Example(examples / "existing-bucket")
    with applied(example, aws) as made:
        assert made == LISTED.keys() - ONLY_IN_COMPLETE
        lakehouse = example.output()["lakehouse"]
        assert lakehouse["root"].endswith("/teams/stedi")
        created = {kind: names(aws) for kind, names in LISTED.items()}
        assert len(list(created["buckets"])) == 1
        assert set(created["roles"]) == {"etl-jobs", "etl-forget", "stedi-shared-arrival"}
        assert {name.rpartition(":")[2] for name in created["topics"]} == {"alerts"}
        assert set(created["secrets"]) == {"privacy-subject-key", "privacy-refusal-key"}
        assert set(created["databases"]) == {"analytics", "analytics_audit"}
        assert set(created["workgroups"]) == {"primary", "engineers", "stedi-shared-analyst"}


def test_two_environments(examples: Path, aws: Aws) -> None:
    example = Example(examples / "two-environments")
    with applied(example, aws) as made:
        assert made == LISTED.keys() - (ONLY_IN_COMPLETE - {"budgets"})
        lakehouses = example.output()["lakehouses"]
        assert len(aws("glue").get_jobs()["Jobs"]) == 2 * len(ALL_JOBS)
        for environment, other in (("dev", "prod"), ("prod", "dev")):
            roles = [lakehouses[environment][f"{of}_role_arn"].rpartition("/")[2] for of in ("job", "forget")]
            granted = [policy for role in roles for policy in inline_policies(aws, role)]
            assert len(granted) >= len(roles)
            assert all(lakehouses[environment]["bucket"] in policy or "s3:" not in policy for policy in granted)
            assert [policy for policy in granted if f"stedi-{other}" in policy or f"stedi_{other}" in policy] == []


def inline_policies(aws: Aws, role: str) -> list[str]:
    """Return the inline policies of a role, as JSON."""
    names = aws("iam").list_role_policies(RoleName=role)["PolicyNames"]
    return [json.dumps(aws("iam").get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]) for name in names]


def optimizes(aws: Aws, database: str, table: str, kind: str) -> bool:
    """Whether a table optimizer of a kind is enabled for a table."""
    answer = aws("glue").get_table_optimizer(CatalogId=ACCOUNT, DatabaseName=database, TableName=table, Type=kind)
    return bool(answer["TableOptimizer"]["configuration"]["enabled"])


def context_of_services(lakehouse: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return the condition keys that each AWS service sends to KMS, by service."""
    topic = {"kms:EncryptionContext:aws:sns:topicArn": lakehouse["failure_topic_arn"]}
    region = lakehouse["region"]
    group = f"arn:aws:logs:{region}:{ACCOUNT}:log-group:{lakehouse['log_groups']['error']}"
    return {
        # No aws:SourceAccount and no aws:SourceArn: EventBridge sends neither when it publishes to an encrypted topic.
        "events.amazonaws.com": topic,
        "cloudwatch.amazonaws.com": topic | {"aws:SourceAccount": ACCOUNT},
        "budgets.amazonaws.com": topic | {"aws:SourceAccount": ACCOUNT},
        f"logs.{region}.amazonaws.com": {"kms:EncryptionContext:aws:logs:arn": group},
    }


def admits(policy: dict[str, Any], service: str, sent: dict[str, str]) -> bool:
    """Whether a key policy allows a service to create and decrypt data keys, given the condition keys it sends."""

    def holds(statement: dict[str, Any]) -> bool:
        conditions = statement.get("Condition", {})
        assert conditions.keys() <= {"StringEquals", "ArnLike"}
        return all(
            any(fnmatchcase(sent.get(name, ""), wanted) for wanted in ([values] if isinstance(values, str) else values))
            for keys in conditions.values()
            for name, values in keys.items()
        )

    allowed = {
        action
        for statement in policy["Statement"]
        if service in str(statement["Principal"].get("Service")) and statement["Effect"] == "Allow" and holds(statement)
        for action in statement["Action"]
    }
    return {"kms:Decrypt", "kms:GenerateDataKey*"} <= allowed


def encryption_of_bucket(aws: Aws, bucket: str) -> dict[str, str]:
    """Return the default encryption of a bucket."""
    [rule] = aws("s3").get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    return dict(rule["ApplyServerSideEncryptionByDefault"])


def leave_deleted_object(aws: Aws, bucket: str) -> None:
    """Leave a noncurrent version and a delete marker in a bucket, as a job does when it replaces a table."""
    aws("s3").put_object(Bucket=bucket, Key="warehouse/old.parquet", Body=b"")
    aws("s3").delete_object(Bucket=bucket, Key="warehouse/old.parquet")
