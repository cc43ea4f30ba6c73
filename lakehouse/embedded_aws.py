"""The embedded AWS, as the commands use it with ENV=local.

Only this module imports the package `embedded_aws`, and only when a command needs it: an operator on AWS installs
neither moto nor Spark.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lakehouse.errors import LakehouseError

if TYPE_CHECKING:
    from types import ModuleType

    from embedded_aws import EmbeddedAws


def up(project_root: Path, port: int = 0) -> EmbeddedAws:
    """Start the embedded AWS of a project, or return the one that is running; port 0 takes a free one."""
    package = _package()
    try:
        started: EmbeddedAws = package.up(project_root, port)
    except package.EmbeddedAwsError as error:
        raise LakehouseError(str(error)) from error
    return started


def down(project_root: Path, *, keep_logs: bool = False) -> bool:
    """Stop the embedded AWS of a project and delete its data; False if none was running."""
    return bool(_package().down(project_root, keep_logs=keep_logs))


def status(project_root: Path) -> EmbeddedAws | None:
    """Return the running embedded AWS of a project, or None."""
    running: EmbeddedAws | None = _package().status(project_root)
    return running


def rerun_job(folder: Path, script: str, arguments: Mapping[str, str], aws_variables: Mapping[str, str]) -> int:
    """Run a finished job run again in its work folder and return its exit code: see `embedded_aws.job_rerun`."""
    _package()
    from embedded_aws import job_rerun  # noqa: PLC0415

    return job_rerun.run_again(folder, script, arguments, aws_variables)


def hadoop_token(variables: Mapping[str, str]) -> str:
    """Return HADOOP_TOKEN, by which Spark reaches S3 with the keys and the endpoint in these AWS_* variables."""
    _package()
    from embedded_aws import hadoop_token  # noqa: PLC0415
    from embedded_aws.connection import Credentials  # noqa: PLC0415

    credentials = Credentials(variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"])
    return hadoop_token.in_url(credentials, urlsplit(variables["AWS_ENDPOINT_URL"]).netloc)


def _package() -> ModuleType:
    try:
        import embedded_aws  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise LakehouseError(
            f"ENV=local needs the Python package {error.name}, which is not installed here. Nothing was changed. "
            "Install everything: make setup"
        ) from error
    return embedded_aws
