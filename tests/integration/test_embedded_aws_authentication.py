"""The embedded AWS serves only callers with one of its access keys, and no web pages."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import boto3
import pyarrow.fs
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials as BotoCredentials
from botocore.exceptions import ClientError
from moto.core.utils import utcnow
from moto.sts.models import sts_backends
from werkzeug.test import EnvironBuilder, run_wsgi_app

from embedded_aws import sigv4
from embedded_aws.authentication import CALLER, Gate, Keys
from embedded_aws.connection import Credentials, EmbeddedAws
from embedded_aws.server import build_server, embedded_aws_at, listen
from tests.support.served import empty_account

BUCKET = "lake"
SECRET_RECORD = b'{"email": "ann@example.org"}'
KEY = "customer/landing/a =+\u00fc.json"
PATH = f"/{BUCKET}/{quote(KEY)}"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def refused(self) -> bool:
        """Whether it is a refusal without any of the data, and without CORS headers for a web page."""
        shared = [name for name in self.headers if name.lower().startswith("access-control-")]
        return self.status == 403 and b"ann@example.org" not in self.body and not shared


class Aws:
    """An embedded AWS in this process, with one object."""

    def __init__(self, embedded: EmbeddedAws) -> None:
        self.embedded = embedded
        self.netloc = urlsplit(embedded.endpoint).netloc

    def client(self, service: str, keys: Credentials | None = None, **options: Any) -> Any:
        keys = keys or self.embedded.credentials
        return boto3.client(
            service,
            endpoint_url=self.embedded.endpoint,
            region_name=self.embedded.region,
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key,
            aws_session_token=keys.session_token,
            config=Config(retries={"total_max_attempts": 1}, **options),
        )

    def send(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        """Send a request without changes."""
        connection = HTTPConnection(self.netloc, timeout=10)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        try:
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def signed(
        self, method: str, path: str, body: bytes = b"", *, service: str = "s3", **headers: str
    ) -> dict[str, str]:
        """Return the headers of a request signed with the root user's key."""
        names = {"host": self.netloc} | {name.replace("_", "-"): value for name, value in headers.items()}
        request = AWSRequest(method, f"http://{names['host']}{path}", headers=names, data=body)
        keys = BotoCredentials(self.embedded.credentials.access_key_id, self.embedded.credentials.secret_access_key)
        (S3SigV4Auth if service == "s3" else SigV4Auth)(keys, service, self.embedded.region).add_auth(request)
        return dict(request.headers.items())

    def presigned(self, version: str, operation: str = "get_object", seconds: int = 60, **parameters: str) -> str:
        """Return the path of a URL pre-signed with the root user's key."""
        parameters = {"Bucket": BUCKET, **({"Key": KEY} if operation.endswith("_object") else {}), **parameters}
        client = self.client("s3", signature_version=version) if version else self.client("s3")
        url = urlsplit(client.generate_presigned_url(operation, parameters, ExpiresIn=seconds))
        return f"{url.path}?{url.query}"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    listener = listen(0)
    embedded = embedded_aws_at(listener)
    server, runtime = build_server(listener, embedded, tmp_path_factory.mktemp("project") / "build")
    empty_account()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    aws = Aws(embedded)
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=SECRET_RECORD)
    s3.put_bucket_cors(
        Bucket=BUCKET,
        CORSConfiguration={"CORSRules": [{"AllowedOrigins": ["*"], "AllowedMethods": ["GET", "PUT"]}]},
    )
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "*"}]}
    aws.client("iam").create_role(RoleName="jobs", AssumeRolePolicyDocument=json.dumps(trust))
    yield aws
    runtime.close()
    server.shutdown()


def code_of(call: Callable[..., Any], **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    return str(caught.value.response["Error"]["Code"])


def at(monkeypatch: pytest.MonkeyPatch, **offset: float) -> None:
    """Shift the client's clock by this offset."""
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: datetime.now(UTC) + timedelta(**offset))


