"""Authenticates every request to the embedded AWS, before any service sees it.

1. Its host must be a loopback name, and it must not come from a web page: a browser on this machine reaches loopback
   too, and any host name can be made to resolve to it (DNS rebinding).
2. It must be signed with an access key of this AWS, in its Authorization header or in the query of a pre-signed URL.
   There are two exceptions: below /iceberg/, clients may send the key as HTTP Basic credentials; below /webhdfs/,
   Hadoop's client, which cannot sign, sends it as a token.

The application behind the gate gets the same in every case: an Authorization header with access key and service, and
the caller's `Credentials` in the WSGI environment under `CALLER`.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from moto.core.request import Request, environ_key_for_header
from moto.core.utils import utcnow
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends
from werkzeug.wrappers import Response
from werkzeug.wsgi import get_input_stream

from embedded_aws import hadoop_token, sigv2, sigv4
from embedded_aws.connection import Credentials, EmbeddedAws

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CALLER: Final = "lakehouse.caller"
BASIC_BELOW: Final = "/iceberg/"
TOKEN_BELOW: Final = "/webhdfs/"  # noqa: S105
NAMES: Final = ("127.0.0.1", "localhost")
MAX_SKEW: Final = timedelta(minutes=15)
LONGEST_EXPIRY: Final = timedelta(days=7)

_HEADER = re.compile(rf"{sigv4.ALGORITHM} Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([^,\s]+)")
_CREDENTIAL = re.compile(rf"(\w+)/(\d{{8}})/([a-z0-9-]+)/([a-z0-9-]+)/{sigv4.TERMINATOR}")
_TIMESTAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Reason:
    """The reason for a refusal: its error code in each protocol."""

    s3: str
    query: str
    """Code of services with the query protocol: IAM, STS, EC2 and others."""
    json: str


NOT_SIGNED = Reason("AccessDenied", "MissingAuthenticationToken", "MissingAuthenticationTokenException")
MALFORMED = Reason("AuthorizationHeaderMalformed", "IncompleteSignature", "IncompleteSignatureException")
UNKNOWN_KEY = Reason("InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException")
WRONG_TOKEN = replace(UNKNOWN_KEY, s3="InvalidToken")
EXPIRED_TOKEN = Reason("ExpiredToken", "ExpiredToken", "ExpiredTokenException")
WRONG_SIGNATURE = Reason("SignatureDoesNotMatch", "SignatureDoesNotMatch", "InvalidSignatureException")
WRONG_TIME = replace(WRONG_SIGNATURE, s3="RequestTimeTooSkewed")
WRONG_PAYLOAD = replace(WRONG_SIGNATURE, s3="XAmzContentSHA256Mismatch")
NOT_ALL_SIGNED = replace(WRONG_SIGNATURE, s3="AccessDenied")
EXPIRED_URL = replace(WRONG_SIGNATURE, s3="AccessDenied")
FOREIGN = Reason("AccessDenied", "AccessDenied", "AccessDeniedException")


class RefusedError(Exception):
    """The request does not reach a service."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Keys:
    """The access keys of an account: of the root user, of IAM users, and of sessions in a role."""

    def __init__(self, account_id: str, root: Credentials) -> None:
        self._account_id = account_id
        self._root = root

    def find(self, access_key_id: str, token: str | None) -> Credentials:
        """Return the key with this id; refuse the request if the key or the token is not valid."""
        key = self._find(access_key_id)
        if token != key.session_token:
            raise RefusedError(WRONG_TOKEN, "The session token does not belong to the access key.")
        return key

    def find_by_password(self, access_key_id: str, secret: str) -> Credentials:
        """Return the key with this id; refuse the request if the secret is wrong."""
        key = self._find(access_key_id)
        if not _same(secret, key.secret_access_key):
            raise RefusedError(WRONG_SIGNATURE, "The password is not the secret access key.")
        return key

    def _find(self, access_key_id: str) -> Credentials:
        if access_key_id == self._root.access_key_id:
            return self._root
        session = sts_backends[self._account_id]["aws"].get_assumed_role_from_access_key(access_key_id)
        if session:
            if session.expiration < utcnow():
                raise RefusedError(EXPIRED_TOKEN, "The session of the assumed role has expired.")
            return Credentials(access_key_id, session.secret_access_key, session.session_token)
        key = iam_backends[self._account_id]["aws"].access_keys.get(access_key_id)
        if key and key.user_name and key.status == "Active":
            return Credentials(access_key_id, key.secret_access_key)
        raise RefusedError(
            UNKNOWN_KEY,
            "The access key is not known: the embedded AWS creates a new one at each start. "
            "Run: source build/local/aws.env",
        )


