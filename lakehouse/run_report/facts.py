"""Collects what the report shows of a run: from run.json, from the summaries of the snapshots, and by Athena.

Only numbers and names of the project leave this module: no value of a personal column, of a pseudonym or of a text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyiceberg.exceptions import NoSuchIcebergTableError, NoSuchTableError

from lakehouse import audit_rules, card_copy, lineage, report, tables
from lakehouse.athena import Athena
from lakehouse.dataset_card import TRAINING
from lakehouse.errors import LakehouseError
from lakehouse.run_report import queries
from lakehouse.run_report.queries import Column

if TYPE_CHECKING:
    import boto3
    from pyiceberg.table import Table
    from pyiceberg.table.snapshots import Snapshot

    from lakehouse.terraform import Outputs

PERSONAL = re.compile(r"\s*Personal data: (yes|no|pseudonym)\.$")
UNITS = {"epoch milliseconds, UTC": "ms since 1970, UTC", "the source states no unit": "unknown"}
"""Unit of a column, by what its comment says."""

Facts = dict[str, Any]


def collect(session: boto3.Session, outputs: Outputs, run: Mapping[str, Any], ddl: Path, sample: Path | None) -> Facts:
    """Return all facts about a run, ready for JSON.

    Args:
        session: AWS session of the environment.
        outputs: Terraform's outputs.
        run: The content of run.json.
        ddl: Folder of the contracts and rules.
        sample: Folder of landing data with expected.json, if the run may have read it.

    """
    catalog = tables.catalog_of(session)
    found = {}
    for name in tables.TABLE_OF_JOB.values():
        try:
            found[name] = catalog.load_table((outputs.database, name))
        except (NoSuchTableError, NoSuchIcebergTableError) as error:
            raise LakehouseError(f"There is no table {outputs.database}.{name}, so there is no report.") from error
    own = {name: snapshot for name, table in found.items() if (snapshot := _of_run(table, run["run_id"]))}
    policies = _policies(own)
    # The profile may have been applied anew since the run, which a run.json that is made later cannot know.
    run = {**run, "profile": next((_report(snapshot).get("profile") for snapshot in own.values()), run["profile"])}
    athena = Athena.of(session, outputs)
    shown = []
    for name, table in found.items():
        contents = None
        if name in own:
            source = queries.snapshot(outputs.database, name, own[name].snapshot_id)
            contents = _columns(source, columns_of(table), athena)
        text = (ddl / f"{name}.audit.sql").read_text(encoding="utf-8")
        shown.append(_table(name, table, own.get(name), contents) | {"rules": rules_of(text, policies)})
    return {
        "run": {key: run.get(key) for key in ("run_id", "status", "profile", "seconds", "dpu_seconds", "warnings")}
        | {
            "database": outputs.database,
            "policies": policies,
            "published_at": max((snapshot.timestamp_ms for snapshot in own.values()), default=None),
            "made_at": int(datetime.now(UTC).timestamp() * 1000),
        },
        "landing": [
            {"name": name, "rows": run["tables"].get(name)} for name in tables.ZONES["landing"] if run["tables"]
        ],
        "tables": shown,
        "accounts": _accounts(run),
        "jobs": [{key: job[key] for key in ("name", "state", "seconds", "dpu_seconds")} for job in run["jobs"]],
        "profiles": _profiles(run, found, sample),
        "pairs": _pairs(own.get(TRAINING), policies, shown),
        "card": card_copy.of_run(session, outputs, run["run_id"]),
    }


def unit(comment: str) -> str:
    """Return the unit that a column's comment states; empty if it is no measurement."""
    return next((unit for said, unit in UNITS.items() if said in comment), "")


def columns_of(table: Table) -> list[Column]:
    """Return the columns of a table, with what their comments say about personal data; unmarked counts as personal."""
    found = []
    for column in table.schema().fields:
        comment = column.doc or ""
        mark = PERSONAL.search(comment)
        found.append(Column(column.name, str(column.field_type), PERSONAL.sub("", comment), mark[1] if mark else "yes"))
    return found


