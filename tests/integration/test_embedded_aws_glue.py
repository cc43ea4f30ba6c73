"""Glue of the embedded AWS through its API: job runs, workflows, operations that moto lacks, a real Spark job."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import settings as moto_settings
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import CommitFailedException

from embedded_aws import EmbeddedAws
from embedded_aws.server import build_server, embedded_aws_at, listen
from tests.support.served import empty_account

BUCKET = "lake"
SECONDS_PER_MINUTE = 2.0  # of a job's timeout


@dataclass
class Aws:
    """An embedded AWS in this process, and its clients."""

    embedded: EmbeddedAws
    build: Path
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                endpoint_url=self.embedded.endpoint,
                region_name=self.embedded.region,
                aws_access_key_id=self.embedded.credentials.access_key_id,
                aws_secret_access_key=self.embedded.credentials.secret_access_key,
                config=Config(retries={"total_max_attempts": 3}),
            )
        return self._clients[service]

    def job(self, name: str, script: str, **settings: Any) -> None:
        """Upload a script and define a job that runs it."""
        self.client("s3").put_object(Bucket=BUCKET, Key=f"glue/scripts/{name}.py", Body=script.encode())
        command = {"Name": "glueetl", "PythonVersion": "3", "ScriptLocation": f"s3://{BUCKET}/glue/scripts/{name}.py"}
        self.client("glue").create_job(
            **{"Name": name, "Role": "jobs", "Command": command, "GlueVersion": "5.1"} | settings
        )

    def find_job_run(self, name: str, run_id: str) -> dict[str, Any]:
        """Return a job run, or {} before it exists."""
        runs: list[dict[str, Any]] = self.client("glue").get_job_runs(JobName=name)["JobRuns"]
        return next((run for run in runs if run["Id"] == run_id), {})

    def wait(self, name: str, run_id: str, *states: str, seconds: float = 180) -> dict[str, Any]:
        """Wait until a job run has one of the states, by default a final one."""
        wanted = states or ("SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED", "ERROR")
        deadline = time.monotonic() + seconds
        while (run := self.find_job_run(name, run_id)).get("JobRunState") not in wanted:
            assert time.monotonic() < deadline, run
            time.sleep(0.05)
        return run

    def run(self, name: str, **settings: Any) -> dict[str, Any]:
        """Run a job to its end."""
        return self.wait(name, self.client("glue").start_job_run(JobName=name, **settings)["JobRunId"])

    def output(self, run: dict[str, Any]) -> str:
        return (self.build / "local" / "jobs" / run["Id"] / "output.log").read_text()

    def workflow_run(self, name: str, run_id: str, seconds: float = 120) -> dict[str, Any]:
        """Wait for a workflow run to end."""
        deadline = time.monotonic() + seconds
        while True:
            run: dict[str, Any] = self.client("glue").get_workflow_run(Name=name, RunId=run_id, IncludeGraph=True)[
                "Run"
            ]
            if run["Status"] not in ("RUNNING", "STOPPING"):
                return run
            assert time.monotonic() < deadline, run
            time.sleep(0.05)


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    build = tmp_path_factory.mktemp("a project") / "build"  # with a space, as users have them
    listener = listen(0)
    embedded = embedded_aws_at(listener)
    server, runtime = build_server(listener, embedded, build, seconds_per_minute=SECONDS_PER_MINUTE)
    empty_account()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    aws = Aws(embedded, build)
    aws.client("s3").create_bucket(Bucket=BUCKET)
    trust = {
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    }
    aws.client("iam").create_role(RoleName="jobs", AssumeRolePolicyDocument=json.dumps(trust))
    yield aws
    runtime.close()
    server.shutdown()


class TestJobRun:
    SCRIPT = """
