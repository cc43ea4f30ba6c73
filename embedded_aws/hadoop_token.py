"""Encodes an access key as a delegation token, with which Hadoop's WebHDFS client authenticates."""

from __future__ import annotations

import base64
from typing import Final

from embedded_aws.connection import Credentials

_KIND: Final = "WEBHDFS delegation"
_LONGEST: Final = 127  # the length of a longer field is encoded differently


def token_file(credentials: Credentials, address: str) -> bytes:
    """Return the content of the file in HADOOP_TOKEN_FILE_LOCATION, with a token for the address `<host>:<port>`."""
    return b"HDTS\0\1" + _field(address) + _token(credentials, address) + b"\0"


def in_url(credentials: Credentials, address: str) -> str:
    """Return the token as Hadoop's client sends it in the parameter `delegation`."""
    return base64.urlsafe_b64encode(_token(credentials, address)).decode().rstrip("=")


def read(sent: str) -> tuple[str, str]:
    """Return access key id and secret of a token that Hadoop's client sent, or raise a ValueError."""
    content = base64.urlsafe_b64decode(sent + "=" * (-len(sent) % 4))
    fields: list[str] = []
    while content and len(fields) < 2:
        fields.append(content[1 : 1 + content[0]].decode())
        content = content[1 + content[0] :]
    access_key_id, secret = fields
    return access_key_id, secret


def _token(credentials: Credentials, address: str) -> bytes:
    parts = (credentials.access_key_id, credentials.secret_access_key, _KIND, address)
    return b"".join(_field(part) for part in parts)


def _field(text: str) -> bytes:
    encoded = text.encode()
    if len(encoded) > _LONGEST:
        raise ValueError(f"A field of a token has {len(encoded)} bytes; the maximum is {_LONGEST}.")
    return bytes([len(encoded)]) + encoded
