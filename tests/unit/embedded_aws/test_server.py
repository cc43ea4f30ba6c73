"""Connections stay open between requests, whatever the application reads of a body and whatever it answers."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest
from werkzeug.serving import make_server

from embedded_aws.connection import HOST
from embedded_aws.server import Handler


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Do as the path says."""
    path, body = environ["PATH_INFO"], b""
    if path == "/fail":
        raise ValueError("no such luck")
    if path == "/echo":
        size = environ.get("CONTENT_LENGTH")
        body = environ["wsgi.input"].read(int(size) if size else -1)
    if path == "/nothing":
        start_response("204 NO CONTENT", [])
        return []
    if path == "/cut":
        start_response("200 OK", [("Content-Length", "9")])
        return cut()
    length = [("Content-Length", str(len(body)))] if path == "/echo" else []
    start_response("200 OK", [("X-Path", path), *length])
    return [body] if path == "/echo" else iter([b"two ", b"parts"])


def cut() -> Iterator[bytes]:
    yield b"half"
    raise ValueError("no other half")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = make_server(HOST, 0, application, threaded=True, request_handler=Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


@pytest.fixture
def connection(port: int) -> Iterator[HTTPConnection]:
    connection = HTTPConnection(HOST, port, timeout=5)
    yield connection
    connection.close()


def ask(connection: HTTPConnection, method: str, path: str, **options: Any) -> tuple[int, bytes]:
    connection.request(method, path, **options)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_requests_follow_each_other_on_one_connection(connection: HTTPConnection) -> None:
    connection.connect()
    own = connection.sock
    for method, path, body, answer in [
        ("PUT", "/echo", b"x" * 3_000_000, (200, b"x" * 3_000_000)),
        ("PUT", "/unread", b"x" * 3_000_000, (200, b"two parts")),
        ("GET", "/of-unknown-length", None, (200, b"two parts")),
        ("HEAD", "/of-unknown-length", None, (200, b"")),
        ("DELETE", "/nothing", None, (204, b"")),
        ("PUT", "/echo", b"", (200, b"")),
        (
            "PUT",
            "/echo",
            io.BytesIO(b"in chunks, since its length is unknown"),
            (200, b"in chunks, since its length is unknown"),
        ),
        ("PUT", "/unread", iter([b"a", b"b" * 70_000]), (200, b"two parts")),
    ]:
        assert ask(connection, method, path, body=body) == answer, path
        assert connection.sock is own, path


def test_a_failure_of_the_application_is_an_answer(connection: HTTPConnection) -> None:
    status, _ = ask(connection, "PUT", "/fail", body=b"unread")
    assert status == 500
    assert ask(connection, "PUT", "/echo", body=b"next") == (200, b"next")


def test_an_answer_that_breaks_off_ends_the_connection(port: int) -> None:
    with socket.create_connection((HOST, port), timeout=5) as client:
        client.sendall(b"GET /cut HTTP/1.1\r\nHost: x\r\n\r\n")
        received = b"".join(iter(lambda: client.recv(4096), b""))
    assert received.endswith(b"\r\n\r\nhalf")


def test_a_body_that_breaks_off_ends_the_connection(port: int) -> None:
    with socket.create_connection((HOST, port), timeout=5) as client:
        client.sendall(b"PUT /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n")
        assert client.recv(4096) == b""


def test_a_client_that_waits_for_leave_to_send_its_body_gets_it(port: int) -> None:
    with socket.create_connection((HOST, port), timeout=5) as client:
        client.sendall(b"PUT /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        assert client.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"body")
        answer = HTTPResponse(client)
        answer.begin()
        assert (answer.status, answer.read()) == (200, b"body")


def test_a_client_that_wants_the_connection_closed_gets_that(port: int) -> None:
    with socket.create_connection((HOST, port), timeout=5) as client:
        client.sendall(b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = b"".join(iter(lambda: client.recv(4096), b""))
    assert received.endswith(b"two parts")