def _of_run(table: Table, run_id: str) -> Snapshot | None:
    """Return the snapshot that a run published; None if it published none, or it has expired."""
    published = {entry.snapshot_id for entry in table.history()}
    own = [each for each in table.snapshots() if _report(each).get("workflow-run-id") == run_id]
    return next((each for each in reversed(own) if each.snapshot_id in published), None)


def _report(snapshot: Snapshot) -> dict[str, str]:
    return lineage.report(snapshot.summary.additional_properties if snapshot.summary else {})


def _policies(own: Mapping[str, Snapshot]) -> dict[str, str]:
    """Return the policies of the run, which each of its snapshots has."""
    for snapshot in own.values():
        policies: dict[str, str] = json.loads(_report(snapshot).get("policies", "{}"))
        return policies
    return {}


def _size(snapshot: Snapshot) -> dict[str, int]:
    summary = snapshot.summary.additional_properties if snapshot.summary else {}
    names = {"rows": "total-records", "bytes": "total-files-size", "files": "total-data-files"}
    return {name: int(summary.get(key, 0)) for name, key in names.items()}


def rules_of(text: str, policies: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the rules of an audit file, and which of them a run with these policies has to pass."""
    return [
        {
            "name": rule.name,
            "policies": dict(rule.policies),
            "implied": rule.implied,
            "applies": rule.holds_with(policies),
        }
        for rule in audit_rules.rules(text)
    ]


def _table(name: str, table: Table, own: Snapshot | None, contents: list[Facts] | None) -> Facts:
    """Return a table as the run published it; `contents` are its columns, as far as they were counted."""
    declared = tables.declared("pipeline.json")["tables"][name]
    history, told = _history(table), _report(own) if own else {}
    return {
        "name": name,
        "zone": declared["zone"],
        "description": declared["description"],
        "published": own is not None,
        "snapshot_id": str(own.snapshot_id) if own else None,
        **(_size(own) if own else {"rows": None, "bytes": None, "files": None}),
        "before": _before(history, own),
        "history": history,
        "columns": contents or [_described(column) for column in columns_of(table)],
        "made_from": {source: str(found) for source, found in lineage.inputs(told).items()},
        "read": {
            source.removeprefix("rows-read."): int(rows)
            for source, rows in told.items()
            if source.startswith("rows-read.")
        },
    }


def _history(table: Table) -> list[Facts]:
    """Return the published snapshots that there still are, oldest first."""
    snapshots = {snapshot.snapshot_id: snapshot for snapshot in table.snapshots()}
    published = [snapshots[entry.snapshot_id] for entry in table.history() if entry.snapshot_id in snapshots]
    return [
        {
            "snapshot_id": str(snapshot.snapshot_id),
            "at": snapshot.timestamp_ms,
            "run_id": _report(snapshot).get("workflow-run-id", ""),
            "profile": _report(snapshot).get("profile", ""),
            **_size(snapshot),
        }
        for snapshot in published
        if "rows-out" in _report(snapshot)  # else it is empty: that of the creation, or a step of an erasure
    ]


def _before(history: Sequence[Facts], own: Snapshot | None) -> Facts | None:
    """Return the publication before that of the run."""
    ids = [entry["snapshot_id"] for entry in history]
    if own is None or str(own.snapshot_id) not in ids:
        return None
    position = ids.index(str(own.snapshot_id))
    return history[position - 1] if position else None


def _described(column: Column) -> Facts:
    return {
        "name": column.name,
        "type": column.type,
        "comment": column.comment,
        "unit": unit(column.comment),
        "personal": column.personal,
    }


def _columns(source: str, columns: Sequence[Column], athena: Athena) -> list[Facts]:
    """Return the columns with null share and, if they may be shown, limits and histogram."""
    names, values = _one_row(athena, queries.summary(source, columns))
    counted = dict(zip(names, values, strict=True))
    rows = int(counted["rows_"] or 0)
    found, limits = [], {}
    for number, column in enumerate(columns):
        filled = int(counted[f"n{number}"] or 0)
        described = _described(column) | {
            "nulls": rows - filled,
            "null_share": (rows - filled) / rows if rows else None,
        }
        if column.shown and filled:
            low, high = (_number(counted[f"{limit}{number}"]) for limit in ("min", "max"))
            described |= {"min": low, "max": high}
            limits[column.name] = (low, high)
        found.append(described)
    if limits:
        bins = {name: [0] * (len(queries.edges(*limit)) - 1) for name, limit in limits.items()}
        for name, position, count in athena.query(queries.histograms(source, limits)).rows:
            bins[str(name)][int(position or 0)] += int(count or 0)
        for described in found:
            if described["name"] in limits:
                edges = queries.edges(*limits[described["name"]])
                described["histogram"] = {"edges": edges, "counts": bins[described["name"]]}
    return found


def _number(text: str | None) -> float:
    return float(text or 0) if "." in str(text) or "e" in str(text).lower() else int(text or 0)


def _one_row(athena: Athena, sql: str) -> tuple[Sequence[str], Sequence[str | None]]:
    answer = athena.query(sql)
    return answer.columns, next(iter(answer.rows))


def _accounts(run: Mapping[str, Any]) -> list[Facts]:
    """Return how many rows each step read from each source, and what happened to them."""
    target = {
        source: table for job, table in tables.TABLE_OF_JOB.items() for source in tables.ACCOUNTED_FOR[job]
    }  # one step accounts for each source
    return [account | {"target": target[account["table"]]} for job in run["jobs"] for account in job["accounts"]]


def _profiles(run: Mapping[str, Any], found: Mapping[str, Table], sample: Path | None) -> list[Facts]:
    """Return each profile with its policies and the rows that it gives, where they are known, and from where."""
    declared = tables.declared("policies.json")
    defaults = {name: next(iter(policy["values"])) for name, policy in declared["policies"].items()}
    known = _rows_of_other_runs(found) | _rows_of_sample(run, sample)
    known[run["profile"]] = ("this run", {name: run["tables"].get(name) for name in found})
    return [
        {
            "name": name,
            "description": profile["description"],
            "policies": defaults | profile["policies"],
            "source": known.get(name, ("", {}))[0],
            "rows": known.get(name, ("", {}))[1],
        }
        for name, profile in declared["profiles"].items()
    ]


def _rows_of_other_runs(found: Mapping[str, Table]) -> dict[str, tuple[str, dict[str, int]]]:
    """Return the rows of the latest run of each profile of which every table has a snapshot."""
    rows: dict[tuple[str, str], dict[str, int]] = {}
    for name, table in found.items():
        for entry in _history(table):
            rows.setdefault((entry["profile"], entry["run_id"]), {})[name] = entry["rows"]
    return {
        profile: (f"run {run_id}", counts)
        for (profile, run_id), counts in rows.items()
        if counts.keys() == found.keys()
    }


def _rows_of_sample(run: Mapping[str, Any], sample: Path | None) -> dict[str, tuple[str, dict[str, int]]]:
    """Return the rows that expected.json gives, if the run has read that data: all its counts are the same."""
    if sample is None or report.expected_rows(sample, run["profile"]) != run["tables"]:
        return {}
    expected = {profile: report.expected_rows(sample, profile) for profile in tables.PROFILES}
    return {
        profile: ("expected of the sample", {name: counts[name] for name in tables.TABLE_OF_JOB.values()})
        for profile, counts in expected.items()
        if counts
    }


def _pairs(own: Snapshot | None, policies: Mapping[str, str], shown: Sequence[Facts]) -> Facts | None:
    """Return how many training rows pair readings, and how many of two people, as the job has recorded it."""
    recorded = _report(own).get(lineage.OF_TWO_PEOPLE) if own else None
    if own is None or recorded is None:
        return None
    table = next(table for table in shown if table["name"] == TRAINING)
    movement = next(column for column in table["columns"] if column["name"] == "x")
    return {
        "rows": table["rows"],
        "paired": table["rows"] - movement["nulls"],
        "two_people": int(recorded),
        "by_policy": policies.get("training_match") == "timestamp_and_customer",
    }
