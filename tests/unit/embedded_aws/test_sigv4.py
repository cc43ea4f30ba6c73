"""Signature Version 4: the examples of the S3 API reference, and signatures by botocore."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from embedded_aws import sigv4

# All values of the examples are those of the S3 API reference.
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SIGNER = sigv4.Signer(SECRET, sigv4.Scope("20130524", "us-east-1", "s3"), "20130524T000000Z")
HOST = {"host": "examplebucket.s3.amazonaws.com", "x-amz-date": SIGNER.timestamp}


def test_example_get_object() -> None:
    empty = sigv4.sha256(b"")
    headers = HOST | {"range": "bytes=0-9", "x-amz-content-sha256": empty}
    canonical = sigv4.canonical_request("GET", "/test.txt", [], headers, empty, service="s3")
    assert SIGNER.sign_request(canonical) == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"


def test_example_list_objects() -> None:
    empty = sigv4.sha256(b"")
    query = [("prefix", "J"), ("max-keys", "2")]
    canonical = sigv4.canonical_request("GET", "/", query, HOST | {"x-amz-content-sha256": empty}, empty, service="s3")
    assert SIGNER.sign_request(canonical) == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"


def test_example_presigned_url() -> None:
    query = [
        ("X-Amz-Algorithm", sigv4.ALGORITHM),
        ("X-Amz-Credential", f"AKIAIOSFODNN7EXAMPLE/{SIGNER.scope}"),
        ("X-Amz-Date", SIGNER.timestamp),
        ("X-Amz-Expires", "86400"),
        ("X-Amz-SignedHeaders", "host"),
    ]
    headers = {"host": HOST["host"]}
    canonical = sigv4.canonical_request("GET", "/test.txt", query, headers, sigv4.UNSIGNED_PAYLOAD, service="s3")
    assert SIGNER.sign_request(canonical) == "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"


SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
CHUNKS = [
    (b"a" * 65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
    (b"a" * 1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
    (b"", "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
]


def encoded(chunks: list[tuple[bytes, str]]) -> bytes:
    return b"".join(b"%x;chunk-signature=%s\r\n%s\r\n" % (len(each), mark.encode(), each) for each, mark in chunks)


def test_example_upload_in_chunks() -> None:
    headers = HOST | {
        "host": "s3.amazonaws.com",
        "content-encoding": "aws-chunked",
        "content-length": "66824",
        "x-amz-content-sha256": sigv4.SIGNED_CHUNKS,
        "x-amz-decoded-content-length": "66560",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
    }
    canonical = sigv4.canonical_request(
        "PUT", "/examplebucket/chunkObject.txt", [], headers, sigv4.SIGNED_CHUNKS, service="s3"
    )
    assert SIGNER.sign_request(canonical) == SEED
    body = encoded(CHUNKS)
    assert len(body) == 66824
    assert sigv4.chunks_are_signed(body, SIGNER, SEED, trailer=False)


@pytest.mark.parametrize(
    "body",
    [
        encoded(CHUNKS).replace(b"a" * 1024, b"a" * 1023 + b"b"),
        encoded([CHUNKS[0], CHUNKS[2]]),
        encoded([CHUNKS[1], CHUNKS[0], CHUNKS[2]]),
        encoded(CHUNKS[:2]),
        b"",
        b"no chunks at all",
    ],
    ids=["changed", "left out", "in another order", "cut off", "empty", "no chunks"],
)
def test_chunks_that_were_tampered_with(body: bytes) -> None:
    assert not sigv4.chunks_are_signed(body, SIGNER, SEED, trailer=False)


class TestTrailer:
    TRAILER = b"x-amz-checksum-crc32c:sOO8/Q==\n"

    def body(self, trailer: bytes, signature: str) -> bytes:
        chunks, previous = [], SEED
        for chunk in (b"a" * 10, b""):
            previous = SIGNER.sign_chunk(previous, chunk)
            chunks.append((chunk, previous))
        self.last = previous
        return encoded(chunks)[:-2] + trailer + b"\r\nx-amz-trailer-signature:" + signature.encode() + b"\r\n\r\n"

    def test_is_signed_too(self) -> None:
        self.body(b"", "")
        signature = SIGNER.sign_trailer(self.last, self.TRAILER)
        assert sigv4.chunks_are_signed(self.body(self.TRAILER, signature), SIGNER, SEED, trailer=True)
        other = self.TRAILER.replace(b"sOO8", b"sOO9")
        assert not sigv4.chunks_are_signed(self.body(other, signature), SIGNER, SEED, trailer=True)

    def test_must_be_there(self) -> None:
        assert not sigv4.chunks_are_signed(encoded(CHUNKS), SIGNER, SEED, trailer=True)


@pytest.mark.parametrize("service", ["s3", "glue"])
@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("GET", "http://127.0.0.1:5000", b""),
        ("PUT", "http://127.0.0.1:5000/lake/a%20b/%C3%BC%2B%3D~/x", b"some bytes"),
        ("GET", "http://127.0.0.1:5000/lake?list-type=2&prefix=a%2Fb%20c&delimiter=", b""),
        ("GET", "http://127.0.0.1:5000/lake?versions&x=2&x=1&y=%2B", b""),
        ("POST", "http://127.0.0.1:5000/a//b/../c", b'{"key": 1}'),
    ],
)
def test_agrees_with_botocore(service: str, method: str, url: str, body: bytes) -> None:
    request = AWSRequest(method, url, headers={"X-Amz-Meta-Two": "a   b ", "Content-Type": "text/plain"}, data=body)
    signer = (S3SigV4Auth if service == "s3" else SigV4Auth)(Credentials("AKIA", SECRET), service, "eu-west-1")
    signer.add_auth(request)
    signature = request.headers["Authorization"].rpartition("Signature=")[2]
    headers = {name.lower(): value for name, value in request.headers.items() if name != "Authorization"}
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    canonical = sigv4.canonical_request(
        method, parts.path, query, headers | {"host": parts.netloc}, sigv4.sha256(body), service=service
    )
    timestamp = headers["x-amz-date"]
    ours = sigv4.Signer(SECRET, sigv4.Scope(timestamp[:8], "eu-west-1", service), timestamp)
    assert ours.sign_request(canonical) == signature
