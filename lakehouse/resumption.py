"""Whether a failed run can continue from its failed job: only with the inputs that it began with.

The jobs that succeeded have left their tables on the branch of the run. A rerun continues on that branch, under the id
of the run. It is refused if what those tables were made from is not what the other jobs would read now.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3

from lakehouse import aws, landing, lineage, tables
from lakehouse.errors import LakehouseError
from lakehouse.history import Attempt, Run
from lakehouse.run_facts import landing_state
from lakehouse.run_ids import short
from lakehouse.s3_root import split
from lakehouse.tables import TABLE_OF_JOB
from lakehouse.terraform import Outputs
from lakehouse.workflow import SUCCEEDED

STEPS = tuple(TABLE_OF_JOB)


@dataclass(frozen=True)
class TableState:
    """What a rerun needs to know of a table."""

    main: int | None = None
    """Snapshot that readers see; None before the first run."""
    main_run: str = ""
    """Run that published it."""
    branch: int | None = None
    """Snapshot on the branch of the failed run; None if there is no branch."""
    parent: int | None = None
    """Snapshot from which that branch began."""
    policies: Mapping[str, str] = field(default_factory=dict)
    """Policies that the failed run made the table with."""


@dataclass(frozen=True)
class Inputs:
    """What the jobs would read now."""

    policies: Mapping[str, str]
    """Effective policies of the deployed jobs."""
    landing: Mapping[str, Mapping[str, Any]]
    """Files, bytes and digest by landing table."""
    tables: Mapping[str, TableState]


def first_step(attempts: Sequence[Attempt], run: Run) -> str:
    """Return the job from which a failed run has to continue: the first that has not succeeded.

    A job of all steps does not tell which of its steps failed. Each step records its rows before its audit, so the last
    step with such a record is the first that may have failed.
    """
    jobs = attempts[-1].jobs
    if set(jobs) & set(STEPS):
        return next(step for step in STEPS if step not in jobs or jobs[step].state != SUCCEEDED)
    recorded = [step for step in STEPS if TABLE_OF_JOB[step] in run.rows]
    return recorded[-1] if recorded else STEPS[0]


def refuse_what_cannot_continue(run_id: str, attempts: Sequence[Attempt], option: str) -> None:
    """Raise a LakehouseError unless a run has failed and was to publish."""
    if not attempts:
        raise LakehouseError(
            f"Glue no longer knows the run {short(run_id)}, so it cannot continue. Nothing was run. "
            f"Run the whole pipeline: make run-pipeline{option}"
        )
    last = attempts[-1]
    if last.facts.compares:
        raise LakehouseError(
            f"The run {short(run_id)} was only a comparison, which publishes nothing. Nothing was run. "
            f"Repeat it: make compare{option} PROFILES=..."
        )
    if last.state == SUCCEEDED:
        raise LakehouseError(
            f"The run {short(run_id)} succeeded, so there is nothing to repeat. Nothing was run. "
            f"For a new run: make run-pipeline{option}"
        )


def changes(run: Run, first: str, inputs: Inputs) -> list[str]:
    """Return a line for each input that is not what the succeeded jobs of a failed run read."""
    done = [TABLE_OF_JOB[step] for step in STEPS[: STEPS.index(first)]]
    if not done:
        return []  # every job runs again, and reads everything anew
    lines = []
    for table, now in inputs.landing.items():
        before = run.data.get(table)
        if before and before["digest"] != now["digest"]:
            lines.append(f"{table}: {before['files']:,} files then, {now['files']:,} now, or other contents")
    made_with = inputs.tables[done[0]].policies
    lines += [
        f"policy {name}: {then} then, {inputs.policies[name]} now"
        for name, then in made_with.items()
        if inputs.policies.get(name, then) != then
    ]
    for table in done:
        state = inputs.tables[table]
        if state.main_run == run.id:
            continue  # the run was killed while it published
        if state.branch is None:
            lines.append(f"{table}: a later run or an erasure has discarded what this run wrote")
        elif state.main is not None and state.main != state.parent:
            by = f" by {short(state.main_run)}" if state.main_run else ""
            lines.append(f"{table}: published again since{by}")
    return lines


def read_inputs(session: boto3.Session, outputs: Outputs, run_id: str) -> Inputs:
    """Return what the jobs of an environment would read now."""
    glue, s3 = session.client("glue", config=aws.CONFIG), session.client("s3", config=aws.CONFIG)
    job = next(iter(outputs.jobs.values()))
    bucket, root = split(outputs.bucket)
    places = {f"{entity}_landing": (bucket, f"{root}{landing.prefix(entity)}") for entity in landing.ENTITIES}
    return Inputs(
        effective_policies(glue.get_job(JobName=job)["Job"].get("DefaultArguments", {})),
        landing_state(s3, places),
        {table: _state(session, outputs.database, table, run_id) for table in TABLE_OF_JOB.values()},
    )


def effective_policies(arguments: Mapping[str, str]) -> dict[str, str]:
    """Return the policies that the default arguments of a job give: defaults, those of the profile, single ones."""
    declared = tables.declared("policies.json")
    defaults = {name: next(iter(policy["values"])) for name, policy in declared["policies"].items()}
    profile = declared["profiles"][arguments.get("--profile", tables.PROFILES[0])]["policies"]
    return {**defaults, **profile, **json.loads(arguments.get("--policies", "{}"))}


def branch_of(run_id: str) -> str:
    """Return the branch that the jobs of a workflow run write to, named as glue_jobs/shared/iceberg.py does."""
    return "run_" + re.sub(r"\W", "_", run_id)


def _state(session: boto3.Session, database: str, name: str, run_id: str) -> TableState:
    table = tables.catalog_of(session).load_table((database, name))
    main = table.current_snapshot()
    ref = table.refs().get(branch_of(run_id))
    branch = table.snapshot_by_id(ref.snapshot_id) if ref and ref.snapshot_ref_type == "branch" else None

    def report(snapshot: Any) -> dict[str, str]:
        properties = snapshot.summary.additional_properties if snapshot and snapshot.summary else {}
        return lineage.report(properties)

    of_run = branch or main
    return TableState(
        main=main.snapshot_id if main else None,
        main_run=report(main).get("workflow-run-id", ""),
        branch=branch.snapshot_id if branch else None,
        parent=branch.parent_snapshot_id if branch else None,
        policies=json.loads(report(of_run).get("policies", "{}")),
    )
