from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from moto.athena.responses import AthenaResponse
from moto.core.responses import BaseResponse
from moto.glue.responses import GlueResponse

from lakehouse.sandbox.moto_gaps import FILLED, answer_failures_once, answer_one_at_a_time, updated_configuration

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


def test_requests_of_one_service_come_one_after_the_other() -> None:
    app, busy = Flask("test"), threading.Lock()

    @app.get("/")
    def view() -> str:
        assert busy.acquire(blocking=False), "two requests at once"
        time.sleep(0.02)
        busy.release()
        return "done"

    app.testing = True
    answer_one_at_a_time(app)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: app.test_client().get("/"), range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4


@pytest.mark.parametrize(
    ("headers", "method", "body"),
    [
        ({"Content-Type": "application/x-amz-json-1.1"}, "POST", '{"__type": "NotImplementedException", "message": "'),
        ({"Content-Type": "application/x-www-form-urlencoded"}, "POST", "<ErrorResponse><Error><Code>NotImplemented"),
        ({}, "GET", "<Error><Code>NotImplemented"),
    ],
)
def test_a_failure_is_answered_in_the_protocol_of_the_request(headers: dict[str, str], method: str, body: str) -> None:
    app = Flask("test")
    app.add_url_rule("/", view_func=lambda: {}["missing"], methods=["GET", "POST"])
    answer = answer_failures_once(app).test_client().open("/", method=method, headers=headers)
    assert answer.status_code == 501
    assert answer.text.startswith(body)
    assert "KeyError" in answer.text
