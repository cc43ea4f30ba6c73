"""The numbers of a run's report, counted again in plain Python: from the files of the tables and from pipeline_runs."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any

from tests.support.project import ICEBERG_TABLES, LANDING_TABLES, TABLES, Project


def check(project: Project, facts: dict[str, Any], ran: dict[str, Any]) -> None:
    """Compare all numbers of a report with what the tables hold now, which the run has published."""
    assert [table["name"] for table in facts["tables"]] == ICEBERG_TABLES
    assert {entry["name"]: entry["rows"] for entry in facts["landing"]} == {
        name: ran["tables"][name] for name in LANDING_TABLES
    }
    for table in facts["tables"]:
        _check_table(project, table)
    _check_accounts(project, facts, ran)
    _check_pairs(project, facts["pairs"])


def _check_table(project: Project, table: dict[str, Any]) -> None:
    name = table["name"]
    iceberg = project.iceberg(name)
    rows = iceberg.scan().to_arrow()
    files = iceberg.inspect.data_files().to_pylist()
    assert table["published"], name
    assert (table["rows"], table["files"]) == (rows.num_rows, len(files)), name
    assert table["bytes"] == sum(file["file_size_in_bytes"] for file in files), name
    assert table["snapshot_id"] == str(iceberg.current_snapshot().snapshot_id)
    assert [column["name"] for column in table["columns"]] == rows.column_names, name
    for column in table["columns"]:
        values = rows.column(column["name"]).to_pylist()
        filled = [value for value in values if value is not None]
        assert column["nulls"] == len(values) - len(filled), (name, column["name"])
        assert column["null_share"] == (column["nulls"] / len(values) if values else None)
        described = next(each.doc for each in iceberg.schema().fields if each.name == column["name"])
        assert described == f"{column['comment']} Personal data: {column['personal']}.", (name, column["name"])
        if column["personal"] != "no" or not filled or isinstance(filled[0], str):
            assert not column.keys() & {"min", "max", "histogram"}, (name, column["name"])
            continue
        low, high = min(filled), max(filled)
        assert (column["min"], column["max"]) == (low, high), (name, column["name"])
        edges, counts = column["histogram"]["edges"], column["histogram"]["counts"]
        assert (edges[0], math.isclose(edges[-1], high)) == (low, True)
        assert sum(counts) == len(filled)
        if len(counts) > 1:
            width = (high - low) / len(counts)
            again = Counter(min(int((value - low) / width), len(counts) - 1) for value in filled)
            assert counts == [again[position] for position in range(len(counts))], (name, column["name"])


def _check_accounts(project: Project, facts: dict[str, Any], ran: dict[str, Any]) -> None:
    runs = project.table("pipeline_runs", "STEDI_AUDIT_DATABASE").to_pylist()
    recorded: Counter[tuple[str, str, str, str]] = Counter()
    for row in runs:
        if row["workflow_run_id"] == ran["run_id"] and row["source_table"]:
            recorded[row["source_table"], row["target_table"], row["outcome"], row["reason"]] += row["rows"]
    shown: Counter[tuple[str, str, str, str]] = Counter()
    for account in facts["accounts"]:
        place = (account["table"], account["target"])
        shown[*place, "read", ""] += account["read"]
        shown[*place, "published", ""] += account["published"]
        for outcome in ("dropped", "quarantined"):
            for reason, count in account[outcome].items():
                shown[*place, outcome, reason] += count
    assert +shown == +recorded
    assert {account["table"] for account in facts["accounts"]} == {
        source for table in TABLES.values() for source in table.get("accounts_for", [])
    }
    assert [(job["name"], job["seconds"], job["dpu_seconds"]) for job in facts["jobs"]] == [
        (job["name"], job["seconds"], job["dpu_seconds"]) for job in ran["jobs"]
    ]


def _check_pairs(project: Project, pairs: dict[str, Any]) -> None:
    """Pair the readings of the same millisecond, and look up whether the customer owns the Step Trainer."""
    owned = {
        (row["email"].strip().casefold(), row["serialnumber"]) for row in project.table("customer_trusted").to_pylist()
    }
    moved: dict[int, list[str]] = {}
    for row in project.table("accelerometer_trusted").to_pylist():
        moved.setdefault(row["timestamp"], []).append(row["user"].strip().casefold())
    found = [
        (user, row["serialnumber"]) in owned
        for row in project.table("step_trainer_trusted").to_pylist()
        for user in moved.get(row["sensorreadingtime"], [])
    ]
    assert (pairs["paired"], pairs["two_people"]) == (len(found), found.count(False))
    assert pairs["paired"] == project.table("machine_learning_curated").num_rows == pairs["rows"]


def personal_values(project: Project) -> set[str]:
    """Return every name, address, phone number, birthday and serial number that has landed."""
    folder = project.root / "build/local/sample/customer/landing"
    keys = ("customerName", "email", "phone", "birthDay", "serialNumber")
    records = [json.loads(line) for file in folder.iterdir() for line in file.read_text().splitlines()]
    return {str(record[key]) for record in records for key in keys if record.get(key)}
