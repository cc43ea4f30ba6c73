"""The background process: a moto server on loopback with the extensions of this package."""

from __future__ import annotations

import argparse
import functools
import importlib
import logging
import os
import signal
import socket
import string
import sys
import threading
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
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import make_server

from embedded_aws import iam_enforcement, moto_gaps
from embedded_aws.access import Gate, Keys
from embedded_aws.callers import Callers
from embedded_aws.glue import SandboxGlueBackend, SandboxGlueResponse
from embedded_aws.glue_runtime import JobRuntime
from embedded_aws.logs import SandboxLogsResponse
from embedded_aws.process import HOST, Sandbox, wipe_own, write_state
from embedded_aws.webhdfs import WebHdfs
from lakehouse import private_files

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from flask import Flask
    from werkzeug.serving import BaseWSGIServer

log = logging.getLogger(__name__)

# Imported while Terraform still starts, since the first request to each would wait: EC2 takes more than a second.
_WARM_UP: Final = ["iam", "s3", "glue", "kms", "logs", "athena", "sns", "events", "cloudwatch", "ec2"]


class AwsOnly(werkzeug_app.DomainDispatcherApplication):
    """Serves what AWS serves, and nothing of moto's own: no dashboard, no reset, no credentials of an instance."""

    # moto looks for the folders of all its services each time: a third of what a small request takes.
    @functools.lru_cache  # noqa: B019 - there is one for the life of the server
    def get_backend_for_host(self, host: str | None) -> Any:
        """Return the name of the service behind a host name, None if there is none."""
        backend = super().get_backend_for_host(host)
        return None if backend in ("moto_api", "instance_metadata") else backend


class Handler(werkzeug_app.MotoRequestHandler):
    """Sends header and body of an answer at once.

    Terraform's provider was seen to hang up between the two, and to repeat what had been done: "already exists".
    """

    wbufsize = 1 << 20

    def make_environ(self) -> dict[str, Any]:
        """Return the WSGI environment of the request, once the client knows that its body is awaited."""
        self.wfile.flush()  # "100 Continue"
        self.path = quote(self.path, safe=string.printable, encoding="latin-1")  # Hadoop's client sends raw UTF-8
        return super().make_environ()


def listen(port: int) -> socket.socket:
    """Return a socket that accepts connections on loopback; port 0 takes any free one."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen(128)
    return listener


def sandbox_at(listener: socket.socket) -> Sandbox:
    """Return the sandbox that this process will be behind a socket, with an access key of its own."""
    return Sandbox(f"http://{HOST}:{listener.getsockname()[1]}", os.getpid())


def build_server(
    listener: socket.socket,
    sandbox: Sandbox,
    build: Path,
    *,
    minute: float = 60.0,
    enforce_iam: bool = False,
    glue_catalog_jar: Path | None = None,
) -> tuple[BaseWSGIServer, JobRuntime]:
    """Return the server, ready to serve, and the runtime that runs its jobs.

    `build` is the project's build folder; `minute` is how many seconds a minute of a job's timeout lasts.
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # `POST /` a thousand times tells nothing
    iam_enforcement.install(sandbox.credentials, enforce=enforce_iam)
    moto.glue.models.glue_backends.backend = SandboxGlueBackend
    moto.glue.urls.url_paths["{0}/$"] = SandboxGlueResponse.dispatch
    moto.athena.urls.url_paths["{0}/$"] = moto_gaps.AthenaGaps.dispatch
    moto.budgets.urls.url_paths["{0}/$"] = moto_gaps.BudgetsGaps.dispatch
    # MOTO_DISABLE_GLOBAL_CORS would have to be in the environment before moto is imported anywhere.
    werkzeug_app.DISABLE_GLOBAL_CORS = True  # type: ignore[attr-defined]

    def create_app(service: backends.SERVICE_NAMES) -> Flask:
        moto_gaps.fill_models(service)
        return moto_gaps.answer_one_at_a_time(moto_gaps.answer_failures_once(werkzeug_app.create_backend_app(service)))

    aws = AwsOnly(create_app)
    callers = Callers(aws, sandbox)
    runtime = SandboxGlueBackend.runtime = JobRuntime(build, callers, minute, glue_catalog_jar)
    SandboxLogsResponse.jobs_folder = runtime.jobs_folder
    moto.logs.urls.url_paths["{0}/$"] = SandboxLogsResponse.dispatch

    @functools.cache
    def iceberg_rest() -> WSGIApplication:
        from embedded_aws.iceberg_rest import IcebergRest  # noqa: PLC0415 - half a second that only tables need

        return IcebergRest(callers)

    app = DispatcherMiddleware(
        aws,
        {
            "/iceberg": lambda *request: iceberg_rest()(*request),  # noqa: PLW0108 - made by the first request
            "/webhdfs": WebHdfs(callers),
        },
    )
    port = listener.getsockname()[1]
    gate = Gate(app, port, Keys(sandbox.account_id, sandbox.credentials))
    server = make_server(HOST, port, gate, threaded=True, request_handler=Handler, fd=listener.fileno())
    return server, runtime


def main() -> None:
    """Serve until a signal says to stop, then end all job processes and remove what the jobs and buckets held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="project root")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1, 0 for any free one")
    parser.add_argument("--enforce-iam", action="store_true", help="allow what IAM policies allow, and nothing else")
    parser.add_argument("--glue-catalog-jar", type=Path, help="Iceberg with GlueCatalog, S3FileIO and the AWS SDK")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    os.umask(private_files.UMASK)

    build = arguments.root / "build"
    try:
        listener = listen(arguments.port)
    except OSError as error:
        sys.exit(f"port {arguments.port} of {HOST} can't be used ({error.strerror})")
    sandbox = sandbox_at(listener)
    server, runtime = build_server(
        listener,
        sandbox,
        build,
        enforce_iam=arguments.enforce_iam,
        glue_catalog_jar=arguments.glue_catalog_jar,
    )
    for stop in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(stop, lambda *_: sys.exit(0))
    threading.Thread(target=_warm_up, daemon=True).start()
    write_state(build / "local", sandbox)
    log.info("Embedded AWS at %s", sandbox.endpoint)
    try:
        server.serve_forever()
    finally:
        runtime.close()
        wipe_own(build / "local")


def _warm_up() -> None:
    for service in _WARM_UP:
        backends.get_backend(service)  # type: ignore[call-overload]
    importlib.import_module("embedded_aws.iceberg_rest")


if __name__ == "__main__":
    main()