import json, os, sys
import boto3
import helper
print(json.dumps({
    "argv": sys.argv[1:],
    "helper": helper.NAME,
    "ddl": open("t.sql").read(),
    "caller": boto3.client("sts").get_caller_identity()["Arn"],
}))
boto3.client("s3").put_object(Bucket="lake", Key="written/by/job", Body=b"1")
"""

    def test_gets_arguments_files_and_role_as_on_glue(self, aws: Aws) -> None:
        s3 = aws.client("s3")
        s3.put_object(Bucket=BUCKET, Key="glue/scripts/helper.py", Body=b"NAME = 'helper'")
        s3.put_object(Bucket=BUCKET, Key="glue/ddl/t.sql", Body=b"CREATE TABLE t")
        defaults = {
            "--extra-py-files": f"s3://{BUCKET}/glue/scripts/helper.py",
            "--extra-files": f"s3://{BUCKET}/glue/ddl/t.sql",
            "--profile": "published",
            "--fixed": "default",
        }
        aws.job("good", self.SCRIPT, DefaultArguments=defaults, NonOverridableArguments={"--fixed": "fixed"})
        run = aws.run("good", Arguments={"--profile": "strict", "--fixed": "mine"})
        assert run["JobRunState"] == "SUCCEEDED", run
        assert "ErrorMessage" not in run
        assert run["StartedOn"] <= run["CompletedOn"]
        assert (run["Attempt"], run["Timeout"]) == (0, 2880)
        said = json.loads(aws.output(run))
        assert said["helper"] == "helper"
        assert said["ddl"] == "CREATE TABLE t"
        assert ":assumed-role/jobs/" in said["caller"]
        passed = dict(zip(said["argv"][::2], said["argv"][1::2], strict=True))
        assert passed == defaults | {
            "--profile": "strict",
            "--fixed": "fixed",
            "--JOB_NAME": "good",
            "--JOB_RUN_ID": run["Id"],
        }
        assert s3.get_object(Bucket=BUCKET, Key="written/by/job")["Body"].read() == b"1"

    def test_writes_its_log_where_glue_does(self, aws: Aws) -> None:
        aws.job("talks", "import sys; print('to out'); print('to err', file=sys.stderr)")
        run = aws.run("talks", Arguments={"--custom-logGroup-prefix": "/aws-glue/jobs/mine"})
        assert run["LogGroupName"] == "/aws-glue/jobs/mine"
        for stream, text in (("output", "to out"), ("error", "to err")):
            events = aws.client("logs").get_log_events(
                logGroupName=f"/aws-glue/jobs/mine/{stream}", logStreamName=run["Id"]
            )["events"]
            assert [event["message"] for event in events] == [text]

    def test_its_log_can_be_read_while_it_runs(self, aws: Aws) -> None:
        aws.job("chats", "import time; print('first', flush=True); time.sleep(120)")
        run_id = aws.client("glue").start_job_run(JobName="chats")["JobRunId"]
        deadline = time.monotonic() + 60
        lines: list[str] = []
        while not lines and time.monotonic() < deadline:
            with contextlib.suppress(aws.client("logs").exceptions.ResourceNotFoundException):
                page = aws.client("logs").get_log_events(logGroupName="/aws-glue/jobs/output", logStreamName=run_id)
                lines = [event["message"] for event in page["events"]]
            time.sleep(0.05)
        running = aws.find_job_run("chats", run_id)["JobRunState"]
        aws.client("glue").batch_stop_job_run(JobName="chats", JobRunIds=[run_id])
        assert (lines, running) == (["first"], "RUNNING")
        assert aws.wait("chats", run_id)["JobRunState"] == "STOPPED"

    def test_writes_its_log_where_glue_does_under_a_security_configuration(self, aws: Aws) -> None:
        aws.client("glue").create_security_configuration(Name="secure", EncryptionConfiguration={})
        aws.job(
            "whispers", "print('to out')", SecurityConfiguration="secure", Role="arn:aws:iam::123456789012:role/jobs"
        )
        run = aws.run("whispers", Arguments={"--custom-logGroup-prefix": "/aws-glue/jobs/mine"})
        assert run["LogGroupName"] == "/aws-glue/jobs/mine/secure-role/jobs"
        events = aws.client("logs").get_log_events(
            logGroupName="/aws-glue/jobs/mine/secure-role/jobs/output", logStreamName=run["Id"]
        )["events"]
        assert [event["message"] for event in events] == ["to out"]

    def test_fails_with_the_message_of_the_script(self, aws: Aws) -> None:
        aws.job("bad", "import sys; sys.exit('customers: there is no landing data')")
        run = aws.run("bad")
        assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", "customers: there is no landing data")

    def test_fails_on_a_script_that_is_not_python(self, aws: Aws) -> None:
        aws.job("broken", "this is: not Python")
        run = aws.run("broken")
        assert run["JobRunState"] == "FAILED"
        assert "SyntaxError" in run["ErrorMessage"]

    @pytest.mark.parametrize(
        ("settings", "says"),
        [
            (
                {"Command": {"Name": "glueetl", "ScriptLocation": "s3://lake/nowhere.py"}},
                "s3://lake/nowhere.py does not",
            ),
            ({"Command": {"Name": "glueetl", "ScriptLocation": "s3://no-bucket/x.py"}}, "s3://no-bucket/x.py does not"),
            ({"DefaultArguments": {"--extra-files": "s3://lake/no.sql"}}, "s3://lake/no.sql does not exist"),
            ({"Role": "arn:aws:iam::123456789012:role/nobody"}, "there is no such role"),
        ],
    )
    def test_fails_on_missing_objects_and_roles(self, aws: Aws, settings: dict[str, Any], says: str) -> None:
        aws.job("incomplete", "", **settings)
        run = aws.run("incomplete")
        assert run["JobRunState"] == "FAILED"
        assert says in run["ErrorMessage"]

    def test_is_retried_after_a_failure(self, aws: Aws) -> None:
        script = "import sys; sys.exit(sys.argv[sys.argv.index('--JOB_RUN_ID') + 1].endswith('_attempt_2') - 1)"
        aws.job("flaky", script, MaxRetries=2)
        first = aws.run("flaky")
        assert first["JobRunState"] == "FAILED"
        last = aws.wait("flaky", f"{first['Id']}_attempt_2")
        assert last["JobRunState"] == "SUCCEEDED"
        assert (last["Attempt"], last["PreviousRunId"]) == (2, f"{first['Id']}_attempt_1")
        runs = aws.client("glue").get_job_runs(JobName="flaky")["JobRuns"]
        assert [run["Attempt"] for run in runs] == [2, 1, 0]

    def test_is_ended_at_its_timeout_and_not_retried(self, aws: Aws) -> None:
        aws.job("slow", "import time; time.sleep(60)", Timeout=1, MaxRetries=1)
        run = aws.run("slow")
        assert run["JobRunState"] == "TIMEOUT"
        assert "timeout of 1 minute" in run["ErrorMessage"]
        assert len(aws.client("glue").get_job_runs(JobName="slow")["JobRuns"]) == 1

    def test_can_be_stopped_and_only_one_runs_at_a_time(self, aws: Aws) -> None:
        glue = aws.client("glue")
        aws.job("long", "import time; time.sleep(60)", MaxRetries=1)
        run_id = glue.start_job_run(JobName="long")["JobRunId"]
        with pytest.raises(glue.exceptions.ConcurrentRunsExceededException):
            glue.start_job_run(JobName="long")
        aws.wait("long", run_id, "RUNNING")
        stopped = glue.batch_stop_job_run(JobName="long", JobRunIds=[run_id, "jr_nowhere"])
        assert stopped["SuccessfulSubmissions"] == [{"JobName": "long", "JobRunId": run_id}]
        assert [error["ErrorDetail"]["ErrorCode"] for error in stopped["Errors"]] == ["EntityNotFoundException"]
        assert aws.wait("long", run_id)["JobRunState"] == "STOPPED"
        again = glue.batch_stop_job_run(JobName="long", JobRunIds=[run_id])
        assert again["Errors"][0]["ErrorDetail"]["ErrorCode"] == "InvalidInputException"


class TestWorkflow:
    @pytest.fixture
    def chain(self, aws: Aws) -> Iterator[str]:
        """A workflow of three jobs, each after the success of the previous one; --mode controls the second."""
        glue = aws.client("glue")
        aws.job("one", "")
        aws.job(
            "two",
            """import sys, time