class Gate:
    """WSGI middleware that lets only authenticated requests through."""

    def __init__(self, app: WSGIApplication, port: int, keys: Keys) -> None:
        self._app = app
        self._hosts = frozenset(f"{name}:{port}" for name in NAMES)
        self._origins = frozenset(f"http://{host}" for host in self._hosts)
        self._keys = keys

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request, or refuse it."""
        try:
            self._refuse_foreign(environ)
            caller, scope = self._authenticate(environ)
        except RefusedError as refused:
            return _answer(refused, environ)(environ, start_response)
        environ[CALLER] = caller
        environ["HTTP_AUTHORIZATION"] = (
            f"{sigv4.ALGORITHM} Credential={caller.access_key_id}/{scope}, Signature=verified"
        )
        if caller.session_token:
            environ["HTTP_X_AMZ_SECURITY_TOKEN"] = caller.session_token
        return self._app(environ, start_response)

    def _refuse_foreign(self, environ: WSGIEnvironment) -> None:
        host, origin = environ.get("HTTP_HOST"), environ.get("HTTP_ORIGIN")
        if host not in self._hosts:
            raise RefusedError(FOREIGN, f"The host must be {' or '.join(sorted(self._hosts))}, not {host}.")
        if origin is not None and origin not in self._origins:
            raise RefusedError(FOREIGN, f"Requests from web pages of {origin} are not allowed.")

    def _authenticate(self, environ: WSGIEnvironment) -> tuple[Credentials, sigv4.Scope]:
        """Return the caller's key and the scope of its signature."""
        authorization = environ.get("HTTP_AUTHORIZATION")
        query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        by_url = sigv2.SIGNATURE in query or "X-Amz-Signature" in query
        if authorization and authorization.startswith("Basic ") and environ["PATH_INFO"].startswith(BASIC_BELOW):
            return self._check_password(authorization), _here("glue")
        if environ["PATH_INFO"].startswith(TOKEN_BELOW):
            return self._check_token(query.get("delegation", "")), _here("s3")
        if sigv2.SIGNATURE in query:
            return self._check_old_url(environ, query), _here("s3")
        if not (authorization or by_url):
            raise RefusedError(NOT_SIGNED, "The request is not signed. The access key is in build/local/aws.env.")
        claim = Claim.in_query(query) if by_url else Claim.in_headers(environ)
        key = self._keys.find(claim.access_key_id, claim.token)
        claim.check_time(datetime.now(UTC))
        _check_signature(environ, claim, key)
        return key, claim.scope

    def _check_password(self, authorization: str) -> Credentials:
        try:
            access_key_id, _, secret = base64.b64decode(authorization[6:], validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise RefusedError(MALFORMED, "The Basic credentials are not base64.") from None
        return self._keys.find_by_password(access_key_id, secret)

    def _check_token(self, token: str) -> Credentials:
        try:
            access_key_id, secret = hadoop_token.read(token)
        except (ValueError, IndexError):
            raise RefusedError(NOT_SIGNED, "The parameter delegation is not a token with an access key.") from None
        return self._keys.find_by_password(access_key_id, secret)

    def _check_old_url(self, environ: WSGIEnvironment, query: Mapping[str, str]) -> Credentials:
        """Check a URL that is pre-signed with Signature Version 2."""
        key = self._keys.find(query.get(sigv2.CREDENTIAL, ""), query.get(sigv2.TOKEN))
        if others := sigv2.uncovered(query):
            raise RefusedError(NOT_ALL_SIGNED, f"The signature of the URL does not cover: {', '.join(others)}.")
        request = Request(environ)
        headers = {name.lower(): value for name, value in request.headers.items()}
        url = f"{request.raw_path}?{environ['QUERY_STRING']}"
        if not _same(
            sigv2.sign_url(key.secret_access_key, request.method, url, query, headers), query[sigv2.SIGNATURE]
        ):
            raise RefusedError(WRONG_SIGNATURE, "The signature does not match this URL and access key.")
        expires = query.get(sigv2.EXPIRES, "")
        if not re.fullmatch("[0-9]{1,12}", expires) or datetime.now(UTC).timestamp() > int(expires):
            raise RefusedError(EXPIRED_URL, "The pre-signed URL has expired.")
        return key


@dataclass(frozen=True)
class Claim:
    """The identity that a request claims, and the signature (Version 4) that must prove it."""

    access_key_id: str
    scope: sigv4.Scope
    timestamp: str
    signed_headers: tuple[str, ...]
    signature: str
    token: str | None
    expiry: timedelta | None = None
    """Lifetime of a pre-signed URL; None if the signature is in the Authorization header."""

    @classmethod
    def in_headers(cls, environ: WSGIEnvironment) -> Claim:
        """Read the claim in the Authorization header."""
        found = _HEADER.fullmatch(environ["HTTP_AUTHORIZATION"])
        if not found:
            raise RefusedError(MALFORMED, f"The Authorization header is not in the format of {sigv4.ALGORITHM}.")
        credential, headers, signature = found.groups()
        timestamp, token = environ.get("HTTP_X_AMZ_DATE", ""), environ.get("HTTP_X_AMZ_SECURITY_TOKEN")
        return cls(*_parse_credential(credential), timestamp, tuple(headers.split(";")), signature, token)

    @classmethod
    def in_query(cls, query: Mapping[str, str]) -> Claim:
        """Read the claim in a pre-signed URL."""
        names = ("Algorithm", "Credential", "Date", "SignedHeaders", "Signature", "Expires")
        algorithm, credential, timestamp, headers, signature, seconds = (
            query.get(f"X-Amz-{name}", "") for name in names
        )
        expiry = timedelta(seconds=int(seconds)) if re.fullmatch("[0-9]{1,6}", seconds) else timedelta(0)
        if algorithm != sigv4.ALGORITHM or not timedelta(0) < expiry <= LONGEST_EXPIRY:
            raise RefusedError(MALFORMED, f"The URL is not signed with {sigv4.ALGORITHM} for at most {LONGEST_EXPIRY}.")
        token = query.get("X-Amz-Security-Token")
        return cls(*_parse_credential(credential), timestamp, tuple(headers.split(";")), signature, token, expiry)

    def check_time(self, now: datetime) -> None:
        """Refuse an old or a future signature, so that a captured request cannot be replayed for long."""
        try:
            signed = datetime.strptime(self.timestamp, _TIMESTAMP).replace(tzinfo=UTC)
        except ValueError:
            raise RefusedError(MALFORMED, "X-Amz-Date is not in the format yyyymmddThhmmssZ.") from None
        if not self.timestamp.startswith(self.scope.date):
            raise RefusedError(MALFORMED, "The date of the credential differs from X-Amz-Date.")
        if signed - now > MAX_SKEW or (self.expiry is None and now - signed > MAX_SKEW):
            raise RefusedError(
                WRONG_TIME, f"The request was signed at {signed:%H:%M:%S}, but it is {now:%H:%M:%S} UTC."
            )
        if self.expiry is not None and now > signed + self.expiry:
            raise RefusedError(
                EXPIRED_URL, f"The pre-signed URL expired at {signed + self.expiry:%Y-%m-%d %H:%M:%S} UTC."
            )


def _parse_credential(credential: str) -> tuple[str, sigv4.Scope]:
    found = _CREDENTIAL.fullmatch(credential)
    if not found:
        form = f"<access key id>/<date>/<region>/<service>/{sigv4.TERMINATOR}"
        raise RefusedError(MALFORMED, f"The credential is not in the format {form}.")
    access_key_id, *scope = found.groups()
    return access_key_id, sigv4.Scope(*scope)


def _here(service: str) -> sigv4.Scope:
    """Return the scope for credentials that name none."""
    return sigv4.Scope(f"{datetime.now(UTC):%Y%m%d}", EmbeddedAws.region, service)


def _check_signature(environ: WSGIEnvironment, claim: Claim, key: Credentials) -> None:
    """Refuse a request with a head or body that differs from what was signed."""
    names = {environ_key_for_header(name): name for name in claim.signed_headers}
    if "HTTP_HOST" not in names or any(each.startswith("HTTP_X_AMZ_") and each not in names for each in environ):
        raise RefusedError(NOT_ALL_SIGNED, "The host and all x-amz-* headers of a request must be signed.")
    headers = {name: _text(environ.get(each, "")) for each, name in names.items()}
    declared = headers.get("x-amz-content-sha256")
    if declared is None:
        of_s3_by_url = claim.scope.service == "s3" and claim.expiry is not None
        declared = sigv4.UNSIGNED_PAYLOAD if of_s3_by_url else sigv4.sha256(_body(environ))

    signer = sigv4.Signer(key.secret_access_key, claim.scope, claim.timestamp)
    request, query = Request(environ), parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    canonical = sigv4.canonical_request(
        method=request.method,
        path=request.raw_path,
        query=[pair for pair in query if pair[0] != "X-Amz-Signature"],
        headers=headers,
        payload_hash=declared,
        service=claim.scope.service,
    )
    if not _same(signer.sign_request(canonical), claim.signature):
        raise RefusedError(WRONG_SIGNATURE, "The signature does not match this request and access key.")

    if declared in (sigv4.SIGNED_CHUNKS, sigv4.SIGNED_CHUNKS_AND_TRAILER):
        trailer = declared == sigv4.SIGNED_CHUNKS_AND_TRAILER
        if not sigv4.chunks_are_signed(_body(environ), signer, claim.signature, trailer=trailer):
            raise RefusedError(WRONG_SIGNATURE, "The signature of a chunk does not match its bytes.")
    elif declared not in (sigv4.UNSIGNED_PAYLOAD, sigv4.UNSIGNED_CHUNKS) and declared != sigv4.sha256(_body(environ)):
        raise RefusedError(WRONG_PAYLOAD, "X-Amz-Content-SHA256 does not match the body.")


def _body(environ: WSGIEnvironment) -> bytes:
    """Return the body of a request, and rewind it for the application."""
    body = get_input_stream(environ).read()
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _text(value: str) -> str:
    """Return a header as the client signed it: clients sign UTF-8, WSGI decodes Latin-1."""
    return value.encode("latin-1").decode(errors="replace")


def _same(one: str, other: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())


def _answer(refused: RefusedError, environ: WSGIEnvironment) -> Response:
    """Return the error response in the protocol of the request."""
    reason, message = refused.reason, str(refused)
    content_type = environ.get("CONTENT_TYPE", "")
    named = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    service = named[4] if named else "s3"
    if environ["PATH_INFO"].startswith(BASIC_BELOW):
        code, media = "ForbiddenException", "application/json"
        body = json.dumps({"error": {"code": 403, "type": code, "message": message}})
    elif environ["PATH_INFO"].startswith(TOKEN_BELOW):
        code, media = "AccessControlException", "application/json"
        told = {"exception": code, "javaClassName": f"org.apache.hadoop.security.{code}", "message": message}
        body = json.dumps({"RemoteException": told})
    elif content_type.startswith("application/x-www-form-urlencoded"):
        code, media = reason.query, "text/xml"
        inner = _error_element(code, message)
        body = (
            f"<Response><Errors>{inner}</Errors></Response>"
            if service == "ec2"
            else f"<ErrorResponse>{inner}</ErrorResponse>"
        )
    elif service == "s3" and "json" not in content_type and "HTTP_X_AMZ_TARGET" not in environ:
        code, media = reason.s3, "application/xml"
        body = _error_element(code, message)
    else:
        code, media = reason.json, "application/x-amz-json-1.1"
        body = json.dumps({"__type": code, "message": message})
    return Response(body, 403, {"x-amzn-errortype": code}, content_type=media)


def _error_element(code: str, message: str) -> str:
    return f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
