"""Whether a step of a resumed run has its table already: read from the catalog, since starting Spark takes longer."""

import json
from typing import Any
from urllib.parse import urlsplit

import boto3

import lineage
import pipeline
from problems import BadInputError


class AlreadyWrittenError(Exception):
    """The table of the job is on the branch of the run that this run resumes; the job ends at once."""


def is_written(database: str, table: str, *, run_id: str, branch: str, resumes_from: str) -> bool:
    """Tell whether a step comes before the first one to repeat; raise a BadInputError if its table is not there.

    The table is on the branch of the run, or published by the run, if it was killed while it published.
    """
    steps = [pipeline.TABLES[name]["job"] for name in pipeline.WRITTEN]
    if resumes_from not in steps or steps.index(pipeline.TABLES[table]["job"]) >= steps.index(resumes_from):
        return False
    found = _metadata(database, table)
    refs, main = found.get("refs", {}), found.get("current-snapshot-id")
    reports = {each["snapshot-id"]: lineage.report(each.get("summary", {})) for each in found.get("snapshots", [])}
    on_branch = refs.get(branch, {}).get("type") == "branch"
    if on_branch or reports.get(main, {}).get("workflow-run-id") == run_id:
        return True
    raise BadInputError(
        f"{table} is no longer on the branch of the run {run_id}: a later run or an erasure has discarded it. Nothing "
        "was published. Run the whole pipeline: make run-pipeline"
    )


def _metadata(database: str, table: str) -> dict[str, Any]:
    """Return the current metadata of an Iceberg table."""
    described = boto3.client("glue").get_table(DatabaseName=database, Name=table)["Table"]
    place = urlsplit(described["Parameters"]["metadata_location"])
    answer = boto3.client("s3").get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))
    metadata: dict[str, Any] = json.loads(answer["Body"].read())
    return metadata