mode = sys.argv[sys.argv.index("--mode") + 1]
time.sleep(60) if mode == "sleep" else sys.exit(mode)
""",
            DefaultArguments={"--mode": "broken"},
        )
        aws.job("three", "import json, sys; print(json.dumps(sys.argv[1:]))")
        glue.create_workflow(Name="chain", MaxConcurrentRuns=1, DefaultRunProperties={"owner": "tests"})
        glue.create_trigger(Name="start", WorkflowName="chain", Type="ON_DEMAND", Actions=[{"JobName": "one"}])
        for before, after in (("one", "two"), ("two", "three")):
            glue.create_trigger(
                Name=f"after-{before}",
                WorkflowName="chain",
                Type="CONDITIONAL",
                StartOnCreation=True,
                Predicate={
                    "Logical": "AND",
                    "Conditions": [{"LogicalOperator": "EQUALS", "JobName": before, "State": "SUCCEEDED"}],
                },
                Actions=[{"JobName": after}],
            )
        yield "chain"
        for trigger in ("start", "after-one", "after-two"):
            glue.delete_trigger(Name=trigger)
        glue.delete_workflow(Name="chain")

    def tell_two(self, aws: Aws, mode: str) -> None:
        update = {"Actions": [{"JobName": "two", "Arguments": {"--mode": mode}}]}
        trigger = aws.client("glue").get_trigger(Name="after-one")["Trigger"]
        aws.client("glue").update_trigger(Name="after-one", TriggerUpdate=update | {"Predicate": trigger["Predicate"]})

    def test_runs_its_jobs_in_order(self, aws: Aws, chain: str) -> None:
        self.tell_two(aws, "0")
        aws.job("two", "")
        run = aws.workflow_run(chain, aws.client("glue").start_workflow_run(Name=chain)["RunId"])
        assert run["Status"] == "COMPLETED"
        assert run["WorkflowRunProperties"] == {"owner": "tests"}
        assert run["Statistics"].items() >= {"TotalActions": 3, "SucceededActions": 3, "FailedActions": 0}.items()
        runs = {
            node["Name"]: node["JobDetails"]["JobRuns"][0] for node in run["Graph"]["Nodes"] if node["Type"] == "JOB"
        }
        assert runs["one"]["CompletedOn"] <= runs["two"]["StartedOn"]
        assert runs["three"]["TriggerName"] == "after-two"
        assert runs["three"]["PredecessorRuns"] == [{"JobName": "two", "RunId": runs["two"]["Id"]}]
        argv = json.loads(aws.output(runs["three"]))
        assert argv[argv.index("--WORKFLOW_NAME") + 1] == chain
        assert argv[argv.index("--WORKFLOW_RUN_ID") + 1] == run["WorkflowRunId"]

    def test_ends_after_a_failed_job(self, aws: Aws, chain: str) -> None:
        run = aws.workflow_run(chain, aws.client("glue").start_workflow_run(Name=chain)["RunId"])
        assert run["Status"] == "COMPLETED"  # as on AWS: only the statistics show the failure
        assert run["Statistics"].items() >= {"SucceededActions": 1, "FailedActions": 1, "TotalActions": 3}.items()
        runs = {node["Name"]: node["JobDetails"]["JobRuns"] for node in run["Graph"]["Nodes"] if node["Type"] == "JOB"}
        assert runs["two"][0]["ErrorMessage"] == "broken"
        assert runs["three"] == []

    def test_can_be_stopped_and_only_one_runs_at_a_time(self, aws: Aws, chain: str) -> None:
        glue = aws.client("glue")
        self.tell_two(aws, "sleep")
        run_id = glue.start_workflow_run(Name=chain)["RunId"]
        with pytest.raises(glue.exceptions.ConcurrentRunsExceededException):
            glue.start_workflow_run(Name=chain)
        deadline = time.monotonic() + 20
        while not [run for run in glue.get_job_runs(JobName="two")["JobRuns"] if run["JobRunState"] == "RUNNING"]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        glue.stop_workflow_run(Name=chain, RunId=run_id)
        run = aws.workflow_run(chain, run_id)
        assert run["Status"] == "STOPPED"
        assert run["Statistics"]["StoppedActions"] == 1

    def test_its_start_trigger_starts_a_run(self, aws: Aws, chain: str) -> None:
        glue = aws.client("glue")
        glue.start_trigger(Name="start")
        (run,) = glue.get_workflow_runs(Name=chain)["Runs"]
        aws.workflow_run(chain, run["WorkflowRunId"])
        assert glue.get_trigger(Name="start")["Trigger"]["State"] == "CREATED"


class TestArrival:
    """S3 reports an object to EventBridge, a rule selects it, and the workflow starts when a batch is complete."""

    SECONDS = 2.0  # of a window of one minute, here

    @pytest.fixture
    def waiting(self, aws: Aws) -> Iterator[str]:
        """A workflow that starts after three files below landing/, or a minute after the first."""
        glue, events, s3, iam = (aws.client(name) for name in ("glue", "events", "s3", "iam"))
        bucket = "arrivals"
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        aws.job("read", "")
        glue.create_workflow(Name="by-arrival", MaxConcurrentRuns=1)
        glue.create_trigger(
            Name="arrived",
            WorkflowName="by-arrival",
            Type="EVENT",
            EventBatchingCondition={"BatchSize": 3, "BatchWindow": 60},
            Actions=[{"JobName": "read"}],
        )
        role = iam.create_role(RoleName="arrival", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        selected = {
            "source": ["aws.s3"],
            "detail-type": ["Object Created"],
            "detail": {"bucket": {"name": [bucket]}, "object": {"key": [{"prefix": "landing/"}]}},
        }
        events.put_rule(Name="arrival", EventPattern=json.dumps(selected))
        arn = f"arn:aws:glue:{aws.embedded.region}:{aws.embedded.account_id}:workflow/by-arrival"
        events.put_targets(Rule="arrival", Targets=[{"Id": "workflow", "Arn": arn, "RoleArn": role}])
        yield bucket
        events.remove_targets(Rule="arrival", Ids=["workflow"])
        events.delete_rule(Name="arrival")
        iam.delete_role(RoleName="arrival")
        glue.delete_trigger(Name="arrived")
        glue.delete_workflow(Name="by-arrival")
        for item in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
            s3.delete_object(Bucket=bucket, Key=item["Key"])
        s3.delete_bucket(Bucket=bucket)

    def runs(self, aws: Aws, number: int, seconds: float) -> list[dict[str, Any]]:
        """Wait for a number of runs of the workflow, at most some seconds, and return all."""
        deadline = time.monotonic() + seconds
        while True:
            runs: list[dict[str, Any]] = aws.client("glue").get_workflow_runs(Name="by-arrival").get("Runs", [])
            if len(runs) >= number or time.monotonic() > deadline:
                return runs
            time.sleep(0.05)

    def test_enough_files_start_a_run_at_once_and_the_window_starts_one_for_the_rest(
        self, aws: Aws, waiting: str
    ) -> None:
        s3 = aws.client("s3")
        for key in ("other/1", "landing/1", "landing/2", "landing/3", "landing/4", "other/2"):
            s3.put_object(Bucket=waiting, Key=key, Body=b"{}")
        (first,) = self.runs(aws, 1, self.SECONDS / 2)
        batch = aws.workflow_run("by-arrival", first["WorkflowRunId"])["StartingEventBatchCondition"]
        assert batch == {"BatchSize": 3, "BatchWindow": 60}
        runs = self.runs(aws, 2, self.SECONDS + 5)
        assert [run["StartingEventBatchCondition"]["BatchSize"] for run in runs] == [3, 1]
        aws.workflow_run("by-arrival", runs[1]["WorkflowRunId"])

    def test_a_copy_counts_and_a_disabled_rule_does_not(self, aws: Aws, waiting: str) -> None:
        s3 = aws.client("s3")
        s3.put_object(Bucket=waiting, Key="source", Body=b"{}")
        aws.client("events").disable_rule(Name="arrival")
        s3.put_object(Bucket=waiting, Key="landing/1", Body=b"{}")
        aws.client("events").enable_rule(Name="arrival")
        for number in (2, 3, 4):
            s3.copy_object(Bucket=waiting, Key=f"landing/{number}", CopySource={"Bucket": waiting, "Key": "source"})
        (run,) = self.runs(aws, 1, self.SECONDS / 2)
        assert run["StartingEventBatchCondition"]["BatchSize"] == 3
        aws.workflow_run("by-arrival", run["WorkflowRunId"])

    def test_the_role_of_the_rule_needs_permission(self, aws: Aws, waiting: str, monkeypatch: Any) -> None:
        s3, iam = aws.client("s3"), aws.client("iam")
        monkeypatch.setattr(moto_settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0)
        for number in range(3):
            s3.put_object(Bucket=waiting, Key=f"landing/{number}", Body=b"{}")
        assert not self.runs(aws, 1, self.SECONDS / 2)
        arn = f"arn:aws:glue:{aws.embedded.region}:{aws.embedded.account_id}:workflow/by-arrival"
        allow = {"Effect": "Allow", "Action": "glue:NotifyEvent", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        iam.put_role_policy(RoleName="arrival", PolicyName="notify", PolicyDocument=policy)
        for number in range(3):
            s3.put_object(Bucket=waiting, Key=f"landing/{number}", Body=b"{}")
        (run,) = self.runs(aws, 1, 5)
        aws.workflow_run("by-arrival", run["WorkflowRunId"])
        iam.delete_role_policy(RoleName="arrival", PolicyName="notify")


class TestGaps:
    """The operations that Terraform calls and moto lacks, through the API."""

    def test_update_job_replaces_the_definition_and_keeps_the_runs(self, aws: Aws) -> None:
        glue = aws.client("glue")
        aws.job("changing", "", DefaultArguments={"--a": "1"}, Description="old", Tags={"Project": "stedi"})
        run = aws.run("changing")
        command = glue.get_job(JobName="changing")["Job"]["Command"]
        glue.update_job(JobName="changing", JobUpdate={"Role": "jobs", "Command": command, "Timeout": 7})
        job = glue.get_job(JobName="changing")["Job"]
        assert (job["Timeout"], job["DefaultArguments"], job.get("Description")) == (7, {}, None)
        assert [r["Id"] for r in glue.get_job_runs(JobName="changing")["JobRuns"]] == [run["Id"]]
        assert glue.get_tags(ResourceArn="arn:aws:glue:us-east-1:123456789012:job/changing")["Tags"] == {
            "Project": "stedi"
        }

    def test_update_work_group(self, aws: Aws) -> None:
        athena = aws.client("athena")
        athena.create_work_group(Name="queries", Configuration={"BytesScannedCutoffPerQuery": 10_000_000})
        updates = {"RemoveBytesScannedCutoffPerQuery": True, "EnforceWorkGroupConfiguration": False}
        athena.update_work_group(WorkGroup="queries", ConfigurationUpdates=updates, Description="new")
        group = athena.get_work_group(WorkGroup="queries")["WorkGroup"]
        assert group["Description"] == "new"
        assert group["Configuration"]["EnforceWorkGroupConfiguration"] is False
        assert "BytesScannedCutoffPerQuery" not in group["Configuration"]
        arn = "arn:aws:athena:us-east-1:123456789012:workgroup/queries"
        assert athena.list_tags_for_resource(ResourceARN=arn)["Tags"] == []

    def test_delete_named_query(self, aws: Aws) -> None:
        athena = aws.client("athena")
        query = athena.create_named_query(Name="q", Database="d", QueryString="SELECT 1")["NamedQueryId"]
        athena.delete_named_query(NamedQueryId=query)
        with pytest.raises(athena.exceptions.InvalidRequestException, match="not found"):
            athena.get_named_query(NamedQueryId=query)

    def test_connections_are_replaced_and_deleted(self, aws: Aws) -> None:
        glue = aws.client("glue")
        definition = {"Name": "vpc", "ConnectionType": "NETWORK", "ConnectionProperties": {}}
        glue.create_connection(ConnectionInput=definition | {"Description": "old"}, Tags={"a": "b"})
        created = glue.get_connection(Name="vpc")["Connection"]
        glue.update_connection(Name="vpc", ConnectionInput=definition | {"Description": "new"})
        updated = glue.get_connection(Name="vpc")["Connection"]
        assert (created["Description"], updated["Description"]) == ("old", "new")
        assert updated["ConnectionType"] == "NETWORK"
        assert updated["CreationTime"] == created["CreationTime"]
        arn = "arn:aws:glue:us-east-1:123456789012:connection/vpc"
        assert glue.get_tags(ResourceArn=arn)["Tags"] == {"a": "b"}
        assert [each["ConnectionType"] for each in glue.get_connections()["ConnectionList"]] == ["NETWORK"]

        glue.delete_connection(ConnectionName="vpc")
        assert glue.get_connections()["ConnectionList"] == []
        assert glue.get_tags(ResourceArn=arn)["Tags"] == {}
        for forgotten in (
            glue.delete_connection,
            lambda **_: glue.update_connection(Name="vpc", ConnectionInput=definition),
        ):
            with pytest.raises(ClientError) as error:
                forgotten(ConnectionName="vpc")
            assert error.value.response["Error"]["Code"] == "EntityNotFoundException"

    def test_a_bucket_with_delete_markers_can_be_deleted_after_versioning_was_suspended(self, aws: Aws) -> None:
        s3 = aws.client("s3")
        s3.create_bucket(Bucket="versioned")
        s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
        s3.put_object(Bucket="versioned", Key="a", Body=b"")
        s3.delete_object(Bucket="versioned", Key="a")
        s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Suspended"})
        listed = s3.list_object_versions(Bucket="versioned")
        keys = [
            {"Key": each["Key"], "VersionId": each["VersionId"]}
            for each in listed["Versions"] + listed["DeleteMarkers"]
        ]
        s3.delete_objects(Bucket="versioned", Delete={"Objects": keys})
        s3.delete_bucket(Bucket="versioned")

    @pytest.mark.parametrize(
        ("service", "operation", "arguments"),
        [
            ("glue", "list_blueprints", {}),
            ("sns", "get_data_protection_policy", {"ResourceArn": "arn:aws:sns:us-east-1:123456789012:t"}),
        ],
    )
    def test_a_missing_operation_is_reported_without_retries(
        self, aws: Aws, service: str, operation: str, arguments: dict[str, str]
    ) -> None:
        with pytest.raises(ClientError) as refusal:
            getattr(aws.client(service), operation)(**arguments)
        answer = refusal.value.response
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 501
        assert answer["ResponseMetadata"]["RetryAttempts"] == 0
        assert "embedded AWS" in answer["Error"]["Message"]


SPARK_SCRIPT = """
import sys
from pyspark.sql import SparkSession, functions as F
spark = SparkSession.builder.getOrCreate()
rows = spark.read.json("s3://lake/landing/")
if "--fail" in sys.argv:
    rows.write.parquet("s3://lake/partial/")
    rows.select(F.raise_error(F.lit("the row is bad"))).collect()
