from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from embedded_aws.service_app import answer_failures_with_501, serialize_requests


def test_requests_of_one_service_are_handled_one_after_the_other() -> None:
    app, busy = Flask("test"), threading.Lock()

    @app.get("/")
    def view() -> str:
        assert busy.acquire(blocking=False), "two requests at once"
        time.sleep(0.02)
        busy.release()
        return "done"

    app.testing = True
    serialize_requests(app)
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
def test_a_failure_is_reported_in_the_protocol_of_the_request(headers: dict[str, str], method: str, body: str) -> None:
    app = Flask("test")
    app.add_url_rule("/", view_func=lambda: {}["missing"], methods=["GET", "POST"])
    answer = answer_failures_with_501(app).test_client().open("/", method=method, headers=headers)
    assert answer.status_code == 501
    assert answer.text.startswith(body)
    assert "KeyError" in answer.text
