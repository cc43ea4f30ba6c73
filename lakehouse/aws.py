"""Access to AWS through the standard environment variables only.

The same code works on AWS and on the embedded AWS; only the variables differ.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import boto3
from botocore.config import Config

from lakehouse import private_files

LOOPBACK = "127.0.0.1,localhost"
CONFIG = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard"})


def only(variables: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return environment variables that reach the account of these AWS_* variables and no other.

    The shell's own AWS_* variables and the shared configuration files are left out: the user's profile, role or
    endpoint must never lead a local run into a real account.
    """
    kept = {key: value for key, value in environ.items() if not key.startswith("AWS_")}
    no_proxy = ",".join(filter(None, [environ.get("NO_PROXY") or environ.get("no_proxy"), LOOPBACK]))
    return {
        **kept,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        **variables,
    }


@contextmanager
def process_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Replace the environment variables of this process and its children while the context lasts."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def session(region: str) -> boto3.Session:
    """Return a session with the environment variables of this process, in the region of the lakehouse."""
    return boto3.Session(region_name=region)


def pyiceberg(reach: Mapping[str, str], region: str) -> dict[str, str]:
    """Return the variables of pyiceberg's default catalog, for a shell that reaches AWS by these AWS_* variables."""
    settings = {
        "TYPE": "glue",
        "GLUE__ENDPOINT": reach.get("AWS_ENDPOINT_URL"),
        "GLUE__REGION": region,
        "S3__ENDPOINT": reach.get("AWS_ENDPOINT_URL"),
        "S3__REGION": region,
        "S3__ACCESS_KEY_ID": reach.get("AWS_ACCESS_KEY_ID"),
        "S3__SECRET_ACCESS_KEY": reach.get("AWS_SECRET_ACCESS_KEY"),
        "S3__SESSION_TOKEN": reach.get("AWS_SESSION_TOKEN"),
    }
    return {f"PYICEBERG_CATALOG__DEFAULT__{key}": value for key, value in settings.items() if value}


def write_exports(path: Path, exports: Mapping[str, str], unset: tuple[str, ...] = ()) -> None:
    """Write a file to `source` in a shell; only its owner can read it, since it holds credentials."""
    lines = [f"unset {name}" for name in unset] + [
        f"export {key}={shlex.quote(value)}" for key, value in exports.items()
    ]
    private_files.write(path, "\n".join(lines) + "\n")