spark.sql("ALTER TABLE glue_catalog.db.t ADD COLUMNS (note string COMMENT 'Added later.')")
rows.select("id", F.lit("new").alias("note")).writeTo("glue_catalog.db.t").append()
spark.sql("CREATE TABLE glue_catalog.db.made_by_spark (id bigint) USING iceberg")
rows.select("id").write.json("s3://lake/größer/100% + 1/")
print("java", spark._jvm.System.getProperty("java.version"))
"""
WRITER_SCRIPT = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
first = int(sys.argv[sys.argv.index("--first") + 1])
for number in range(first, first + 15):
    try:
        spark.range(number, number + 1).writeTo("glue_catalog.db.busy").append()
    except Exception as error:
        if "CommitFailedException" not in str(error):
            raise
        print("refused", number)
    else:
        print("committed", number)
"""
ICEBERG_CONF = " --conf ".join(
    [
        "spark.sql.extensions=org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.catalog.glue_catalog=org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.glue_catalog.catalog-impl=org.apache.iceberg.aws.glue.GlueCatalog",
        "spark.sql.catalog.glue_catalog.io-impl=org.apache.iceberg.aws.s3.S3FileIO",
        "spark.sql.catalog.glue_catalog.warehouse=s3://lake/warehouse",
    ]
)


