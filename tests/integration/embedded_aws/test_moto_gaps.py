from __future__ import annotations

import gc
import hashlib
import inspect
import json
from types import SimpleNamespace
from typing import Any

import pytest
from moto.athena.responses import AthenaResponse
from moto.budgets.responses import BudgetsResponse
from moto.core.responses import BaseResponse
from moto.ec2.models import security_groups
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.events.models import Rule
from moto.glue.models import FakeConnection
from moto.glue.responses import GlueResponse
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey, S3Backend, s3_backends
from moto.s3.responses import S3Response

from embedded_aws import moto_gaps
from embedded_aws.iam_enforcement import Need
from embedded_aws.moto_gaps import athena, budgets, glue
from embedded_aws.moto_gaps.athena import updated_configuration
from embedded_aws.moto_gaps.s3 import list_versions_without_their_content, permission
from tests.support.served import Aws

ADDED = {GlueResponse: glue.ADDED, AthenaResponse: athena.ADDED, BudgetsResponse: budgets.ADDED}
OPERATIONS = [(response, operation) for response, operations in ADDED.items() for operation in operations]

# Looked up before any test runs: a test that serves S3 in this process fixes the models.
MOTO_DISPOSES = hasattr(FakeDeleteMarker, "dispose")
MOTO_PERMISSION = FakeBucket.get_permission
MOTO_NOTIFICATIONS = S3Response.get_bucket_notification.__code__.co_consts
MOTO_SENDS = Rule.send_to_targets

TLS_ONLY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": ["arn:aws:s3:::lake", "arn:aws:s3:::lake/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


@pytest.mark.parametrize(("response", "operation"), OPERATIONS)
def test_moto_still_lacks(response: type[BaseResponse], operation: str) -> None:
    assert not hasattr(response, operation), f"moto has {operation} now: delete ours from moto_gaps/"


def test_moto_still_reports_an_untagged_workgroup_as_missing() -> None:
    source = AthenaResponse.list_tags_for_resource.__code__.co_consts
    assert " Does Not Exist" in source, "moto answers untagged resources now? Delete AthenaGaps.list_tags_for_resource"


def test_moto_still_lacks_what_the_job_runtime_adds() -> None:
    assert not hasattr(GlueResponse, "batch_stop_job_run"), (
        "moto stops job runs now: check whether ours is still needed"
    )


def test_moto_still_omits_the_type_of_a_connection() -> None:
    source = FakeConnection.as_dict.__code__.co_consts
    assert "ConnectionType" not in str(source), "moto returns it now: delete GlueGaps.get_connection(s)"


def test_moto_still_loses_the_description_of_a_rule_without_a_cidr_block() -> None:
    peer = {"GroupId": "sg-1", "Description": "Jobs"}
    rule = SecurityGroupRule(None, "tcp", "sg-1", "443", "443", None, peer)
    assert rule.description is None, "moto keeps it now: delete moto_gaps/ec2.py"


def test_moto_still_omits_that_event_bridge_gets_the_events_of_a_bucket() -> None:
    assert "EventBridgeConfiguration" not in MOTO_NOTIFICATIONS, "moto says it now: delete tell_of_event_bridge"


def test_a_bucket_says_that_event_bridge_gets_its_events(aws: Aws) -> None:
    s3 = aws.client("s3")
    assert "EventBridgeConfiguration" not in s3.get_bucket_notification_configuration(Bucket=aws.name)
    enabled: dict[str, Any] = {"EventBridgeConfiguration": {}}
    s3.put_bucket_notification_configuration(Bucket=aws.name, NotificationConfiguration=enabled)
    assert s3.get_bucket_notification_configuration(Bucket=aws.name).items() >= enabled.items()


def test_moto_still_cannot_notify_a_workflow() -> None:
    source = (MOTO_SENDS.__doc__ or "") + str(MOTO_SENDS.__code__.co_consts)
    assert "glue" not in source, "moto can now? Delete moto_gaps/events.py"


def test_moto_still_cannot_dispose_of_a_delete_marker() -> None:
    assert not MOTO_DISPOSES, "moto can now: delete allow_removal_of_delete_markers"


def test_moto_still_ignores_the_conditions_of_bucket_policies() -> None:
    bucket = SimpleNamespace(policy=json.dumps({"Statement": [TLS_ONLY]}).encode())
    answer = MOTO_PERMISSION(bucket, "s3:GetObject", "arn:aws:s3:::lake/a")
    assert answer == PermissionResult.DENIED, "moto evaluates them now? Delete evaluate_conditions_of_bucket_policies"


@pytest.mark.parametrize(
    ("statement", "secure", "expected"),
    [
        (TLS_ONLY, "false", PermissionResult.DENIED),
        (TLS_ONLY, "true", PermissionResult.NEUTRAL),
        (TLS_ONLY | {"Principal": {"AWS": "*"}}, "false", PermissionResult.DENIED),
        (TLS_ONLY | {"Principal": {"Service": "logging.s3.amazonaws.com"}}, "false", PermissionResult.NEUTRAL),
        (TLS_ONLY | {"Action": "s3:PutObject"}, "false", PermissionResult.NEUTRAL),
        (TLS_ONLY | {"Resource": "arn:aws:s3:::lake/landing/*"}, "false", PermissionResult.NEUTRAL),
        (TLS_ONLY | {"Effect": "Allow", "Condition": {}}, "true", PermissionResult.PERMITTED),
    ],
)
def test_a_bucket_policy_applies_only_if_its_condition_holds(
    statement: dict[str, object], secure: str, expected: PermissionResult
) -> None:
    policy = json.dumps({"Statement": [statement]}).encode()
    need = Need("s3:GetObject", "arn:aws:s3:::lake/warehouse/a", {"aws:SecureTransport": secure})
    assert permission(policy, need) == expected


