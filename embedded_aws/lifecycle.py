"""Starts, finds and stops the embedded AWS of a project, which is one background process."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psutil

from embedded_aws.connection import HOST, Credentials, EmbeddedAws
from lakehouse import private_files

SERVER_MODULE: Final = "embedded_aws.server"
START_TIMEOUT: Final = 60.0
STOP_TIMEOUT: Final = 15.0

DATA_FILES: Final = (
    "jobs",
    "export-*.json",
    "*terraform.tfstate*",
    "analyst.env*",
    "aws.env*",
    "embedded_aws.json*",
    "embedded_aws.log",
    "terraform.log",
    "query_history",  # queries may name people
    "s3",  # earlier versions kept a copy of the buckets
)
"""What an embedded AWS, its jobs, Terraform and `make query` write below build/local: deleted with the embedded AWS."""


class EmbeddedAwsError(RuntimeError):
    """The embedded AWS did not start; the message gives the reason and the remedy."""


def up(
    project_root: Path | str, port: int = 0, *, enforce_iam: bool = False, glue_catalog_jar: Path | None = None
) -> EmbeddedAws:
    """Start the embedded AWS of a project, or return the one that is running.

    Args:
        project_root: Folder of the project; data and logs go to its `build/`.
        port: Port on 127.0.0.1; 0 takes a free one.
        enforce_iam: Deny what no IAM policy allows, as AWS does.
        glue_catalog_jar: Jar with which jobs commit through Iceberg's own GlueCatalog and S3FileIO, as on AWS.

    Raises:
        EmbeddedAwsError: The port is in use, or the server ended before it was ready.

    """
    local = _local(project_root)
    private_files.secure_folder(local.parent)
    local.mkdir(exist_ok=True)
    with _lock(local):
        running = status(project_root)
        if running:
            return running
        if process := _find(local):
            _stop(process)  # the project folder was moved, and its server still uses the old path
        if port:
            _refuse_port_in_use(port)
        wipe(local)
        return _start(local, port, enforce_iam=enforce_iam, glue_catalog_jar=glue_catalog_jar)


def down(project_root: Path | str, *, keep_logs: bool = False) -> bool:
    """Stop the embedded AWS of a project with its running jobs, and delete its data.

    Args:
        project_root: Folder of the project.
        keep_logs: Keep the logs until the next start, to explain a failure.

    Returns:
        False if none was running.

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


def status(project_root: Path | str) -> EmbeddedAws | None:
    """Return the running embedded AWS of a project, or None."""
    local = _local(project_root)
    state = _read_state(local)
    if state.get("folder") != str(local) or not _find(local):
        return None
    return EmbeddedAws(
        endpoint=state["endpoint"],
        pid=state["pid"],
        region=state["region"],
        account_id=state["account_id"],
        credentials=Credentials(**state["credentials"]),
    )


def write_state(local: Path, aws: EmbeddedAws) -> None:
    """Record a server that is ready, for `status` to find."""
    created = psutil.Process(aws.pid).create_time()
    state = asdict(aws) | {"created": created, "folder": str(local)}
    private_files.write(local / "embedded_aws.json", json.dumps(state, indent=2) + "\n")


def wipe(local: Path, *, keep_logs: bool = False) -> None:
    """Delete all data of an embedded AWS, its jobs and Terraform from the folder.

    The generated sample, the reports and unknown files stay.
    """
    kept = ("embedded_aws.log", "terraform.log", "jobs/*/output.log", "jobs/*/job.json") if keep_logs else ()
    logs = {path for pattern in kept for path in local.glob(pattern)}
    deadline = time.monotonic() + STOP_TIMEOUT
    while True:
        found = [path for pattern in DATA_FILES for path in local.glob(pattern)]
        unfinished = (local.parent / "cache").glob("*.partial")
        try:
            for path in [*found, *unfinished]:
                _remove(path, logs)
        except OSError as error:
            # After a server was killed, its jobs may write for a moment until they are killed too.
            if error.errno not in (errno.ENOENT, errno.ENOTEMPTY) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def wipe_own(local: Path) -> None:
    """Delete the data of the calling server, unless another server uses the folder by now: folders can be moved."""
    if _read_state(local).get("pid") == os.getpid():
        wipe(local)


def server_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the server: without the user's AWS settings, and without a proxy for loopback."""
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
    """Let only one `up` or `down` of a project run at a time."""
    with open(local / "embedded_aws.lock", "w", opener=private_files.opener) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read_state(local: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads((local / "embedded_aws.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return state


def _find(local: Path) -> psutil.Process | None:
    """Return the server process of the project's folder, even if the folder has been moved since the start.

    Two processes are ruled out: a later one that got the same id, and the server of a project that this folder is a
    copy of.
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
            raise EmbeddedAwsError(
                f"Port {port} of {HOST} is in use or not allowed ({error.strerror}). "
                "Nothing was started. Choose another PORT, or omit PORT to take a free one."
            ) from error


def _remove(path: Path, kept: set[Path]) -> None:
    """Delete a file or a folder, except the files to keep."""
    if path in kept:
        return
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
    elif not any(path in file.parents for file in kept):
        shutil.rmtree(path)
    else:
        for entry in path.iterdir():
            _remove(entry, kept)


def _start(local: Path, port: int, *, enforce_iam: bool, glue_catalog_jar: Path | None) -> EmbeddedAws:
    log = local / "embedded_aws.log"
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
            start_new_session=True,  # Ctrl-C in the terminal must not reach it
        )
    deadline = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        aws = status(project_root)
        if aws and aws.pid == process.pid:
            _check_connection(aws)
            return aws
        time.sleep(0.05)
    process.kill()
    process.wait()
    lines = log.read_text(errors="replace").strip().splitlines()
    raise EmbeddedAwsError(f"The embedded AWS did not start: {lines[-1] if lines else 'its log is empty'}. See {log}.")


def _with_package_path(environ: dict[str, str]) -> dict[str, str]:
    """Let the server import this package even where it is not installed."""
    package_root = str(Path(__file__).parents[1])
    return environ | {"PYTHONPATH": os.pathsep.join(filter(None, [package_root, environ.get("PYTHONPATH")]))}


def _check_connection(aws: EmbeddedAws) -> None:
    address = urlsplit(aws.endpoint)
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