@pytest.fixture(scope="module")
def spark_job(aws: Aws) -> str:
    """A job, and an Iceberg table created as Terraform creates it."""
    glue = aws.client("glue")
    glue.create_database(DatabaseInput={"Name": "db", "LocationUri": "s3://lake/warehouse/db"})
    columns = [{"Name": "id", "Type": "bigint", "Comment": "Key."}]
    glue.create_table(
        DatabaseName="db",
        TableInput={
            "Name": "t",
            "Description": "One row per test.",
            "TableType": "EXTERNAL_TABLE",
            "StorageDescriptor": {"Location": "s3://lake/warehouse/db/t/", "Columns": columns},
        },
        OpenTableFormatInput={"IcebergInput": {"MetadataOperation": "CREATE", "Version": "2"}},
    )
    aws.client("s3").put_object(Bucket=BUCKET, Key="landing/ä 1+2=3%.json", Body=b'{"id": 1}\n{"id": 2}\n')
    aws.job("spark", SPARK_SCRIPT, DefaultArguments={"--datalake-formats": "iceberg", "--conf": ICEBERG_CONF})
    return "spark"


@pytest.fixture(scope="module")
def first_spark_run(aws: Aws, spark_job: str) -> dict[str, Any]:
    """The first run of the job."""
    return aws.run(spark_job)


