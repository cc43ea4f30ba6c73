"""The background process: a moto server on loopback with the extensions of this package."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lakehouse.sandbox.process import HOST, Sandbox, write_state

if TYPE_CHECKING:
    from flask import Flask
    from moto.backends import SERVICE_NAMES
    from werkzeug.serving import BaseWSGIServer

    from lakehouse.sandbox.glue_runtime import JobRuntime

log = logging.getLogger(__name__)

# Imported while Terraform still starts, since the first request to each would wait: EC2 takes more than a second.
_WARM_UP: Final = ["iam", "s3", "glue", "kms", "logs", "athena", "sns", "events", "cloudwatch", "ec2"]


def listen(port: int) -> socket.socket:
    """Return a socket that accepts connections on loopback; port 0 takes any free one."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen(128)
    return listener


def build_server(listener: socket.socket, build: Path, minute: float = 60.0) -> tuple[BaseWSGIServer, JobRuntime]:
    """Return the server, ready to serve, and the runtime that runs its jobs.

    `build` is the project's build folder; `minute` is how many seconds a minute of a job's timeout lasts.
    """
    port = listener.getsockname()[1]
    os.environ["MOTO_PORT"] = str(port)  # moto reads it where it calls itself

    import moto.athena.urls  # noqa: PLC0415 - only now, since moto reads its settings on import
    import moto.budgets.urls  # noqa: PLC0415
    import moto.glue.models  # noqa: PLC0415
    import moto.glue.urls  # noqa: PLC0415
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server  # noqa: PLC0415

    class Handler(MotoRequestHandler):
        """Sends header and body of an answer at once.

        Terraform's provider was seen to hang up between the two, and to repeat what had been done: "already exists".
        """

        wbufsize = 1 << 20

        def make_environ(self) -> dict[str, Any]:
            self.wfile.flush()  # "100 Continue", which the client waits for
            return super().make_environ()

    from lakehouse.sandbox import iam_enforcement, moto_gaps  # noqa: PLC0415
    from lakehouse.sandbox.glue import SandboxGlueBackend, SandboxGlueResponse  # noqa: PLC0415
    from lakehouse.sandbox.glue_runtime import JobRuntime  # noqa: PLC0415

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # `POST /` a thousand times tells nothing
    sandbox = Sandbox(f"http://{HOST}:{port}", os.getpid())
    runtime = JobRuntime(build, sandbox.endpoint, sandbox.region, sandbox.credentials, minute)
    SandboxGlueBackend.runtime = runtime
    iam_enforcement.install(sandbox.credentials)
    moto.glue.models.glue_backends.backend = SandboxGlueBackend
    moto.glue.urls.url_paths["{0}/$"] = SandboxGlueResponse.dispatch
    moto.athena.urls.url_paths["{0}/$"] = moto_gaps.AthenaGaps.dispatch
    moto.budgets.urls.url_paths["{0}/$"] = moto_gaps.BudgetsGaps.dispatch

    def create_app(service: SERVICE_NAMES) -> Flask:
        moto_gaps.fill_models(service)
        return moto_gaps.answer_one_at_a_time(moto_gaps.answer_failures_once(create_backend_app(service)))

    app = DomainDispatcherApplication(create_app)
    server = make_server(HOST, port, app, threaded=True, request_handler=Handler, fd=listener.fileno())
    return server, runtime


def main() -> None:
    """Serve until SIGTERM, then end all job processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="project root")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1, 0 for any free one")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")

    build = arguments.root / "build"
    try:
        listener = listen(arguments.port)
    except OSError as error:
        sys.exit(f"port {arguments.port} of {HOST} can't be used ({error.strerror})")
    server, runtime = build_server(listener, build)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    threading.Thread(target=_warm_up, daemon=True).start()
    sandbox = Sandbox(f"http://{HOST}:{listener.getsockname()[1]}", os.getpid())
    write_state(build / "local", sandbox)
    log.info("Embedded AWS at %s", sandbox.endpoint)
    try:
        server.serve_forever()
    finally:
        runtime.close()


def _warm_up() -> None:
    from moto import backends  # noqa: PLC0415

    for service in _WARM_UP:
        backends.get_backend(service)  # type: ignore[call-overload]
    importlib.import_module("lakehouse.sandbox.iceberg")


if __name__ == "__main__":
    main()
