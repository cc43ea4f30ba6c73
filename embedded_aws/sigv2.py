"""Signature Version 2 of pre-signed S3 URLs, computed to verify it: boto3 signs URLs with it by default.

The algorithm is that of "Signing and authenticating REST requests" in the S3 user guide.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from botocore.auth import HmacV1Auth
from botocore.credentials import Credentials

CREDENTIAL: Final = "AWSAccessKeyId"
SIGNATURE: Final = "Signature"
EXPIRES: Final = "Expires"
TOKEN: Final = "x-amz-security-token"  # noqa: S105 - the name of a parameter

_OWN: Final = frozenset({CREDENTIAL, SIGNATURE, EXPIRES, TOKEN})
_COVERED: Final = _OWN | frozenset(HmacV1Auth.QSAOfInterest)


def uncovered(query: Mapping[str, str]) -> list[str]:
    """Return the parameters of a URL that its signature does not cover, such as the prefix of a list."""
    return sorted(query.keys() - _COVERED)


def sign_url(secret: str, method: str, url: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """Return the signature of a request by a pre-signed URL.

    `url` is path and query as sent, `query` the decoded parameters, `headers` all headers by lower-case name.
    """
    amz = {name: value for name, value in headers.items() if name.startswith("x-amz-")}
    if TOKEN in query:
        amz[TOKEN] = query[TOKEN]
    signer = HmacV1Auth(Credentials("", secret))
    lines = [method, headers.get("content-md5", ""), headers.get("content-type", ""), query.get(EXPIRES, "")]
    lines += [f"{name}:{amz[name]}" for name in sorted(amz)]
    signature: str = signer.sign_string("\n".join([*lines, signer.canonical_resource(urlsplit(url))]))
    return signature
