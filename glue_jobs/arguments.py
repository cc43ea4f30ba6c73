"""What a job is told on its command line."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import get_args

from policies import PROFILES, Policies


@dataclass(frozen=True)
class Arguments:
    """The arguments of one job run."""

    database: str
    bucket: str
    profile: str
    policies: Policies
    job_name: str
    job_run_id: str
    workflow_run_id: str


def parse(argv: Sequence[str]) -> Arguments:
    """Read `--key value` pairs; what a job does not know, Glue's own arguments among them, it leaves alone.

    A missing or unknown value ends the process with status 2 and a message that lists the allowed ones.
    """
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--database", required=True)
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--profile", default="published", choices=PROFILES)
    for policy in fields(Policies):
        parser.add_argument(f"--{policy.name}", choices=get_args(policy.type))
    parser.add_argument("--JOB_NAME", default="")
    parser.add_argument("--JOB_RUN_ID", default="")
    parser.add_argument("--WORKFLOW_RUN_ID", default="")
    given, _ = parser.parse_known_args(argv)

    overrides = {policy.name: value for policy in fields(Policies) if (value := getattr(given, policy.name))}
    return Arguments(
        database=given.database,
        bucket=given.bucket,
        profile=given.profile,
        policies=replace(PROFILES[given.profile], **overrides),
        job_name=given.JOB_NAME,
        job_run_id=given.JOB_RUN_ID,
        workflow_run_id=given.WORKFLOW_RUN_ID,
    )
