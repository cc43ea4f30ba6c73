"""Has a person forgotten by the Glue job that can: makes the request, starts the job's runs, fetches the report."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakehouse.errors import LakehouseError
from lakehouse.terraform import Outputs
from lakehouse.workflow import SUCCEEDED, JobRun

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_s3 import S3Client

EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
REQUESTS = "forget/requests/"
REPORTS = "forget/reports/"
RUNS = 2  # what a request takes: see glue_jobs/forget.py


@dataclass(frozen=True)
class Forgetting:
    """The Glue job of an environment that forgets people."""

    glue: GlueClient
    s3: S3Client
    outputs: Outputs
    pause: float
    operation: str
    """Whose lease the job takes on."""

    def request(self, email: str, new: str | None = None) -> tuple[str, bool]:
        """Return the id of the request for a person, and whether an earlier one is taken up that was never finished.

        The address stands in the request only: what a job run is told, Glue keeps. A new request gets the id `new`, or
        a random one.
        """
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.outputs.bucket, Prefix=REQUESTS):
            for item in page.get("Contents", []):
                content = self.s3.get_object(Bucket=self.outputs.bucket, Key=item["Key"])["Body"].read()
                if json.loads(content).get("email") == email:
                    return item["Key"].removeprefix(REQUESTS).removesuffix(".json"), True
        request = new or uuid.uuid4().hex
        body = json.dumps({"email": email}).encode()
        self.s3.put_object(Bucket=self.outputs.bucket, Key=f"{REQUESTS}{request}.json", Body=body)
        return request, False

    def run(self, request: str, *, dry_run: bool, on_change: Callable[[JobRun], None]) -> dict[str, Any]:
        """Start runs of the job until it has written the report, and return that."""
        for _ in range(RUNS):
            arguments = {"--request": request, "--dry_run": str(dry_run).lower(), "--lease": self.operation}
            try:
                run = self.glue.start_job_run(JobName=self.outputs.forget_job, Arguments=arguments)["JobRunId"]
            except self.glue.exceptions.ConcurrentRunsExceededException as error:
                raise LakehouseError("Somebody else has just started to forget a person. Wait for its end.") from error
            ended = self._follow(run, on_change)
            if ended.state != SUCCEEDED:
                raise LakehouseError(
                    f"Request {request} is not done, {ended.state}: {ended.message or 'the job left no message.'}\n"
                    "The same command takes it up again."
                )
            report = self._report(request)
            if report is not None and report["dry_run"] == dry_run:  # else it is an earlier look's
                return report
        raise LakehouseError(f"Request {request} left no report after {RUNS} runs of {self.outputs.forget_job}.")

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


def address(text: str) -> str:
    """Return an e-mail address as it is compared; raise an error if it is none."""
    email = text.strip().lower()
    if not EMAIL.fullmatch(email):
        raise LakehouseError(
            "EMAIL is not an e-mail address; nothing was changed. Type: make forget EMAIL=name@example.org"
        )
    return email


def summary(report: dict[str, Any]) -> list[str]:
    """Return a report in lines for people."""
    erased, verification = report["erased"], report["verification"]
    if not erased["found"]:
        lines = ["Nothing of this person was found."]
    else:
        records = {f"lines of {table}": counts["rows"] for table, counts in erased["landing"].items()}
        records["lines of quarantine"] = erased["quarantine"]["rows"]
        records |= {f"rows of {table}": counts["rows"] for table, counts in erased["tables"].items()}
        lines = [f"{'Found' if report['dry_run'] else 'Erased'} {sum(records.values()):,} records of this person:"]
        lines += [f"  {number:>7,} {what}" for what, number in records.items()]
        lines += [f"  {erased['query_results']['objects_deleted']:>7,} query results"]
    lines += [
        f"Kept, since other customers have the same: {number} x {kind}"
        for kind, number in erased["kept_because_shared"].items()
    ]
    if refusals := erased.get("refusals_kept"):
        lines.append(f"Kept, by pseudonym: the refusal of an owner of {len(refusals)} Step Trainers of others")
    if verification:
        lines.append(
            f"Verified: not in {verification['objects']:,} versions of objects, {verification['bytes']:,} bytes."
        )
    return lines
