from __future__ import annotations

import pytest
from moto.athena.responses import AthenaResponse
from moto.core.responses import BaseResponse
from moto.glue.responses import GlueResponse

from lakehouse.sandbox.moto_gaps import FILLED, updated_configuration

OPERATIONS = [(response, operation) for response, operations in FILLED.items() for operation in operations]


@pytest.mark.parametrize(("response", "operation"), OPERATIONS)
def test_moto_still_lacks(response: type[BaseResponse], operation: str) -> None:
    assert not hasattr(response, operation), f"moto has {operation} now: delete ours from moto_gaps.py"


def test_moto_still_calls_an_untagged_workgroup_unknown() -> None:
    source = AthenaResponse.list_tags_for_resource.__code__.co_consts
    assert " Does Not Exist" in source, "moto answers untagged resources now? Delete AthenaGaps.list_tags_for_resource"


def test_moto_still_lacks_what_the_job_runtime_adds() -> None:
    assert not hasattr(GlueResponse, "batch_stop_job_run"), "moto stops job runs now: see whether ours is still needed"


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
