"""A copy of the project to run in, with an embedded AWS of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import psutil
import pyarrow as pa
from pyiceberg.catalog import Catalog, load_catalog

import embedded_aws
from embedded_aws.lifecycle import SERVER_MODULE
from lakehouse.tables import ALL_STEPS

REPOSITORY = Path(__file__).resolve().parents[2]
GLUE_JOBS = sorted(folder for folder in (REPOSITORY / "glue_jobs").iterdir() if folder.is_dir())
"""The folders of glue_jobs/; on Glue their files are in one folder."""

TABLES = json.loads((REPOSITORY / "glue_jobs" / "pipeline.json").read_text())["tables"]
"""What pipeline.json declares of each table; those that jobs write in the order of the jobs."""

JOBS = [table["job"] for table in TABLES.values() if "job" in table]
ORCHESTRATIONS = {"workflow": JOBS, "single_job": [ALL_STEPS]}
"""The jobs of a run by value of the Terraform variable `orchestration`."""

ALL_JOBS = [*JOBS, "rollback", "forget"]
LANDING_TABLES = [name for name, table in TABLES.items() if table["zone"] == "landing"]
ICEBERG_TABLES = [name for name, table in TABLES.items() if "job" in table]
TRAINING_TABLES = [name for name, table in TABLES.items() if table["zone"] == "training"]
AUDIT_TABLES = [name for name, table in TABLES.items() if table["zone"] in ("audit", "quarantine")]


@dataclass(frozen=True)
class Project:
    """A copy of what a user checks out, with an embedded AWS and a build folder of its own."""

    root: Path

    def lakehouse(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the operator's command line here, as the Makefile does."""
        return subprocess.run(
            [sys.executable, "-m", "lakehouse", *arguments],
            cwd=self.root,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the operator's command line here and go on."""
        return subprocess.Popen(
            [sys.executable, "-m", "lakehouse", *arguments],
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # What runs in the background of a script ignores Ctrl-C, and so would its children.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
        )

    def succeed(self, *arguments: str, **environment: str) -> str:
        """Run the command line and return what it printed, all of it in the failure if it fails."""
        done = self.lakehouse(*arguments, **environment)
        assert done.returncode == 0, f"lakehouse {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def fail(self, *arguments: str, says: list[str], **environment: str) -> None:
        """Run the command line, which has to fail and to say why in these words, not in a traceback."""
        done = self.lakehouse(*arguments, **environment)
        output = done.stdout + done.stderr
        flat = " ".join(output.split())
        assert done.returncode != 0, output
        assert not [part for part in says if part not in flat], output
        assert "Traceback" not in output

    def processes(self) -> list[str]:
        """Return the command lines of all processes that work in this folder, but for the one that asks."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.pid != os.getpid() and Path(process.cwd()).is_relative_to(self.root):
                    found.append(" ".join(process.cmdline()))
            except (psutil.Error, FileNotFoundError):
                continue
        return found

    def wait_for_the_end_of_jobs(self) -> None:
        """Wait until only the server is left: a JVM shuts down behind its job, later if it writes the class archive."""
        deadline = time.monotonic() + 120
        while [line for line in self.processes() if SERVER_MODULE not in line]:
            assert time.monotonic() < deadline, self.processes()
            time.sleep(0.2)
        assert len(self.processes()) == 1

    def report(self) -> dict[str, Any]:
        """Return run.json of the last run."""
        report: dict[str, Any] = json.loads((self.root / "build/local/runs/latest/run.json").read_text())
        return report

    def environment(self) -> dict[str, str]:
        """Return the variables that a shell has after `source build/local/aws.env`."""
        script = "set -a; source build/local/aws.env; env -0"
        done = subprocess.run(["bash", "-c", script], cwd=self.root, capture_output=True, text=True, check=True)
        return dict(line.split("=", 1) for line in done.stdout.split("\0") if "=" in line)

    def client(self, service: str) -> Any:
        """Return a boto3 client of the embedded AWS, made from aws.env alone."""
        return _client(service, *self._access())

    def catalog(self) -> Catalog:
        """Return the catalog as any client opens it."""
        return _catalog(*self._access())

    def _access(self) -> Iterator[str]:
        env = self.environment()
        return (env[f"AWS_{name}"] for name in ("ENDPOINT_URL", "REGION", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY"))

    def iceberg(self, name: str, database: str = "STEDI_DATABASE") -> Any:
        """Return an Iceberg table, with its metadata."""
        return self.catalog().load_table((self.environment()[database], name))

    def table(self, name: str, database: str = "STEDI_DATABASE") -> pa.Table:
        """Read an Iceberg table as any client would: Glue catalog, metadata and Parquet files in S3."""
        return self.iceberg(name, database).scan().to_arrow()

    def iceberg_rows(self) -> dict[str, int]:
        """Count the rows of the five Iceberg tables by reading them."""
        return {name: self.table(name).num_rows for name in ICEBERG_TABLES}


@cache  # to make one takes longer than most requests
def _client(service: str, endpoint: str, region: str, key: str, secret: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
    )


@cache
def _catalog(endpoint: str, region: str, key: str, secret: str) -> Catalog:
    of_service = {"endpoint": endpoint, "region": region, "access-key-id": key, "secret-access-key": secret}
    settings = {f"{service}.{name}": value for service in ("glue", "s3") for name, value in of_service.items()}
    return load_catalog("test", type="glue", **settings)


def copy_of_project(root: Path) -> Project:
    """Copy the folders that a deployment consists of, without state and caches."""
    for folder in ("terraform", "glue_jobs", "ddl"):
        shutil.copytree(
            REPOSITORY / folder, root / folder, ignore=shutil.ignore_patterns(".terraform", "*.tfstate*", "__pycache__")
        )
    cache = REPOSITORY / "build" / "cache"  # of the JVM's classes: the same for all, and dear to make
    cache.mkdir(parents=True, exist_ok=True)
    (root / "build").mkdir()
    (root / "build" / "cache").symlink_to(cache)
    return Project(root)


@contextmanager
def iam_enforced(project: Project, glue_catalog_jar: Path | None = None) -> Iterator[None]:
    """Have the embedded AWS of a project check permissions."""
    embedded_aws.up(project.root, enforce_iam=True, glue_catalog_jar=glue_catalog_jar)
    try:
        yield
    finally:
        embedded_aws.down(project.root)  # here, since only its parent process can see it off
