"""Starts, finds and stops the one background process that is the embedded AWS of a project."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import secrets
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

from lakehouse import private_files

HOST: Final = "127.0.0.1"
SERVER_MODULE: Final = "embedded_aws.server"
START_TIMEOUT: Final = 60.0
STOP_TIMEOUT: Final = 15.0

HELD: Final = (
    "jobs",
    "export-*.json",
    "*terraform.tfstate*",
    "aws.env*",
    "sandbox.json*",
    "sandbox.log",
    "terraform.log",
    "s3",
)
"""What an embedded AWS, its Terraform and its jobs leave in build/local; earlier versions kept a copy of S3 there."""


class SandboxError(RuntimeError):
    """The embedded AWS can't be started or stopped; the message says what to do about it."""


@dataclass(frozen=True)
class Credentials:
    """AWS credentials; those of an assumed role have a session token."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)

    @classmethod
    def random(cls) -> Credentials:
        """Return a new access key, of the shape that AWS's have."""
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
        return cls("AKIA" + "".join(secrets.choice(letters) for _ in range(16)), secrets.token_urlsafe(30))

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
    credentials: Credentials = field(default_factory=Credentials.random)

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


def up(
    project_root: Path | str, port: int = 0, *, enforce_iam: bool = False, glue_catalog_jar: Path | None = None
) -> Sandbox:
    """Start the embedded AWS of a project, or return the one that runs already. Port 0 takes any free one.

    With a `glue_catalog_jar`, jobs commit through Iceberg's own GlueCatalog and S3FileIO, as on AWS.
    """
    local = _local(project_root)
    private_files.secure_folder(local.parent)
    local.mkdir(exist_ok=True)
    with _lock(local):
        running = status(project_root)
        if running:
            return running
        if process := _find(local):
            _stop(process)  # it moved here with its folder, and still works where that was
        if port:
            _refuse_port_in_use(port)
        wipe(local)
        return _start(local, port, enforce_iam=enforce_iam, glue_catalog_jar=glue_catalog_jar)


def down(project_root: Path | str, *, keep_logs: bool = False) -> bool:
    """Stop the embedded AWS of a project, with its running jobs, and remove all that it held; False if there was none.

    `keep_logs` keeps the logs of a failure until the next start.
    """
    local = _local(project_root)
    if not local.is_dir():
        return False
    with _lock(local):
        process = _find(local)
        if process:
            _stop(process)
        wipe(local, keep_logs=keep_logs)
        return process is not None


def status(project_root: Path | str) -> Sandbox | None:
    """Return the running embedded AWS of a project, None if there is none."""
    local = _local(project_root)
    state = _read_state(local)
    if state.get("folder") != str(local) or not _find(local):
        return None
    return Sandbox(
        endpoint=state["endpoint"],
        pid=state["pid"],
        region=state["region"],
        account_id=state["account_id"],
        credentials=Credentials(**state["credentials"]),
    )


def write_state(local: Path, sandbox: Sandbox) -> None:
    """Note a sandbox that is ready to serve."""
    created = psutil.Process(sandbox.pid).create_time()
    state = asdict(sandbox) | {"created": created, "folder": str(local)}
    private_files.write(local / "sandbox.json", json.dumps(state, indent=2) + "\n")


def wipe(local: Path, *, keep_logs: bool = False) -> None:
    """Remove everything that an embedded AWS, its jobs and its Terraform left in the folder.

    The generated sample and the reports stay, and files that are not ours.
    """
    logs = {local / "sandbox.log", local / "terraform.log", *local.glob("jobs/*/output.log")} if keep_logs else set()
    deadline = time.monotonic() + STOP_TIMEOUT
    while True:
        held = [path for pattern in HELD for path in local.glob(pattern)]
        unfinished = (local.parent / "cache").glob("*.partial")
        try:
            for path in [*held, *unfinished]:
                _remove(path, logs)
        except OSError as error:
            # A job of a server that was killed may take a moment to die, and write until then.
            if error.errno not in (errno.ENOENT, errno.ENOTEMPTY) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def wipe_own(local: Path) -> None:
    """Wipe the folder of the calling server, unless another server uses it by now: folders can be moved."""
    if _read_state(local).get("pid") == os.getpid():
        wipe(local)


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
    with open(local / "sandbox.lock", "w", opener=private_files.opener) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read_state(local: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads((local / "sandbox.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return state


def _find(local: Path) -> psutil.Process | None:
    """Return the process of the server that works in the project's folder, also if the folder was moved meanwhile.

    Not this server: a later process with the same id, and the server of a project that this folder is a copy of.
    """
    state = _read_state(local)
    with contextlib.suppress(KeyError, FileNotFoundError, psutil.NoSuchProcess, psutil.AccessDenied):
        process = psutil.Process(state["pid"])
        same = abs(process.create_time() - state["created"]) < 1 and SERVER_MODULE in process.cmdline()
        if same and process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == local.parents[1]:
            return process
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


def _remove(path: Path, kept: set[Path]) -> None:
    """Remove a file or a folder, but for what is to be kept in it."""
    if path in kept:
        return
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
    elif not any(path in file.parents for file in kept):
        shutil.rmtree(path)
    else:
        for entry in path.iterdir():
            _remove(entry, kept)


def _start(local: Path, port: int, *, enforce_iam: bool, glue_catalog_jar: Path | None) -> Sandbox:
    log = local / "sandbox.log"
    project_root = local.parents[1]
    options = ["--root", str(project_root), "--port", str(port)]
    options += ["--enforce-iam"] if enforce_iam else []
    options += ["--glue-catalog-jar", str(glue_catalog_jar)] if glue_catalog_jar else []
    with open(log, "wb", opener=private_files.opener) as output:
        process = subprocess.Popen(
            [sys.executable, "-m", SERVER_MODULE, *options],
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