class TestWebPages:
    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost"])
    @pytest.mark.parametrize("key", [False, True], ids=["unsigned", "signed"])
    def test_cannot_read(self, aws: Aws, origin: str, key: bool) -> None:
        headers = aws.signed("GET", PATH) if key else {}
        assert aws.send("GET", PATH, headers=headers | {"Origin": origin}).refused

    def test_get_no_permission_in_a_preflight_request(self, aws: Aws) -> None:
        asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT"}
        assert aws.send("OPTIONS", PATH, headers=asked).refused

    def test_cannot_submit_a_form(self, aws: Aws) -> None:
        form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://evil.example"}
        action = b"Action=CreateUser&Version=2010-05-08&UserName=eve"
        for headers in (form, {"Content-Type": form["Content-Type"]}):
            assert aws.send("POST", "/", action, headers).refused
        assert "eve" not in [user["UserName"] for user in aws.client("iam").list_users()["Users"]]

    def test_cannot_run_code(self, aws: Aws) -> None:
        command = {"Name": "glueetl", "ScriptLocation": f"s3://{BUCKET}/evil.py"}
        target = "AWSGlue.{}"
        for operation, body in (
            ("CreateJob", {"Name": "evil", "Role": "jobs", "Command": command}),
            ("StartJobRun", {"JobName": "evil"}),
        ):
            for kind in ("application/x-amz-json-1.1", "text/plain"):
                headers = {"Content-Type": kind, "X-Amz-Target": target.format(operation)}
                answer = aws.send("POST", "/", json.dumps(body).encode(), headers)
                assert answer.refused
                assert json.loads(answer.body)["__type"] == "MissingAuthenticationTokenException"
        assert "evil" not in aws.client("glue").list_jobs()["JobNames"]

    def test_of_this_server_itself_need_a_key_too(self, aws: Aws) -> None:
        own = {"Origin": aws.embedded.endpoint}
        assert aws.send("GET", PATH, headers=own).refused
        assert aws.send("GET", PATH, headers=aws.signed("GET", PATH) | own).body == SECRET_RECORD

    def test_get_no_cors_headers(self, aws: Aws) -> None:
        for path in (PATH, "/", "/no-such-bucket"):
            headers = aws.send("GET", path, headers=aws.signed("GET", path)).headers
            assert not [name for name in headers if name.lower().startswith("access-control-")]


