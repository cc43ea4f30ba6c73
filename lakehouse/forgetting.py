"""Has people forgotten, or their data gathered, by the Glue job that can: makes the request, runs the job, fetches."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.canonical import canonical
from lakehouse.errors import LakehouseError, in_words
from lakehouse.terraform import Outputs
from lakehouse.workflow import SUCCEEDED, JobRun

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_s3 import S3Client

EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
REQUESTS = "forget/requests/"
REPORTS = "forget/reports/"
EXPORTS = "forget/exports/"
RUNS = 2  # what a request takes: see glue_jobs/jobs/forget.py


@dataclass(frozen=True)
class Forgetting:
    """The Glue job of an environment that forgets people, or gathers what is held about them."""

    glue: GlueClient
    s3: S3Client
    outputs: Outputs
    pause: float
    operation: str
    """Whose lease the job takes on."""

    def request(self, emails: Sequence[str], accept: Sequence[str] = (), new: str | None = None) -> tuple[str, bool]:
        """Return the id of the request for these people, and whether an earlier one is taken up that was not finished.

        Addresses stand in the request only, and so do the names of objects that nobody needs to look into: what a job
        run is told, Glue keeps. A new request gets the id `new`, or a random one.
        """
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.outputs.bucket, Prefix=REQUESTS):
            for item in page.get("Contents", []):
                found = json.loads(self.s3.get_object(Bucket=self.outputs.bucket, Key=item["Key"])["Body"].read())
                if set(found.get("emails", [])) == set(emails):
                    self._write(item["Key"], found | {"accept": list(accept)})
                    return item["Key"].removeprefix(REQUESTS).removesuffix(".json"), True
        request = new or uuid.uuid4().hex
        self._write(f"{REQUESTS}{request}.json", {"emails": list(emails), "accept": list(accept)})
        return request, False

    def _write(self, key: str, content: dict[str, Any]) -> None:
        """Write a request, of which no earlier version stays."""
        self.s3.put_object(Bucket=self.outputs.bucket, Key=key, Body=json.dumps(content).encode())
        self._purge(key, current=False)

    def run(self, request: str, *, dry_run: bool, on_change: Callable[[JobRun], None]) -> dict[str, Any]:
        """Start runs of the job until it has written the report, and return that."""
        for _ in range(RUNS):
            self._start(request, {"--dry_run": str(dry_run).lower()}, on_change)
            report = self._report(request)
            if report is not None and report["dry_run"] == dry_run:  # else it is an earlier look's
                return report
        raise LakehouseError(f"Request {request} left no report after {RUNS} runs of {self.outputs.forget_job}.")

    def export(self, request: str, on_change: Callable[[JobRun], None]) -> str:
        """Start a run of the job that gathers what is held about the people, and take what it gathered."""
        self._start(request, {"--export": "true"}, on_change)
        key = f"{EXPORTS}{request}.json"
        content = self.s3.get_object(Bucket=self.outputs.bucket, Key=key)["Body"].read().decode()
        self._purge(key)
        return content

    def _start(self, request: str, options: dict[str, str], on_change: Callable[[JobRun], None]) -> None:
        """Start a run of the job and see it succeed."""
        arguments = {"--request": request, **options, "--lease": self.operation}
        try:
            run = self.glue.start_job_run(JobName=self.outputs.forget_job, Arguments=arguments)["JobRunId"]
        except self.glue.exceptions.ConcurrentRunsExceededException as error:
            raise LakehouseError("Another erasure or export has just started. Wait for its end.") from error
        ended = self._follow(run, on_change)
        if ended.state != SUCCEEDED:
            message = ended.message or "the job left no message."
            raise LakehouseError(
                f"Request {request} is not done, {ended.state}: {message}\nThe same command takes it up again."
            )

    def _versions(self, prefix: str) -> Iterator[tuple[str, str, bool]]:
        """Return key and id of all versions, and whether each is the current one."""
        for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=self.outputs.bucket, Prefix=prefix):
            for item in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                yield item["Key"], item["VersionId"], item["IsLatest"]

    def _purge(self, key: str, *, current: bool = True) -> None:
        """Delete the noncurrent versions of an object, and by default the current one."""
        for found, version, is_current in list(self._versions(key)):
            if found == key and (current or not is_current):
                self.s3.delete_object(Bucket=self.outputs.bucket, Key=key, VersionId=version)

    def _follow(self, run: str, on_change: Callable[[JobRun], None]) -> JobRun:
        """Read a run again and again until it has ended, and tell each change."""
        latest = None
        while True:
            found = self.glue.get_job_run(JobName=self.outputs.forget_job, RunId=run)["JobRun"]
            now = JobRun("forget", state=found["JobRunState"], id=run, message=found.get("ErrorMessage"))
            if now != latest:
                on_change(now)
                latest = now
            if "CompletedOn" in found:
                return now
            time.sleep(self.pause)

    def _report(self, request: str) -> dict[str, Any] | None:
        try:
            answer = self.s3.get_object(Bucket=self.outputs.bucket, Key=f"{REPORTS}{request}.json")
        except self.s3.exceptions.NoSuchKey:
            return None
        report: dict[str, Any] = json.loads(answer["Body"].read())
        return report


def addresses(email: str, file: Path | None) -> list[str]:
    """Return the e-mail address, or those of a file with one a line, as they are compared, each once."""
    if bool(email) == bool(file):
        raise LakehouseError("Give either EMAIL, an address, or EMAILS, a file with one a line. Nothing was changed.")
    if file is None:
        return [address(email)]
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise LakehouseError(f"{file} is not UTF-8 text. Nothing was changed.") from error
    except OSError as error:
        raise LakehouseError(in_words(error)) from error
    wrong = [number for number, line in enumerate(lines, 1) if line.strip() and not EMAIL.fullmatch(line.strip())]
    if wrong:
        numbers = ", ".join(map(str, wrong[:10]))
        raise LakehouseError(f"{file} has no e-mail address in line {numbers}. Nothing was changed.")
    found = list(dict.fromkeys(address(line) for line in lines if line.strip()))
    if not found:
        raise LakehouseError(f"{file} holds no e-mail address. Nothing was changed.")
    return found


def address(text: str) -> str:
    """Return an e-mail address as it is compared; raise an error if it is none."""
    email = canonical(text)
    if not EMAIL.fullmatch(email):
        raise LakehouseError(
            "EMAIL is not an e-mail address; nothing was changed. Type: make forget EMAIL=name@example.org"
        )
    return email


def summary(report: dict[str, Any]) -> list[str]:
    """Return a report in lines for people."""
    erased, verification = report["erased"], report["verification"]
    if not erased["found"]:
        lines = ["Nothing was found."]
    else:
        records = {f"lines of {table}": counts["rows"] for table, counts in erased["landing"].items()}
        records["lines of quarantine"] = erased["quarantine"]["rows"]
        records |= {f"rows of {table}": counts["rows"] for table, counts in erased["tables"].items()}
        lines = [f"{'Found' if report['dry_run'] else 'Erased'} {sum(records.values()):,} records:"]
        lines += [f"  {number:>7,} {what}" for what, number in records.items()]
        lines += [f"  {erased['query_results']['objects_deleted']:>7,} query results"]
        lines += [f"  {erased['log_streams']:>7,} log streams"]
    lines += [
        f"Kept, since other customers have the same: {number} x {kind}"
        for kind, number in erased["kept_because_shared"].items()
    ]
    if refusals := erased.get("refusals_kept"):
        lines.append(f"Kept, by pseudonym: the refusal of an owner of {len(refusals)} Step Trainers of others")
    if verification:
        lines.append(
            f"Verified: not in {verification['objects']:,} versions of objects, {verification['bytes']:,} bytes, "
            f"nor in {verification['log_streams']:,} log streams."
        )
        if verification["accepted"]:
            lines.append(f"Not looked into, as accepted: {verification['accepted']:,} objects.")
    return lines
