"""Command line arguments of a pipeline job.

Terraform always sets the limits; a test checks that their defaults here equal those in terraform/variables.tf.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import policies
from policies import PROFILES, Policies
from training_split import Shares


@dataclass(frozen=True)
class QuarantineLimit:
    """How many rows of a landing table may be unusable before the job stops."""

    share: float = 0.01
    """Share of the rows read, 0 to 1."""
    rows: int = 1000


@dataclass(frozen=True)
class RowCountChange:
    """How far the rows of a table may change from one run to the next with the same policies."""

    drop: float = 0.5
    """Largest share of rows that may be lost, 0 to 1."""
    growth: float = 10
    """Largest factor of growth."""


@dataclass(frozen=True)
class History:
    """How many runs the tables keep, and for how long; the current one stays in any case."""

    runs: int = 30
    days: int = 90


@dataclass(frozen=True)
class Arguments:
    """The arguments of one job run."""

    database: str
    bucket: str
    """Bucket of the lakehouse, with its prefix if it shares the bucket: see s3_root."""
    profile: str
    policies: Policies
    quarantine_limits: Mapping[str, QuarantineLimit]
    row_count_change: RowCountChange
    training_split: Shares
    history: History | None
    """How many earlier runs the tables keep; None if table optimizers see to it."""
    audit: str
    """How thorough the audit is, quick or exhaustive: see `audits.violations`."""
    subject_key_secret: str
    refusal_key_secret: str
    job_name: str
    job_run_id: str
    workflow_name: str
    workflow_run_id: str
    lease: str
    """Id of the operation that started the job outside a workflow; empty if the job run is its own operation."""

    def quarantine_limit(self, table: str) -> QuarantineLimit:
        """Return the limit of a landing table."""
        return self.quarantine_limits.get(table, QuarantineLimit())


def parse(argv: Sequence[str]) -> Arguments:
    """Parse `--key value` pairs; unknown arguments, such as those of Glue itself, are ignored.

    A missing or invalid value ends the process with status 2 and a message that lists the allowed values.
    """
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--database", required=True)
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--profile", default=next(iter(PROFILES)), choices=PROFILES)
    parser.add_argument("--policies", type=_policies, default={})
    parser.add_argument("--quarantine_limits", type=_quarantine_limits, default={})
    parser.add_argument("--row_count_change", type=_row_count_change, default=RowCountChange())
    parser.add_argument("--training_split", type=_training_split, default=Shares())
    parser.add_argument("--history", type=_history, default=History())
    parser.add_argument("--audit", default="quick", choices=("quick", "exhaustive"))
    parser.add_argument("--subject_key_secret", default="")
    parser.add_argument("--refusal_key_secret", default="")
    parser.add_argument("--JOB_NAME", default="")
    parser.add_argument("--JOB_RUN_ID", default="")
    parser.add_argument("--WORKFLOW_NAME", default="")
    parser.add_argument("--WORKFLOW_RUN_ID", default="")
    parser.add_argument("--lease", default="")
    given, _ = parser.parse_known_args(argv)

    return Arguments(
        database=given.database,
        bucket=given.bucket,
        profile=given.profile,
        policies=PROFILES[given.profile].replace(**given.policies),
        quarantine_limits=given.quarantine_limits,
        row_count_change=given.row_count_change,
        training_split=given.training_split,
        history=given.history,
        audit=given.audit,
        subject_key_secret=given.subject_key_secret,
        refusal_key_secret=given.refusal_key_secret,
        job_name=given.JOB_NAME,
        job_run_id=given.JOB_RUN_ID,
        workflow_name=given.WORKFLOW_NAME,
        workflow_run_id=given.WORKFLOW_RUN_ID,
        lease=given.lease,
    )


def _policies(text: str) -> dict[str, str]:
    """Read the policies that override those of the profile."""
    values = _json_object(text, '{"<policy>": "<value>"}')
    if wrong := policies.problem(values):
        raise argparse.ArgumentTypeError(wrong)
    return values


def _quarantine_limits(text: str) -> dict[str, QuarantineLimit]:
    return {
        table: QuarantineLimit(**limit) for table, limit in _json_object(text, '{"<table>": {"share", "rows"}}').items()
    }


def _row_count_change(text: str) -> RowCountChange:
    return RowCountChange(**_json_object(text, '{"drop", "growth"}'))


def _training_split(text: str) -> Shares:
    return Shares(**_json_object(text, '{"validation", "test"}'))


def _history(text: str) -> History | None:
    return None if text == "null" else History(**_json_object(text, '{"runs", "days"} or null'))


def _json_object(text: str, shape: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON of the shape {shape}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON of the shape {shape}")
    return value
