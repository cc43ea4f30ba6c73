"""Erasure and access requests: write the request, run the Glue job, fetch its report or export."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.canonical import canonical
from lakehouse.errors import LakehouseError, describe_os_error
from lakehouse.job_runs import run_to_end
from lakehouse.s3_root import split
from lakehouse.terraform import Outputs
from lakehouse.workflow import SUCCEEDED, JobRun

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_s3 import S3Client

EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
REQUESTS = "forget/requests/"
REPORTS = "forget/reports/"
EXPORTS = "forget/exports/"
RUNS = 2  # job runs of one request: see glue_jobs/jobs/forget.py


@dataclass(frozen=True)
class ErasureJob:
    """The Glue job of an environment that erases or exports the data of a person."""

    glue: GlueClient
    s3: S3Client
    outputs: Outputs
    pause: float
    operation: str
    """Id of the lease that the job joins."""

    @property
    def _bucket(self) -> str:
        return split(self.outputs.bucket)[0]

    @property
    def _root(self) -> str:
        """Prefix of all keys of the lakehouse; the keys elsewhere in this class are relative to it."""
        return split(self.outputs.bucket)[1]

    def request(self, emails: Sequence[str], accept: Sequence[str] = (), new: str | None = None) -> tuple[str, bool]:
        """Write the request for these people; return its id, and whether it resumes an unfinished one.

        Addresses, and the keys of objects to `accept` unsearched, are in the request object only, because Glue keeps
        the arguments of job runs. A new request gets the id `new`, or a random one.
        """
        pages = self.s3.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._bucket, Prefix=f"{self._root}{REQUESTS}"):
            for item in page.get("Contents", []):
                key = item["Key"].removeprefix(self._root)
                found = json.loads(self.s3.get_object(Bucket=self._bucket, Key=f"{self._root}{key}")["Body"].read())
                if set(found.get("emails", [])) == set(emails):
                    self._write(key, found | {"accept": list(accept)})
                    return key.removeprefix(REQUESTS).removesuffix(".json"), True
        request = new or uuid.uuid4().hex
        self._write(f"{REQUESTS}{request}.json", {"emails": list(emails), "accept": list(accept)})
        return request, False

    def _write(self, key: str, content: dict[str, Any]) -> None:
        """Write a request and delete its earlier versions."""
        self.s3.put_object(Bucket=self._bucket, Key=f"{self._root}{key}", Body=json.dumps(content).encode())
        self._purge(key, current=False)

    def run(self, request: str, *, dry_run: bool, on_change: Callable[[JobRun], None]) -> dict[str, Any]:
        """Run the job until it has written its report, and return the report."""
        for _ in range(RUNS):
            self._start(request, {"--dry_run": str(dry_run).lower()}, on_change)
            report = self._report(request)
            if report is not None and report["dry_run"] == dry_run:  # else it is that of an earlier dry run
                return report
        raise LakehouseError(
            f"Request {request} has no report after {RUNS} runs of {self.outputs.forget_job}. "
            "To resume it, run the same command again."
        )

    def export(self, request: str, on_change: Callable[[JobRun], None]) -> str:
        """Run the job to export the data of the people; return the export and delete it from the bucket."""
        self._start(request, {"--export": "true"}, on_change)
        key = f"{EXPORTS}{request}.json"
        content = self.s3.get_object(Bucket=self._bucket, Key=f"{self._root}{key}")["Body"].read().decode()
        self._purge(key)
        return content

    def _start(self, request: str, options: dict[str, str], on_change: Callable[[JobRun], None]) -> None:
        """Run the job and wait until it succeeds."""
        arguments = {"--request": request, **options, "--lease": self.operation}
        ended = run_to_end(
            self.glue,
            self.outputs.forget_job,
            arguments,
            script="forget",
            pause=self.pause,
            on_change=on_change,
            busy="Another erasure or export has just started. Wait for it to end, then run the command again.",
        )
        if ended.state != SUCCEEDED:
            message = ended.message or "the job left no message."
            raise LakehouseError(
                f"Request {request} is not complete, {ended.state}: {message}\n"
                "To resume it, run the same command again."
            )

    def _versions(self, prefix: str) -> Iterator[tuple[str, str, bool]]:
        """Yield key and id of each version, and whether it is the current one."""
        pages = self.s3.get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=self._bucket, Prefix=f"{self._root}{prefix}"):
            for item in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                yield item["Key"].removeprefix(self._root), item["VersionId"], item["IsLatest"]

    def _purge(self, key: str, *, current: bool = True) -> None:
        """Delete the noncurrent versions of an object, by default the current one too."""
        for found, version, is_current in list(self._versions(key)):
            if found == key and (current or not is_current):
                self.s3.delete_object(Bucket=self._bucket, Key=f"{self._root}{key}", VersionId=version)

    def _report(self, request: str) -> dict[str, Any] | None:
        try:
            answer = self.s3.get_object(Bucket=self._bucket, Key=f"{self._root}{REPORTS}{request}.json")
        except self.s3.exceptions.NoSuchKey:
            return None
        report: dict[str, Any] = json.loads(answer["Body"].read())
        return report


def read_addresses(email: str, file: Path | None) -> list[str]:
    """Return the e-mail address, or those of a file with one per line, in canonical form, without duplicates."""
    if bool(email) == bool(file):
        raise LakehouseError(
            "Give either EMAIL, an address, or EMAILS, a file with one address per line. Nothing was changed."
        )
    if file is None:
        return [parse_address(email)]
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise LakehouseError(f"{file} is not UTF-8 text. Nothing was changed.") from error
    except OSError as error:
        raise LakehouseError(describe_os_error(error)) from error
    wrong = [number for number, line in enumerate(lines, 1) if line.strip() and not EMAIL.fullmatch(line.strip())]
    if wrong:
        numbers = ", ".join(map(str, wrong[:10]))
        raise LakehouseError(f"{file} has no valid e-mail address in line {numbers}. Nothing was changed.")
    found = list(dict.fromkeys(parse_address(line) for line in lines if line.strip()))
    if not found:
        raise LakehouseError(f"{file} contains no e-mail address. Nothing was changed.")
    return found


def parse_address(text: str) -> str:
    """Return an e-mail address in canonical form; raise a LakehouseError if it is not valid."""
    email = canonical(text)
    if not EMAIL.fullmatch(email):
        raise LakehouseError(
            "EMAIL is not a valid e-mail address. Nothing was changed. Run: make forget EMAIL=name@example.org"
        )
    return email


def summarize(report: dict[str, Any]) -> list[str]:
    """Return a report as lines for the terminal."""
    erased, verification = report["erased"], report["verification"]
    if not erased["found"]:
        lines = ["No data was found."]
    else:
        records = {f"lines of {table}": counts["rows"] for table, counts in erased["landing"].items()}
        records["lines of quarantine"] = erased["quarantine"]["rows"]
        records |= {f"rows of {table}": counts["rows"] for table, counts in erased["tables"].items()}
        lines = [f"{'Found' if report['dry_run'] else 'Erased'} {sum(records.values()):,} records:"]
        lines += [f"  {number:>7,} {what}" for what, number in records.items()]
        lines += [f"  {erased['query_results']['objects_deleted']:>7,} query results"]
        lines += [f"  {erased['log_streams']:>7,} log streams"]
    lines += [
        f"Kept, because other customers have the same value: {number} x {kind}"
        for kind, number in erased["kept_because_shared"].items()
    ]
    if refusals := erased.get("refusals_kept"):
        lines.append(f"Kept, by pseudonym: refused consent for {len(refusals)} Step Trainers that others use too")
    if verification:
        lines.append(
            f"Verified: no trace in {verification['objects']:,} object versions, {verification['bytes']:,} bytes, "
            f"and {verification['log_streams']:,} log streams."
        )
        if verification["accepted"]:
            lines.append(f"Not searched, as accepted: {verification['accepted']:,} objects.")
    return lines
