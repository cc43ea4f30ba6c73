"""S3 as Hadoop's WebHDFS client sees it; integration/test_embedded_aws_glue.py runs the real client."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests

from embedded_aws import hadoop_token, webhdfs
from embedded_aws.connection import Credentials
from tests.support.served import Aws

MIB = 1024**2


def call(aws: Aws, method: str, operation: str, key: str, body: bytes = b"", **options: str) -> requests.Response:
    """Send a request as Hadoop's client does: with a token, and following the redirect to the data node."""
    access_key = options.pop("access_key", None) or aws.root
    query = {"op": operation, "delegation": hadoop_token.in_url(Credentials(*access_key), "127.0.0.1:1"), **options}
    url = f"{aws.endpoint}/webhdfs/v1/{aws.name}/{quote(key)}"
    return requests.request(method, url, params=query, data=body, timeout=10)


def status(aws: Aws, key: str) -> dict[str, Any] | None:
    answer = call(aws, "GET", "GETFILESTATUS", key)
    return answer.json()["FileStatus"] if answer.ok else None


def put(aws: Aws, *keys: str) -> None:
    for key in keys:
        aws.client("s3").put_object(Bucket=aws.name, Key=key, Body=key.encode())


def test_objects_are_files_and_key_prefixes_are_folders(aws: Aws) -> None:
    put(aws, "a/b/c")
    assert (status(aws, "a/b/c") or {})["type"] == "FILE"
    assert (status(aws, "a/b/c") or {})["length"] == 5
    assert [(status(aws, key) or {})["type"] for key in ("a/b", "a", "")] == ["DIRECTORY"] * 3
    assert status(aws, "a/b/") == status(aws, "a/b")
    assert [status(aws, key) for key in ("a/", "a/x", "b")][1:] == [None, None]


def test_a_folder_lists_its_direct_children(aws: Aws) -> None:
    put(aws, "a/", "a/1", "a/b/2", "a-b/3")
    listed = call(aws, "GET", "LISTSTATUS", "a").json()["FileStatuses"]["FileStatus"]
    assert sorted((each["pathSuffix"], each["type"]) for each in listed) == [("1", "FILE"), ("b", "DIRECTORY")]
    (itself,) = call(aws, "GET", "LISTSTATUS", "a/1").json()["FileStatuses"]["FileStatus"]
    assert (itself["pathSuffix"], itself["type"]) == ("", "FILE")
    answer = call(aws, "GET", "LISTSTATUS", "nowhere")
    assert answer.status_code == 404
    assert answer.json()["RemoteException"]["javaClassName"] == "java.io.FileNotFoundException"


def test_a_folder_lists_what_s3_lists(aws: Aws) -> None:
    s3 = aws.client("s3")
    s3.put_bucket_versioning(Bucket=aws.name, VersioningConfiguration={"Status": "Enabled"})
    put(aws, "a/1", "a/1", "a/2", "a/b/3", "a/b/4", "a/c/5")
    for deleted in ("a/2", "a/c/5"):
        s3.delete_object(Bucket=aws.name, Key=deleted)
    listed = call(aws, "GET", "LISTSTATUS", "a").json()["FileStatuses"]["FileStatus"]
    assert [(each["pathSuffix"], each["type"]) for each in listed] == [("1", "FILE"), ("b", "DIRECTORY")]
    assert status(aws, "a/c") is None, "all in it is deleted"


def test_a_listing_does_not_mind_objects_that_are_written_meanwhile(aws: Aws) -> None:
    stop = threading.Event()

    def write() -> None:
        for number in itertools.takewhile(lambda _: not stop.is_set(), itertools.count()):
            put(aws, f"a/{number}")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert all(call(aws, "GET", "LISTSTATUS", "a").status_code in (200, 404) for _ in range(100))
    finally:
        stop.set()
        writer.join()


def test_a_name_with_a_colon_is_not_listed_as_a_uri(aws: Aws) -> None:
    put(aws, "a/b:1", "a/c:2/d")
    listed = call(aws, "GET", "LISTSTATUS", "a").json()["FileStatuses"]["FileStatus"]
    assert sorted(each["pathSuffix"] for each in listed) == ["./b:1", "./c:2"]
    assert call(aws, "GET", "OPEN", "a/b:1").content == b"a/b:1"