def test_without_a_bucket_policy_iam_decides() -> None:
    assert permission(None, Need("s3:GetObject", "arn:aws:s3:::lake/a")) == PermissionResult.NEUTRAL


def test_moto_still_copies_all_content_to_list_versions() -> None:
    assert "deepcopy" in inspect.getsource(S3Backend.list_object_versions), "delete ours from moto_gaps/s3.py"


def test_a_listing_of_versions_leaves_the_content_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeKey, "__deepcopy__", None, raising=False)  # restores it after the test
    list_versions_without_their_content()
    monkeypatch.setattr(FakeKey, "__getstate__", None)  # with it moto copies the content
    monkeypatch.setattr(s3_backends, "bucket_accounts", {})  # other tests of this process may have this bucket, too
    backend = S3Backend("us-east-1", "123456789012")
    backend.create_bucket("lake", "us-east-1")
    backend.put_bucket_versioning("lake", "Enabled")
    for content in (b"first", b"second"):
        backend.put_object("lake", "a", content)
    backend.delete_object("lake", "a")
    backend.put_object("lake", "b", b"elsewhere")
    keys, _, markers, *_ = backend.list_object_versions("lake")
    found = {(key.name, key.contentsize, key.etag): key.version_id for key in keys}
    assert found.keys() == {
        (name, len(content), f'"{hashlib.md5(content).hexdigest()}"')  # noqa: S324 - S3's
        for name, content in (("a", b"first"), ("a", b"second"), ("b", b"elsewhere"))
    }
    assert [marker.name for marker in markers] == ["a"]
    (first,) = (version for (_, size, _), version in found.items() if size == len(b"first"))
    del keys, markers
    gc.collect()
    assert backend.get_object("lake", "b").value == b"elsewhere", "the end of a listing does not dispose of content"
    assert backend.get_object("lake", "a", first).value == b"first"


@pytest.mark.parametrize(
    "peers",
    [
        ({"CidrIp": "10.0.0.0/8", "Description": "Jobs"}, None, None),
        (None, {"GroupId": "sg-2", "Description": "Jobs"}, None),
        (None, None, {"PrefixListId": "pl-1", "Description": "Jobs"}),
    ],
)
def test_a_rule_keeps_its_description(
    peers: tuple[dict[str, str] | None, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security_groups, "SecurityGroupRule", SecurityGroupRule)  # restores it after the test
    moto_gaps.install("ec2")
    rule = security_groups.SecurityGroupRule(None, "tcp", "sg-1", "443", "443", *peers)
    assert rule.description == "Jobs"


def test_workgroup_updates_set_replace_and_remove() -> None:
    configuration = {
        "EnforceWorkGroupConfiguration": True,
        "BytesScannedCutoffPerQuery": 10_000_000,
        "ResultConfiguration": {"OutputLocation": "s3://a/", "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"}},
    }
    updates = {
        "EnforceWorkGroupConfiguration": False,
        "RemoveBytesScannedCutoffPerQuery": True,
        "RemoveOutputLocation": False,
        "ResultConfigurationUpdates": {"OutputLocation": "s3://b/", "RemoveEncryptionConfiguration": True},
    }
    assert updated_configuration(configuration, updates) == {
        "EnforceWorkGroupConfiguration": False,
        "ResultConfiguration": {"OutputLocation": "s3://b/"},
    }
    assert configuration["EnforceWorkGroupConfiguration"] is True


def test_moto_still_ignores_the_version_in_an_update_of_a_table() -> None:
    read = GlueResponse.update_table.__code__.co_consts
    assert "VersionId" not in read, "moto reads it now: check whether GlueGaps.update_table is still needed"


class TestUpdateTable:
    @pytest.fixture
    def table(self, aws: Aws) -> dict[str, Any]:
        aws.client("glue").create_table(DatabaseName=aws.name, TableInput={"Name": "t"})
        return {"DatabaseName": aws.name, "TableInput": {"Name": "t", "Description": "new"}}

    def test_of_another_version_is_refused(self, aws: Aws, table: dict[str, Any]) -> None:
        glue = aws.client("glue")
        glue.update_table(**table, VersionId="1")
        with pytest.raises(glue.exceptions.ConcurrentModificationException):
            glue.update_table(**table, VersionId="1")
        glue.update_table(**table)
        assert glue.get_table(DatabaseName=aws.name, Name="t")["Table"]["VersionId"] == "3"

    def test_archives_the_old_version_unless_told_not_to(self, aws: Aws, table: dict[str, Any]) -> None:
        glue = aws.client("glue")
        glue.update_table(**table)
        glue.update_table(**table, SkipArchive=True)
        versions = glue.get_table_versions(DatabaseName=aws.name, TableName="t")["TableVersions"]
        assert sorted(each["VersionId"] for each in versions) == ["1", "3"]