class TestHosts:
    @pytest.mark.parametrize(
        "host", ["evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "lake.localhost:{port}", "s3.amazonaws.com", ""]
    )
    def test_of_others_are_refused_even_if_signed(self, aws: Aws, host: str) -> None:
        host = host.format(port=aws.netloc.rpartition(":")[2])
        assert aws.send("GET", PATH, headers=aws.signed("GET", PATH, host=host)).refused

    def test_in_the_request_line_are_checked_too(self, aws: Aws) -> None:
        headers = aws.signed("GET", PATH)
        assert aws.send("GET", f"http://evil.example{PATH}", headers=headers).refused

    def test_localhost_is_this_machine(self, aws: Aws) -> None:
        host = aws.netloc.replace("127.0.0.1", "localhost")
        assert aws.send("GET", PATH, headers=aws.signed("GET", PATH, host=host)).body == SECRET_RECORD


class TestKeys:
    CALLS: tuple[tuple[str, str, dict[str, str]], ...] = (
        ("s3", "list_buckets", {}),
        ("iam", "list_users", {}),
        ("ec2", "describe_vpcs", {}),
        ("glue", "get_databases", {}),
        ("lambda", "list_functions", {}),
    )

    def test_are_random(self, aws: Aws) -> None:
        first, second = Credentials.random(), Credentials.random()
        assert first.access_key_id != second.access_key_id
        assert len(first.secret_access_key) == 40
        assert first.access_key_id.startswith("AKIA")
        assert len(first.access_key_id) == 20
        assert first.secret_access_key not in repr(first)

    @pytest.mark.parametrize(
        ("service", "unknown", "wrong"),
        [
            ("s3", "InvalidAccessKeyId", "SignatureDoesNotMatch"),
            ("iam", "InvalidClientTokenId", "SignatureDoesNotMatch"),
            ("ec2", "InvalidClientTokenId", "SignatureDoesNotMatch"),
            ("glue", "UnrecognizedClientException", "InvalidSignatureException"),
            ("lambda", "UnrecognizedClientException", "InvalidSignatureException"),
        ],
    )
    def test_others_are_refused_with_the_error_of_the_service(
        self, aws: Aws, service: str, unknown: str, wrong: str
    ) -> None:
        operation = next(operation for name, operation, _ in self.CALLS if name == service)
        other = Credentials.random()
        assert code_of(getattr(aws.client(service, other), operation)) == unknown
        guessed = replace(aws.embedded.credentials, secret_access_key="guessed")
        assert code_of(getattr(aws.client(service, guessed), operation)) == wrong
        getattr(aws.client(service), operation)()

    def test_refusals_name_the_remedy(self, aws: Aws) -> None:
        with pytest.raises(ClientError, match=r"source build/local/aws\.env"):
            aws.client("glue", Credentials.random()).get_databases()

    @pytest.mark.parametrize("key", [Credentials("test", "test"), Credentials("testing", "testing")])
    def test_of_well_known_examples_are_refused(self, aws: Aws, key: Credentials) -> None:
        assert code_of(aws.client("s3", key).list_buckets) == "InvalidAccessKeyId"

    def test_of_users_are_valid_while_active(self, aws: Aws) -> None:
        iam = aws.client("iam")
        iam.create_user(UserName="ann")
        made = iam.create_access_key(UserName="ann")["AccessKey"]
        s3 = aws.client("s3", Credentials(made["AccessKeyId"], made["SecretAccessKey"]))
        assert s3.list_buckets()["Buckets"]
        iam.update_access_key(UserName="ann", AccessKeyId=made["AccessKeyId"], Status="Inactive")
        assert code_of(s3.list_buckets) == "InvalidAccessKeyId"
        iam.update_access_key(UserName="ann", AccessKeyId=made["AccessKeyId"], Status="Active")
        assert s3.list_buckets()["Buckets"]
        iam.delete_access_key(UserName="ann", AccessKeyId=made["AccessKeyId"])
        assert code_of(s3.list_buckets) == "InvalidAccessKeyId"

    def session(self, aws: Aws) -> Credentials:
        role = f"arn:aws:iam::{aws.embedded.account_id}:role/jobs"
        issued = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
        return Credentials(issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"])

    def test_of_sessions_are_valid_with_their_token(self, aws: Aws) -> None:
        session = self.session(aws)
        for service, operation, parameters in self.CALLS:
            getattr(aws.client(service, session), operation)(**parameters)
        assert ":assumed-role/jobs/" in aws.client("sts", session).get_caller_identity()["Arn"]
        for token in (None, "another"):
            other = replace(session, session_token=token)
            assert code_of(aws.client("s3", other).list_buckets) == "InvalidToken"
        rooted = replace(aws.embedded.credentials, session_token=session.session_token)
        assert code_of(aws.client("s3", rooted).list_buckets) == "InvalidToken"

    def test_of_sessions_expire_with_the_session(self, aws: Aws) -> None:
        session = self.session(aws)
        role = sts_backends[aws.embedded.account_id]["aws"].get_assumed_role_from_access_key(session.access_key_id)
        assert role
        role.expiration = utcnow() - timedelta(seconds=1)
        assert code_of(aws.client("s3", session).list_buckets) == "ExpiredToken"

    def test_of_motos_get_session_token_are_refused(self, aws: Aws) -> None:
        issued = aws.client("sts").get_session_token()["Credentials"]
        given = Credentials(issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"])
        assert code_of(aws.client("s3", given).list_buckets) == "InvalidAccessKeyId"


class TestSignatures:
    def test_cover_the_body(self, aws: Aws) -> None:
        path, headers = f"/{BUCKET}/body", aws.signed("PUT", f"/{BUCKET}/body", b"this")
        answer = aws.send("PUT", path, b"that", headers)
        assert answer.status == 403
        assert b"XAmzContentSHA256Mismatch" in answer.body
        assert aws.send("PUT", path, b"this", headers).status == 200
        target = {"x_amz_target": "AWSGlue.GetDatabases", "content_type": "application/x-amz-json-1.1"}
        headers = aws.signed("POST", "/", b"{}", service="glue", **target)
        assert aws.send("POST", "/", b"{ }", headers).status == 403
        assert aws.send("POST", "/", b"{}", headers).status == 200

    def test_cover_method_path_query_and_headers(self, aws: Aws) -> None:
        headers = aws.signed("GET", PATH)
        assert aws.send("GET", PATH, headers=headers).body == SECRET_RECORD
        for method, path, others in (
            ("PUT", PATH, {}),
            ("GET", f"/{BUCKET}/other", {}),
            ("GET", f"{PATH}?versionId=1", {}),
            ("GET", PATH, {"X-Amz-Date": "20200101T000000Z"}),
            ("GET", PATH, {"X-Amz-Request-Payer": "requester"}),
            ("GET", PATH, {"Authorization": headers["Authorization"].replace("/s3/", "/glue/")}),
            ("GET", PATH, {"Authorization": headers["Authorization"].replace("host;", "")}),
        ):
            assert aws.send(method, path, headers=headers | others).refused

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "Basic {password}",
            "Bearer token",
            "AWS AKIA:signature",
            "AWS4-HMAC-SHA256",
            "AWS4-HMAC-SHA256 Credential=AKIA, SignedHeaders=host, Signature=0",
            "AWS4-HMAC-SHA256 Credential=AKIA/20200101/r/moto_api/aws4_request, SignedHeaders=host, Signature=0",
            "AWS4-ECDSA-P256-SHA256 Credential=AKIA/20200101/s3/aws4_request, SignedHeaders=host, Signature=0",
        ],
    )
    def test_in_other_formats_are_refused(self, aws: Aws, header: str) -> None:
        key = f"{aws.embedded.credentials.access_key_id}:{aws.embedded.credentials.secret_access_key}"
        header = header.format(password=base64.b64encode(key.encode()).decode())
        for path in (PATH, "/", f"{PATH}?X-Amz-Signature=%C3%BC"):
            assert aws.send("GET", path, headers={"Authorization": header}).refused

    @pytest.mark.parametrize(("minutes", "good"), [(-16, False), (-14, True), (14, True), (16, False)])
    def test_are_valid_for_fifteen_minutes(
        self, aws: Aws, monkeypatch: pytest.MonkeyPatch, minutes: float, good: bool
    ) -> None:
        at(monkeypatch, minutes=minutes)
        if good:
            assert aws.client("s3").list_buckets()["Buckets"]
            assert "DatabaseList" in aws.client("glue").get_databases()
        else:
            assert code_of(aws.client("s3").list_buckets) == "RequestTimeTooSkewed"
            assert code_of(aws.client("glue").get_databases) == "InvalidSignatureException"


class TestPresigned:
    @pytest.fixture(params=["", "s3", "s3v4"], ids=["default", "V2", "V4"])
    def version(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    def test_is_valid_until_it_expires(self, aws: Aws, version: str) -> None:
        path = aws.presigned(version)
        assert aws.send("GET", path).body == SECRET_RECORD
        assert aws.send("PUT", aws.presigned(version, "put_object", Key="new"), b"new").status == 200
        assert aws.client("s3").get_object(Bucket=BUCKET, Key="new")["Body"].read() == b"new"

    def test_of_a_session_is_valid_too(self, aws: Aws, version: str) -> None:
        session = Aws(replace(aws.embedded, credentials=TestKeys().session(aws)))
        path = session.presigned(version)
        assert aws.send("GET", path).body == SECRET_RECORD
        without = path.partition("&x-amz-security-token")[0].partition("&X-Amz-Security-Token")[0]
        assert aws.send("GET", without).refused

    def test_expires(self, aws: Aws, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
        if version == "s3v4":
            at(monkeypatch, seconds=-61)
            expired = aws.presigned(version, seconds=60)
        else:
            expired = aws.presigned(version, seconds=-1)
        answer = aws.send("GET", expired)
        assert answer.refused
        assert b"expired" in answer.body

    @pytest.mark.parametrize("seconds", [0, 8 * 24 * 3600])
    def test_is_valid_for_a_week_at_most(self, aws: Aws, seconds: int) -> None:
        assert aws.send("GET", aws.presigned("s3v4", seconds=seconds)).refused

    def test_is_valid_only_for_the_signed_request(self, aws: Aws, version: str) -> None:
        aws.client("s3").put_object(Bucket=BUCKET, Key="other", Body=SECRET_RECORD)
        path = aws.presigned(version)
        other = aws.presigned(version, Key="no").replace("/no?", "/other?")
        later = path.replace("X-Amz-Expires=60", "X-Amz-Expires=61").replace("Expires=1", "Expires=2")
        assert later != path
        listing = aws.presigned(version, "list_objects_v2", Prefix="public/").replace("public", "customer")
        for method, tampered in (
            ("GET", other),
            ("GET", later),
            ("GET", path + "&versionId=1"),
            ("GET", path + "&acl"),
            ("GET", path + "&prefix=x"),
            ("DELETE", path),
            ("GET", path.replace("Signature=", "Signature=%C3%BC")),
            ("GET", listing),
        ):
            assert aws.send(method, tampered).refused, tampered

    def test_cannot_be_made_to_copy_another_object(self, aws: Aws, version: str) -> None:
        """An unsigned header would turn an upload into a copy, which the caller could then read."""
        path = aws.presigned(version, "put_object", Key="copy")
        assert aws.send("PUT", path, headers={"x-amz-copy-source": PATH}).refused
        assert aws.send("PUT", path, headers={"x-amz-acl": "public-read"}).refused

    def test_reaches_the_service_that_it_was_signed_for(self, aws: Aws) -> None:
        """A URL for GetCallerIdentity must not list buckets."""
        keys = BotoCredentials(aws.embedded.credentials.access_key_id, aws.embedded.credentials.secret_access_key)
        request = AWSRequest("GET", f"{aws.embedded.endpoint}/?Action=GetCallerIdentity&Version=2011-06-15")
        SigV4QueryAuth(keys, "sts", aws.embedded.region).add_auth(request)
        url = urlsplit(request.url)
        answer = aws.send("GET", f"{url.path}?{url.query}")
        assert answer.status == 200
        assert b"GetCallerIdentityResult" in answer.body


class TestChunks:
    """Uploads in chunks, each with its own signature, as AWS's SDK for Java sends them, or unsigned."""

    def upload(
        self, aws: Aws, key: str, chunks: list[bytes], kind: str, tamper: Callable[[bytes], bytes] = bytes
    ) -> Answer:
        path = f"/{BUCKET}/{key}"
        timestamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        scope = sigv4.Scope(timestamp[:8], aws.embedded.region, "s3")
        signer = sigv4.Signer(aws.embedded.credentials.secret_access_key, scope, timestamp)
        headers = {
            "content-encoding": "aws-chunked",
            "host": aws.netloc,
            "x-amz-content-sha256": kind,
            "x-amz-date": timestamp,
            "x-amz-decoded-content-length": str(sum(map(len, chunks))),
        }
        seed = signer.sign_request(sigv4.canonical_request("PUT", path, [], headers, kind, service="s3"))
        credential, signed = f"{aws.embedded.credentials.access_key_id}/{scope}", ";".join(headers)
        headers["Authorization"] = f"{sigv4.ALGORITHM} Credential={credential},SignedHeaders={signed},Signature={seed}"
        body, previous = b"", seed
        for chunk in [*chunks, b""]:
            previous = signer.sign_chunk(previous, chunk)
            mark = b"" if kind == sigv4.UNSIGNED_CHUNKS else b";chunk-signature=" + previous.encode()
            body += b"%x%s\r\n%s\r\n" % (len(chunk), mark, chunk)
        if kind != sigv4.SIGNED_CHUNKS:
            trailer = b"x-amz-checksum-crc32:AAAAAA=="
            last = signer.sign_trailer(previous, trailer + b"\n").encode()
            ending = b"\r\nx-amz-trailer-signature:" + last if kind == sigv4.SIGNED_CHUNKS_AND_TRAILER else b""
            body = body[:-2] + trailer + ending + b"\r\n\r\n"
        return aws.send("PUT", path, tamper(body), headers)

    @pytest.mark.parametrize("kind", [sigv4.SIGNED_CHUNKS, sigv4.SIGNED_CHUNKS_AND_TRAILER, sigv4.UNSIGNED_CHUNKS])
    def test_arrive_as_one_object(self, aws: Aws, kind: str) -> None:
        chunks = [b"a" * 8192, b"b" * 100]
        assert self.upload(aws, "chunks", chunks, kind).status == 200
        assert aws.client("s3").get_object(Bucket=BUCKET, Key="chunks")["Body"].read() == b"".join(chunks)

    @pytest.mark.parametrize("kind", [sigv4.SIGNED_CHUNKS, sigv4.SIGNED_CHUNKS_AND_TRAILER])
    def test_that_were_tampered_with_are_refused(self, aws: Aws, kind: str) -> None:
        answer = self.upload(aws, "tampered", [b"a" * 100], kind, lambda body: body.replace(b"aa", b"ab", 1))
        assert answer.refused
        assert b"SignatureDoesNotMatch" in answer.body


class TestMotoItself:
    @pytest.mark.parametrize(
        "path", ["/moto-api/", "/moto-api/data.json", "/moto-api/reset", "/moto-api/reset-auth", "/latest/meta-data/"]
    )
    def test_is_closed(self, aws: Aws, path: str) -> None:
        for method in ("GET", "POST"):
            assert aws.send(method, path, b"0").refused
            headers = aws.signed(method, path, b"0")
            answer = aws.send(method, path, b"0", headers)
            assert b"NoSuchBucket" in answer.body or answer.status in (404, 501), "it is a path like others, of S3"
        assert aws.client("s3").get_object(Bucket=BUCKET, Key=KEY)["Body"].read() == SECRET_RECORD


def test_pyarrow_reads_and_writes(aws: Aws) -> None:
    """Pyiceberg's S3 client is AWS's SDK for C++."""
    filesystem = pyarrow.fs.S3FileSystem(
        access_key=aws.embedded.credentials.access_key_id,
        secret_key=aws.embedded.credentials.secret_access_key,
        endpoint_override=aws.embedded.endpoint,
        region=aws.embedded.region,
    )
    name = f"{BUCKET}/arrow/day=2026-01-01/a b+\u00fc.bin"
    content = b"0123456789" * 1_200_000  # a multipart upload
    with filesystem.open_output_stream(name) as stream:
        stream.write(content)
    assert filesystem.open_input_stream(name).readall() == content
    with filesystem.open_input_file(name) as file:
        assert file.read_at(4, 10) == b"0123"
    found = filesystem.get_file_info(pyarrow.fs.FileSelector(f"{BUCKET}/arrow", recursive=True))
    assert name in [info.path for info in found]
    filesystem.delete_file(name)


def test_uploads_of_many_parts_and_of_unknown_length(aws: Aws, tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(b"x" * 9_000_000)
    s3 = aws.client("s3")
    s3.upload_file(str(file), BUCKET, "large")
    assert s3.head_object(Bucket=BUCKET, Key="large")["ContentLength"] == 9_000_000
    path = f"/{BUCKET}/streamed"
    headers = aws.signed("PUT", path, b"in pieces", x_amz_meta_name="\u00fc")
    headers["x-amz-meta-name"] = headers["x-amz-meta-name"].encode().decode("latin-1")  # UTF-8 on the wire
    connection = HTTPConnection(aws.netloc, timeout=10)
    connection.request("PUT", path, iter([b"in ", b"pieces"]), headers, encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()
    assert s3.get_object(Bucket=BUCKET, Key="streamed")["Body"].read() == b"in pieces"


class TestBasic:
    """HTTP Basic credentials of an Iceberg REST client; only the gate is tested."""

    def ask(self, path: str, password: str, root: Credentials) -> tuple[int, dict[str, Any]]:
        seen: dict[str, Any] = {}

        def app(environ: Any, start_response: Any) -> list[bytes]:
            seen.update(environ)
            start_response("200 OK", [])
            return []

        header = {"Authorization": "Basic " + base64.b64encode(password.encode()).decode()}
        environ = EnvironBuilder(path, "http://127.0.0.1:5000", headers=header).get_environ()
        _, status, _ = run_wsgi_app(Gate(app, 5000, Keys(EmbeddedAws.account_id, root)), environ)
        return int(status.split()[0]), seen

    def test_is_accepted_below_iceberg_only(self) -> None:
        root = Credentials.random()
        password = f"{root.access_key_id}:{root.secret_access_key}"
        status, seen = self.ask("/iceberg/v1/config", password, root)
        assert status == 200
        assert seen[CALLER] == root
        assert f"Credential={root.access_key_id}/" in seen["HTTP_AUTHORIZATION"]
        assert root.secret_access_key not in seen["HTTP_AUTHORIZATION"]
        for path in ("/", "/iceberg", "/lake/iceberg/", "/icebergs/x"):
            assert self.ask(path, password, root) == (403, {})

    @pytest.mark.parametrize("password", ["", ":", "{id}", "{id}:", "{id}:guessed", "{secret}:{id}", "\u00fc:\u00fc"])
    def test_must_be_right(self, password: str) -> None:
        root = Credentials.random()
        password = password.format(id=root.access_key_id, secret=root.secret_access_key)
        assert self.ask("/iceberg/v1/config", password, root) == (403, {})
