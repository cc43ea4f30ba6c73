"""The background process: a moto server on loopback with the extensions of this package."""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib
import io
import logging
import os
import signal
import socket
import string
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import moto.athena.urls
import moto.budgets.urls
import moto.glue.models
import moto.glue.urls
import moto.logs.urls
from moto import backends
from moto.moto_server import werkzeug_app
from werkzeug.datastructures import Headers
from werkzeug.exceptions import ClientDisconnected, InternalServerError
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import make_server
from werkzeug.test import run_wsgi_app

from embedded_aws import iam_enforcement, moto_gaps, service_app
from embedded_aws.athena.service import EmbeddedAthenaResponse, Queries
from embedded_aws.authentication import Gate, Keys
from embedded_aws.callers import Callers
from embedded_aws.cloudwatch_logs import EmbeddedLogsResponse
from embedded_aws.connection import HOST, EmbeddedAws
from embedded_aws.glue import EmbeddedGlueBackend, EmbeddedGlueResponse
from embedded_aws.job_runtime import SECONDS_PER_MINUTE, JobRuntime
from embedded_aws.lifecycle import wipe_own, write_state
from embedded_aws.moto_gaps.budgets import BudgetsGaps
from embedded_aws.webhdfs import WebHdfs
from lakehouse import private_files

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from flask import Flask
    from werkzeug.serving import BaseWSGIServer

log = logging.getLogger(__name__)

SEND_BUFFER: Final = 1 << 17

# Imported while Terraform starts: the first request to each service would wait otherwise, for EC2 over a second.
_WARM_UP: Final = ["iam", "s3", "glue", "kms", "logs", "athena", "sns", "events", "cloudwatch", "ec2"]


class AwsOnly(werkzeug_app.DomainDispatcherApplication):
    """Serves AWS's services, and none of moto's own endpoints: no dashboard, no reset, no instance metadata."""

    # moto lists the folders of all its services for each request: a third of the time of a small one.
    @functools.lru_cache  # noqa: B019 - there is one for the life of the server
    def get_backend_for_host(self, host: str | None) -> Any:
        """Return the name of the service behind a host name, or None."""
        backend = super().get_backend_for_host(host)
        return None if backend in ("moto_api", "instance_metadata") else backend


class Handler(werkzeug_app.MotoRequestHandler):
    """Handles the requests of a connection one after the other, until the client closes it.

    werkzeug's own handler closes the connection after each request, since the application may leave some of the body
    unread, and waits ten milliseconds for more of it. So the next request costs a connection and a thread, which is
    more than most requests take. Here each body is read before the application runs.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Header and body are sent in one write: Terraform's provider was seen to disconnect between the two and to retry
    # the call, which then failed with "already exists".
    wbufsize = 1 << 20

    def run_wsgi(self) -> None:
        """Answer a request."""
        try:
            environ = self.make_environ()
            try:
                body, status, headers = run_wsgi_app(self.server.app, environ)
            except Exception:
                log.exception("%s %s", self.command, environ["PATH_INFO"])
                body, status, headers = run_wsgi_app(InternalServerError(), environ)
            self._send(body, status, headers)
        except (ConnectionError, TimeoutError, ClientDisconnected):
            self.close_connection = True
        except Exception:  # the request or the answer broke off in the middle, so nothing can follow on this connection
            self.close_connection = True
            log.exception("%s was not answered", self.command)

    def finish(self) -> None:
        """Close the connection, which the client may have done already: it seeks in a file by asking anew."""
        with contextlib.suppress(ConnectionError):
            super().finish()

    def log_request(self, *_: object) -> None:
        """Log no request: a thousand lines of `POST /` are noise, and would take a tenth of the time of a small one."""

    def make_environ(self) -> dict[str, Any]:
        """Return the WSGI environment of the request, with its whole body, after sending a pending "100 Continue"."""
        self.wfile.flush()
        self.path = quote(self.path, safe=string.printable, encoding="latin-1")  # Hadoop's client sends raw UTF-8
        environ = super().make_environ()
        terminated = environ.get("wsgi.input_terminated", False)  # the body comes in chunks
        size = -1 if terminated else int(environ.get("CONTENT_LENGTH") or 0)
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(size))
        return environ

    def _send(self, body: Iterable[bytes], status: str, headers: Headers) -> None:
        """Send a response; only its length tells the client where the next one begins."""
        code, _, reason = status.partition(" ")
        has_body = self.command != "HEAD" and code not in ("204", "304")
        try:
            if has_body and "Content-Length" not in headers:
                body = [b"".join(body)]
                headers["Content-Length"] = str(len(body[0]))
            self.send_response(int(code), reason)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            for block in body if has_body else ():
                self.wfile.write(block)
                self.wfile.flush()
            self.wfile.flush()
        finally:
            if close := getattr(body, "close", None):
                close()


def listen(port: int) -> socket.socket:
    """Return a socket that accepts connections on loopback; port 0 takes a free one."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Of each connection. The system would let it grow to megabytes, which a client that seeks in a file throws away.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    listener.bind((HOST, port))
    listener.listen(128)
    return listener


