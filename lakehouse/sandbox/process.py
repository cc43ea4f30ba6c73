"""Starts, finds and stops the one background process that is the embedded AWS of a project."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psutil

HOST: Final = "127.0.0.1"
SERVER_MODULE: Final = "lakehouse.sandbox.server"
START_TIMEOUT: Final = 60.0
STOP_TIMEOUT: Final = 15.0


class SandboxError(RuntimeError):
    """The embedded AWS can't be started or stopped; the message says what to do about it."""


@dataclass(frozen=True)
class Credentials:
    """AWS credentials; those of an assumed role have a session token."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None

    def environ(self) -> dict[str, str]:
        """Return the variables that hand these credentials to a child process."""
        variables = {"AWS_ACCESS_KEY_ID": self.access_key_id, "AWS_SECRET_ACCESS_KEY": self.secret_access_key}
        return variables | ({"AWS_SESSION_TOKEN": self.session_token} if self.session_token else {})


@dataclass(frozen=True)
class Sandbox:
    """Where a running embedded AWS is, and with what to talk to it."""

    endpoint: str
    pid: int
    region: str = "us-east-1"
    account_id: str = "123456789012"
    credentials: Credentials = field(default_factory=lambda: Credentials("sandbox", "sandbox"))

    def environ(self) -> dict[str, str]:
        """Return the AWS_* variables with which any AWS client in a child process talks to this sandbox.

        The caller drops an inherited AWS_PROFILE and AWS_SESSION_TOKEN.
        """
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_MAX_ATTEMPTS": "2",  # nothing that fails on loopback gets better by trying it again
            "AWS_EC2_METADATA_DISABLED": "true",
            **self.credentials.environ(),
        }


def up(project_root: Path | str, port: int = 0) -> Sandbox:
    """Start the embedded AWS of a project, or return the one that runs already. Port 0 takes any free one."""
    local = _local(project_root)
    local.mkdir(parents=True, exist_ok=True)
    with _lock(local):
        running = status(project_root)
        if running:
            return running
        if port:
            _refuse_port_in_use(port)
        _forget(local)
        return _start(local, port)


def down(project_root: Path | str) -> bool:
    """Stop the embedded AWS of a project, with its running jobs; False if there was none."""
    local = _local(project_root)
    if not local.is_dir():
        return False
    with _lock(local):
        process = _find(_read_state(local))
        if process:
            _stop(process)
        (local / "sandbox.json").unlink(missing_ok=True)
        return process is not None


def status(project_root: Path | str) -> Sandbox | None:
    """Return the running embedded AWS of a project, None if there is none."""
    state = _read_state(_local(project_root))
    if not _find(state):
        return None
    return Sandbox(
        endpoint=state["endpoint"],
        pid=state["pid"],
        region=state["region"],
        account_id=state["account_id"],
        credentials=Credentials(**state["credentials"]),
    )


def write_state(local: Path, sandbox: Sandbox) -> None:
    """Note a sandbox that is ready to serve, all at once, so that nobody reads half of it."""
    state = asdict(sandbox) | {"created": psutil.Process(sandbox.pid).create_time()}
    partial = local / "sandbox.json.partial"
    partial.write_text(json.dumps(state, indent=2) + "\n")
    partial.replace(local / "sandbox.json")


def server_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the server: nothing of the user's AWS, and no proxy before loopback."""
    kept = {name: value for name, value in environ.items() if not name.startswith(("AWS_", "MOTO_"))}
    return kept | {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": HOST,
        "no_proxy": HOST,
    }


def _local(project_root: Path | str) -> Path:
    return Path(project_root).resolve() / "build" / "local"


@contextlib.contextmanager
def _lock(local: Path) -> Iterator[None]:
    """Let one `up` or `down` of a project work at a time."""
    with (local / "sandbox.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read_state(local: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads((local / "sandbox.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return state


def _find(state: Mapping[str, Any]) -> psutil.Process | None:
    """Return the server's process. A process that got the same id later is another one, and not ours to stop."""
    try:
        process = psutil.Process(state["pid"])
        same = abs(process.create_time() - state["created"]) < 1 and SERVER_MODULE in process.cmdline()
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (KeyError, psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def _refuse_port_in_use(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise SandboxError(
                f"Port {port} of {HOST} is in use or not allowed ({error.strerror}). "
                "Stop what uses it, choose another PORT, or leave PORT away to take a free one."
            ) from error


def _forget(local: Path) -> None:
    """Remove what belongs to an embedded AWS that is gone: its memory held everything."""
    unfinished = (local.parent / "cache").glob("*.partial")
    for leftover in [*local.glob("*terraform.tfstate*"), *unfinished, local / "sandbox.json"]:
        leftover.unlink(missing_ok=True)
    for folder in ("s3", "jobs"):
        shutil.rmtree(local / folder, ignore_errors=True)


def _start(local: Path, port: int) -> Sandbox:
    log = local / "sandbox.log"
    project_root = local.parents[1]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", SERVER_MODULE, "--root", str(project_root), "--port", str(port)],
            cwd=project_root,
            env=_with_package_path(server_environ(os.environ)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal is not meant for it
        )
    deadline = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        sandbox = status(project_root)
        if sandbox and sandbox.pid == process.pid:
            _accepts_connections(sandbox)
            return sandbox
        time.sleep(0.05)
    process.kill()
    process.wait()
    said = log.read_text(errors="replace").strip().splitlines()
    raise SandboxError(f"The embedded AWS did not start: {said[-1] if said else 'it said nothing'}. See {log}.")


def _with_package_path(environ: dict[str, str]) -> dict[str, str]:
    """Let the server import this very package, also where it is not installed."""
    package_root = str(Path(__file__).parents[2])
    return environ | {"PYTHONPATH": os.pathsep.join(filter(None, [package_root, environ.get("PYTHONPATH")]))}


def _accepts_connections(sandbox: Sandbox) -> None:
    address = urlsplit(sandbox.endpoint)
    with socket.create_connection((HOST, address.port or 0), timeout=5):
        pass


def _stop(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(STOP_TIMEOUT)