class TestSpark:
    """A job like those of the lakehouse: JSON in, Iceberg out."""

    def catalog(self, aws: Aws) -> Catalog:
        keys = {
            "access-key-id": aws.embedded.credentials.access_key_id,
            "secret-access-key": aws.embedded.credentials.secret_access_key,
            "endpoint": aws.embedded.endpoint,
            "region": aws.embedded.region,
        }
        settings = {f"{service}.{key}": value for service in ("glue", "s3") for key, value in keys.items()}
        return load_catalog("test", type="glue", **settings)

    def rows(self, aws: Aws, name: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.catalog(aws).load_table(f"db.{name}").scan().to_arrow().to_pylist()
        return rows

    def keys(self, aws: Aws, prefix: str) -> list[str]:
        return [
            item["Key"] for item in aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        ]

    def test_any_client_reads_the_commit_of_a_job(self, aws: Aws, first_spark_run: dict[str, Any]) -> None:
        assert first_spark_run["JobRunState"] == "SUCCEEDED", first_spark_run
        assert aws.output(first_spark_run).startswith("java 17.")
        assert sorted(self.rows(aws, "t"), key=lambda row: row["id"]) == [
            {"id": 1, "note": "new"},
            {"id": 2, "note": "new"},
        ]
        shown = aws.client("glue").get_table(DatabaseName="db", Name="t")["Table"]
        assert shown["Description"] == "One row per test."
        assert shown["Parameters"]["previous_metadata_location"].endswith("metadata.json")
        columns = [(c["Name"], c["Type"], c["Comment"]) for c in shown["StorageDescriptor"]["Columns"]]
        assert columns == [("id", "bigint", "Key."), ("note", "string", "Added later.")]
        assert self.rows(aws, "made_by_spark") == []
        written = self.keys(aws, "größer/100% + 1/")
        assert {key.rpartition("/")[2].partition("-")[0] for key in written} == {"_SUCCESS", "part"}

    @pytest.mark.slow
    @pytest.mark.usefixtures("first_spark_run")
    def test_the_class_archive_of_the_first_job_is_kept_for_the_others(self, aws: Aws) -> None:
        cache = aws.build / "cache"
        deadline = time.monotonic() + 300  # it runs with the lowest priority
        while not list(cache.glob("spark-*.jsa")):
            assert time.monotonic() < deadline, list(cache.iterdir())
            time.sleep(0.2)

    @pytest.mark.slow
    def test_concurrent_commits_are_applied_or_refused(self, aws: Aws, spark_job: str) -> None:
        """Two Spark jobs and pyiceberg commit, while jobs without Iceberg start and end."""
        storage = {"Location": "s3://lake/warehouse/db/busy", "Columns": [{"Name": "id", "Type": "bigint"}]}
        aws.client("glue").create_table(
            DatabaseName="db",
            TableInput={"Name": "busy", "StorageDescriptor": storage},
            OpenTableFormatInput={"IcebergInput": {"MetadataOperation": "CREATE", "Version": "2"}},
        )
        table = self.catalog(aws).load_table("db.busy")
        with table.transaction() as settings:
            settings.set_properties({"commit.retry.num-retries": "1"})
        settings = {"DefaultArguments": {"--datalake-formats": "iceberg", "--conf": ICEBERG_CONF}}
        for name in ("writer_1", "writer_2"):
            aws.job(name, WRITER_SCRIPT, **settings)
        aws.job("plain", "import boto3; boto3.client('s3').put_object(Bucket='lake', Key='beside', Body=b'1')")
        start = aws.client("glue").start_job_run
        runs = {
            name: start(JobName=name, Arguments={"--first": str(first)})["JobRunId"]
            for name, first in (("writer_1", 1000), ("writer_2", 2000))
        }
        committed, number = [], 3000
        while any(not aws.find_job_run(name, run).get("CompletedOn") for name, run in runs.items()):
            try:
                table.refresh().append(pa.table({"id": [number]}))
                committed.append(number)
            except CommitFailedException:
                pass
            number += 1
            if number % 10 == 0:
                assert aws.run("plain")["JobRunState"] == "SUCCEEDED"
        for name, run in runs.items():
            ended = aws.wait(name, run)
            assert ended["JobRunState"] == "SUCCEEDED", ended
            said = [line.split() for line in aws.output(ended).splitlines()]
            committed += [int(words[1]) for words in said if words[:1] == ["committed"]]
            assert [words for words in said if words[:1] == ["committed"]]
        assert sorted(row["id"] for row in self.rows(aws, "busy")) == sorted(committed)
        assert {number // 1000 for number in committed} == {1, 2, 3}

    @pytest.mark.usefixtures("first_spark_run")
    def test_a_failed_job_leaves_its_files_and_publishes_nothing(self, aws: Aws, spark_job: str) -> None:
        run = aws.run(spark_job, Arguments={"--fail": "yes"})
        assert run["JobRunState"] == "FAILED"
        assert "the row is bad" in run["ErrorMessage"]
        assert "\tat " not in run["ErrorMessage"]
        assert any(key.endswith(".parquet") for key in self.keys(aws, "partial/"))
        assert len(self.rows(aws, "t")) == 2
