"""Signature Version 4, computed to verify it: botocore only signs.

The algorithm is that of "Create a signed AWS API request" in the IAM user guide. For a body in signed chunks it is that
of "Signature calculations for the authorization header" in the S3 API reference.
"""

from __future__ import annotations

import hashlib
import hmac
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from botocore.utils import normalize_url_path

ALGORITHM: Final = "AWS4-HMAC-SHA256"
TERMINATOR: Final = "aws4_request"
UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"
UNSIGNED_CHUNKS: Final = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
SIGNED_CHUNKS: Final = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_CHUNKS_AND_TRAILER: Final = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"

_UNRESERVED: Final = "-_.~"


def sha256(content: bytes) -> str:
    """Return the SHA-256 of the content in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Scope:
    """The date, region and service that a signature is valid for."""

    date: str
    """yyyymmdd"""
    region: str
    service: str

    def __str__(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/{TERMINATOR}"


@dataclass(frozen=True)
class Signer:
    """Computes signatures with a secret key for a scope and a time."""

    secret: str
    scope: Scope
    timestamp: str
    """yyyymmddThhmmssZ"""

    def sign_request(self, canonical: str) -> str:
        """Return the signature of a canonical request."""
        return self._sign(ALGORITHM, sha256(canonical.encode()))

    def sign_chunk(self, previous: str, chunk: bytes) -> str:
        """Return the signature of a chunk of a body; `previous` is that of the chunk before."""
        return self._sign(f"{ALGORITHM}-PAYLOAD", previous, sha256(b""), sha256(chunk))

    def sign_trailer(self, previous: str, trailer: bytes) -> str:
        """Return the signature of the headers after the last chunk."""
        return self._sign(f"{ALGORITHM}-TRAILER", previous, sha256(trailer))

    def _sign(self, kind: str, *lines: str) -> str:
        key = f"AWS4{self.secret}".encode()
        for part in (self.scope.date, self.scope.region, self.scope.service, TERMINATOR):
            key = hmac.digest(key, part.encode(), "sha256")
        text = "\n".join([kind, self.timestamp, str(self.scope), *lines])
        return hmac.digest(key, text.encode(), "sha256").hex()


def canonical_request(
    method: str,
    path: str,
    query: Iterable[tuple[str, str]],
    headers: Mapping[str, str],
    payload_hash: str,
    *,
    service: str,
) -> str:
    """Return the canonical request, which is what gets signed.

    S3 uses the path as it is; all other services normalize it and encode it twice.

    Args:
        method: HTTP method.
        path: Percent-encoded, as sent.
        query: Decoded parameters, without the signature.
        headers: The signed headers, by lower-case name.
        payload_hash: SHA-256 of the body, or the constant that replaces it.
        service: Service of the scope.

    """
    canonical_path = quote(unquote_to_bytes(path), safe="/" + _UNRESERVED)
    if service != "s3":
        canonical_path = quote(normalize_url_path(canonical_path), safe="/" + _UNRESERVED)
    pairs = sorted((quote(name, safe=_UNRESERVED), quote(value, safe=_UNRESERVED)) for name, value in query)
    names = sorted(headers)
    return "\n".join(
        [
            method,
            canonical_path,
            "&".join(f"{name}={value}" for name, value in pairs),
            *(f"{name}:{' '.join(headers[name].split())}" for name in names),
            "",
            ";".join(names),
            payload_hash,
        ]
    )


def chunks_are_signed(body: bytes, signer: Signer, seed: str, *, trailer: bool) -> bool:
    """Tell whether the signatures of all chunks, and of the trailer if one is required, continue the request's.

    A chunk is a line `<hex length>;chunk-signature=<signature>`, that many bytes and a line end; the last one is empty.
    """
    stream, previous = io.BytesIO(body), seed
    while True:
        length, _, signature = stream.readline().strip().partition(b";chunk-signature=")
        try:
            chunk = stream.read(int(length, 16))
        except ValueError:
            return False
        previous = signer.sign_chunk(previous, chunk)
        if not hmac.compare_digest(previous.encode(), signature):
            return False
        if not chunk:
            break
        stream.readline()
    if not trailer:
        return True
    lines = [line for line in map(bytes.strip, stream.read().splitlines()) if line]
    signed = b"".join(line + b"\n" for line in lines[:-1])
    signature = lines[-1].removeprefix(b"x-amz-trailer-signature:") if lines else b""
    return hmac.compare_digest(signer.sign_trailer(previous, signed).encode(), signature)
