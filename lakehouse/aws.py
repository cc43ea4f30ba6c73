"""How the tools reach AWS: through the standard environment variables and nothing else.

The same code works against AWS and against the embedded one; only the environment differs.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import boto3
from botocore.config import Config

from lakehouse import private

LOOPBACK = "127.0.0.1,localhost"
CONFIG = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard"})


def only(variables: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return an environment that reaches these AWS_* variables' account and no other.

    Whatever the shell says about AWS is left out, and so are the shared configuration files: a profile, a role or an
    endpoint of the user's must not lead a local run astray into a real account.
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
    """Make these the environment variables of this process and its children, for as long as the context lasts."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def session(region: str) -> boto3.Session:
    """Return a session for the environment of this process, in the region that the lakehouse is in."""
    return boto3.Session(region_name=region)


def write_exports(path: Path, exports: Mapping[str, str], unset: tuple[str, ...] = ()) -> None:
    """Write a file to `source` in a shell. It holds credentials: readable by its owner only."""
    lines = [f"unset {name}" for name in unset] + [
        f"export {key}={shlex.quote(value)}" for key, value in exports.items()
    ]
    private.write(path, "\n".join(lines) + "\n")