def test_an_archived_object_is_listed_but_readable_only_after_its_restore(aws: Aws) -> None:
    s3 = aws.client("s3")
    s3.put_object(Bucket=aws.name, Key="a/old", Body=b"old", StorageClass="GLACIER")
    assert (status(aws, "a/old") or {})["length"] == 3
    refused = call(aws, "GET", "OPEN", "a/old", offset="0")
    assert refused.status_code == 403
    assert refused.json()["RemoteException"]["message"].startswith("InvalidObjectState")
    s3.restore_object(Bucket=aws.name, Key="a/old", RestoreRequest={"Days": 1})
    assert call(aws, "GET", "OPEN", "a/old").content == b"old"


@pytest.mark.parametrize(
    ("options", "content"),
    [
        ({}, b"0123456789"),
        ({"offset": "3"}, b"3456789"),
        ({"offset": "3", "length": "4"}, b"3456"),
        ({"offset": "8", "length": "100"}, b"89"),
        ({"offset": "10"}, b""),
    ],
)
def test_a_part_of_a_file_is_read(aws: Aws, options: dict[str, str], content: bytes) -> None:
    aws.client("s3").put_object(Bucket=aws.name, Key="digits", Body=b"0123456789")
    answer = call(aws, "GET", "OPEN", "digits", **options)
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["Content-Length"] == str(len(content))


@pytest.mark.parametrize("key", ["plain", "with space", "100%", "p%20q", "1+2=3", "a;b,c&d?e#f", "grün/größer"])
def test_a_file_of_any_name_is_written_read_renamed_and_deleted(aws: Aws, key: str) -> None:
    assert call(aws, "PUT", "CREATE", key, b"content").status_code == 201
    assert aws.objects() == [key]
    assert call(aws, "GET", "OPEN", key).content == b"content"
    renamed = call(aws, "PUT", "RENAME", key, destination=f"/{aws.name}/new {key}")
    assert renamed.json() == {"boolean": True}
    assert aws.objects() == [f"new {key}"]
    assert call(aws, "DELETE", "DELETE", f"new {key}").json() == {"boolean": True}
    assert aws.objects() == []


def test_raw_bytes_in_a_url_are_utf_8(aws: Aws) -> None:
    """Hadoop's client sends them."""
    put(aws, "grün")
    token = hadoop_token.in_url(aws.embedded.credentials, "127.0.0.1:1")
    path = f"/webhdfs/v1/{aws.name}/grün?op=OPEN&offset=0&delegation={token}"
    connection = HTTPConnection(urlsplit(aws.endpoint).netloc, timeout=10)
    connection._encode_request = lambda request: request.encode()  # type: ignore[attr-defined]
    connection.request("GET", path)
    assert connection.getresponse().read() == "grün".encode()


