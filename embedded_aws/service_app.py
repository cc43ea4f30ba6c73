"""How the app of one service handles requests: one at a time, and failures so that clients do not retry."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = logging.getLogger(__name__)


def answer_failures_with_501(app: Flask) -> Flask:
    """Make an app answer 501 where moto lacks an operation or fails in it.

    Clients retry a 500 for minutes, Terraform for ten; they report a 501 at once.
    """
    app.register_error_handler(Exception, _failure)
    return app


def serialize_requests(app: Flask) -> Flask:
    """Make the app of a service handle one request after the other.

    moto's backends are not thread-safe: listing a bucket while Terraform empties it fails now and then.
    """
    handle, lock = app.wsgi_app, threading.Lock()

    def serialized(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with lock:
            return handle(environ, start_response)

    app.wsgi_app = serialized  # type: ignore[method-assign] # as Flask documents it for middleware
    return app


def _failure(error: Exception) -> Response | HTTPException:
    if isinstance(error, HTTPException):
        return error
    operation = (
        request.headers.get("X-Amz-Target") or request.values.get("Action") or f"{request.method} {request.path}"
    )
    if isinstance(error, NotImplementedError):
        message = f"The embedded AWS lacks {operation}: {error}"
        log.warning("%s", message)
    else:
        message = f"The embedded AWS failed in {operation}: {error!r}"
        log.exception("%s", message, exc_info=error)
    if "json" in request.headers.get("Content-Type", ""):
        body = json.dumps({"__type": "NotImplementedException", "message": message})
        return Response(body, 501, content_type="application/x-amz-json-1.1")
    escaped = message.replace("&", "&amp;").replace("<", "&lt;")
    error_element = f"<Error><Code>NotImplemented</Code><Message>{escaped}</Message></Error>"
    wrapped = error_element if request.method != "POST" else f"<ErrorResponse>{error_element}</ErrorResponse>"
    return Response(wrapped, 501, content_type="application/xml")