def embedded_aws_at(listener: socket.socket) -> EmbeddedAws:
    """Return the description of the embedded AWS that this process will serve on a socket, with a new access key."""
    return EmbeddedAws(f"http://{HOST}:{listener.getsockname()[1]}", os.getpid())


def build_server(
    listener: socket.socket,
    aws: EmbeddedAws,
    build: Path,
    *,
    seconds_per_minute: float = SECONDS_PER_MINUTE,
    enforce_iam: bool = False,
    glue_catalog_jar: Path | None = None,
) -> tuple[BaseWSGIServer, JobRuntime]:
    """Return the server, ready to serve, and the runtime of its jobs.

    `build` is the project's build folder; tests shorten the timeouts of jobs with `seconds_per_minute`.
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    iam_enforcement.install(aws.credentials, enforce=enforce_iam)
    moto.glue.models.glue_backends.backend = EmbeddedGlueBackend
    moto.glue.urls.url_paths["{0}/$"] = EmbeddedGlueResponse.dispatch
    moto.athena.urls.url_paths["{0}/$"] = EmbeddedAthenaResponse.dispatch
    moto.budgets.urls.url_paths["{0}/$"] = BudgetsGaps.dispatch
    # MOTO_DISABLE_GLOBAL_CORS would have to be set before the first import of moto.
    werkzeug_app.DISABLE_GLOBAL_CORS = True  # type: ignore[attr-defined]

    def create_app(service: backends.SERVICE_NAMES) -> Flask:
        moto_gaps.install(service)
        app = service_app.answer_failures_with_501(werkzeug_app.create_backend_app(service))
        return service_app.serialize_requests(app)

    services = AwsOnly(create_app)
    callers = Callers(services, aws)
    runtime = EmbeddedGlueBackend.runtime = JobRuntime(build, callers, seconds_per_minute, glue_catalog_jar)
    EmbeddedAthenaResponse.queries = Queries(callers)
    EmbeddedLogsResponse.jobs_folder = runtime.jobs_folder
    moto.logs.urls.url_paths["{0}/$"] = EmbeddedLogsResponse.dispatch

    @functools.cache
    def iceberg_rest() -> WSGIApplication:
        from embedded_aws.iceberg_rest import IcebergRest  # noqa: PLC0415 - half a second, which only tables need

        return IcebergRest(callers)

    app = DispatcherMiddleware(
        services,
        {
            "/iceberg": lambda *request: iceberg_rest()(*request),  # noqa: PLW0108 - made by the first request
            "/webhdfs": WebHdfs(callers),
        },
    )
    port = listener.getsockname()[1]
    gate = Gate(app, port, Keys(aws.account_id, aws.credentials))
    server = make_server(HOST, port, gate, threaded=True, request_handler=Handler, fd=listener.fileno())
    return server, runtime


def main() -> None:
    """Serve until a signal stops it, then kill all job processes and delete the data."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="project root")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1, 0 for a free one")
    parser.add_argument("--enforce-iam", action="store_true", help="deny what no IAM policy allows")
    parser.add_argument("--glue-catalog-jar", type=Path, help="Iceberg with GlueCatalog, S3FileIO and the AWS SDK")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    os.umask(private_files.UMASK)

    build = arguments.root / "build"
    try:
        listener = listen(arguments.port)
    except OSError as error:
        sys.exit(f"port {arguments.port} of {HOST} can't be used ({error.strerror})")
    aws = embedded_aws_at(listener)
    server, runtime = build_server(
        listener,
        aws,
        build,
        enforce_iam=arguments.enforce_iam,
        glue_catalog_jar=arguments.glue_catalog_jar,
    )
    for stop in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(stop, lambda *_: sys.exit(0))
    threading.Thread(target=_warm_up, daemon=True).start()
    write_state(build / "local", aws)
    log.info("Embedded AWS at %s", aws.endpoint)
    try:
        server.serve_forever()
    finally:
        EmbeddedAthenaResponse.queries.close()
        runtime.close()
        wipe_own(build / "local")


def _warm_up() -> None:
    for service in _WARM_UP:
        backends.get_backend(service)  # type: ignore[call-overload]
    importlib.import_module("embedded_aws.iceberg_rest")


if __name__ == "__main__":
    main()