def test_a_client_that_seeks_closes_its_connection_and_costs_little(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Hadoop's client reads a part of what it asked for, and asks for another offset on a new connection."""
    aws.client("s3").put_object(Bucket=aws.name, Key="large", Body=bytes(16 * MIB))
    sent, ended, read = [], threading.Event(), webhdfs._read

    def watched(*given: Any) -> Iterator[bytes]:
        try:
            for block in read(*given):
                sent.append(len(block))
                yield block
        finally:
            ended.set()

    monkeypatch.setattr(webhdfs, "_read", watched)
    token = hadoop_token.in_url(aws.embedded.credentials, "127.0.0.1:1")
    address = urlsplit(aws.endpoint)
    head = f"GET /webhdfs/v1/{aws.name}/large?op=OPEN&offset=4&delegation={token} HTTP/1.1\r\n"
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as connection:
        connection.sendall(f"{head}Host: {address.netloc}\r\n\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")
    assert ended.wait(10)
    assert sum(sent) < 2 * MIB, "the buffers of a connection are small"
    assert call(aws, "GET", "OPEN", "large").content == bytes(16 * MIB)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("sent", [b"", b"4\r\nfour\r\n", b"8\r\nfour"])
def test_an_aborted_upload_leaves_no_object(aws: Aws, sent: bytes) -> None:
    token = hadoop_token.in_url(aws.embedded.credentials, "127.0.0.1:1")
    address = urlsplit(aws.endpoint)
    head = (
        f"PUT /webhdfs/v1/{aws.name}/part?op=CREATE&datanode=&delegation={token} HTTP/1.1\r\n"
        f"Host: {address.netloc}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as connection:
        connection.sendall(head.encode() + sent)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1000)  # until the server has finished
    assert aws.objects() == []
    assert call(aws, "PUT", "CREATE", "part", b"whole").status_code == 201


def test_a_file_is_replaced_only_with_overwrite(aws: Aws) -> None:
    put(aws, "a")
    refused = call(aws, "PUT", "CREATE", "a", b"new", overwrite="false")
    assert refused.json()["RemoteException"]["exception"] == "FileAlreadyExistsException"
    assert call(aws, "GET", "OPEN", "a").content == b"a"
    call(aws, "PUT", "CREATE", "a", b"new", overwrite="true")
    assert call(aws, "GET", "OPEN", "a").content == b"new"


def test_a_folder_is_renamed_and_deleted_recursively(aws: Aws) -> None:
    put(aws, "a/1", "a/b/2", "ab")
    call(aws, "PUT", "RENAME", "a", destination=f"/{aws.name}/c")
    assert aws.objects() == ["ab", "c/1", "c/b/2"]
    put(aws, "d/3")
    call(aws, "PUT", "RENAME", "c", destination=f"/{aws.name}/d")
    assert aws.objects() == ["ab", "d/3", "d/c/1", "d/c/b/2"], "into a folder that is there"
    assert call(aws, "DELETE", "DELETE", "d", recursive="true").json() == {"boolean": True}
    assert aws.objects() == ["ab"]
    for method, operation, options in (
        ("DELETE", "DELETE", {"recursive": "true"}),
        ("PUT", "RENAME", {"destination": f"/{aws.name}/x"}),
    ):
        assert call(aws, method, operation, "nowhere", **options).json() == {"boolean": False}


def test_a_caller_without_a_valid_key_is_refused(aws: Aws) -> None:
    put(aws, "a")
    for access_key in ((aws.root[0], "wrong"), ("AKIANOBODY", aws.root[1]), ("", "")):
        answer = call(aws, "GET", "OPEN", "a", access_key=access_key)
        assert (answer.status_code, answer.json()["RemoteException"]["exception"]) == (403, "AccessControlException")
    url = f"{aws.endpoint}/webhdfs/v1/{aws.name}/a?op=OPEN&offset=0"
    for delegation in ("", "&delegation=", "&delegation=AAAA", "&delegation=~~~"):
        assert requests.get(url + delegation, timeout=10).status_code == 403


def test_an_operation_that_s3_lacks_is_refused(aws: Aws) -> None:
    answer = call(aws, "POST", "APPEND", "a", b"more")
    assert answer.status_code == 400
    assert answer.json()["RemoteException"]["javaClassName"] == "java.lang.UnsupportedOperationException"


def test_the_caller_needs_the_permissions_of_s3(aws: Aws) -> None:
    put(aws, "open/a", "closed/a")
    arn = f"arn:aws:s3:::{aws.name}"
    key = aws.user(
        {"Action": "s3:ListBucket", "Resource": arn, "Condition": {"StringLikeIfExists": {"s3:prefix": "open/*"}}},
        {"Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"{arn}/open/*"},
    )
    aws.enforce_iam(on=True)
    assert call(aws, "GET", "OPEN", "open/a", access_key=key).content == b"open/a"
    assert call(aws, "GET", "LISTSTATUS", "open", access_key=key).ok
    assert call(aws, "PUT", "CREATE", "open/b", b"b", access_key=key).status_code == 201
    for method, operation, place, options in (
        ("GET", "OPEN", "closed/a", {}),
        ("GET", "LISTSTATUS", "closed", {}),
        ("PUT", "CREATE", "closed/b", {}),
        ("DELETE", "DELETE", "open/a", {}),
        ("DELETE", "DELETE", "open", {"recursive": "true"}),
        ("PUT", "RENAME", "open/a", {"destination": f"/{aws.name}/closed/c"}),
    ):
        answer = call(aws, method, operation, place, access_key=key, **options)
        assert answer.status_code == 403, (operation, place)
        assert answer.json()["RemoteException"]["exception"] == "AccessControlException"
    assert aws.objects() == ["closed/a", "open/a", "open/b"]


def test_the_token_file_has_hadoops_format() -> None:
    """Magic and version, one token under its service, no secrets (Credentials.writeTokenStorageToStream)."""
    written = hadoop_token.token_file(Credentials("KEY", "SECRET"), "h:1")
    service, kind = b"\x03h:1", b"\x12WEBHDFS delegation"
    assert written == b"HDTS\x00\x01" + service + b"\x03KEY\x06SECRET" + kind + service + b"\x00"
