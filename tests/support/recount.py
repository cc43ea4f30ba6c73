"""What landing data gives under each profile, counted the naive way from the files: nested loops and no cleverness.

Nothing here is shared with the generator or with the jobs, so that the three can be held against each other.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def read(folder: Path, entity: str) -> list[Row]:
    """Return an entity's rows with keys in lower case."""
    lines = [
        line.strip().removesuffix(",")
        for file in sorted((folder / entity / "landing").glob("*.json"))
        for line in file.read_text().splitlines()
    ]
    return [{key.lower(): value for key, value in json.loads(line).items()} for line in lines if line]


def distinct(rows: list[Row]) -> list[Row]:
    """Drop rows that are equal in every column."""
    return list({json.dumps(row, sort_keys=True): row for row in rows}.values())


def recount(folder: Path, profile: str) -> dict[str, int]:
    """Return the rows of all eight tables."""
    strict, since_consent = profile == "strict", profile != "published"
    customers, movements, steps = (read(folder, entity) for entity in ("customer", "accelerometer", "step_trainer"))
    now = int(time.time() * 1000)

    def agreed(record: Row) -> bool:
        consent = record.get("sharewithresearchasofdate")
        return consent not in (None, 0, "") and consent <= now

    records = distinct(customers)
    if strict:
        latest: dict[str, Row] = {}
        for record in sorted(records, key=lambda record: (record["lastupdatedate"], record["registrationdate"])):
            latest[record["email"]] = record
        records = list(latest.values())
    trusted = [record for record in records if agreed(record)]
    consent: dict[str, int] = {}
    for record in trusted:
        date = record["sharewithresearchasofdate"]
        consent[record["email"]] = min(date, consent.get(record["email"], date))

    trusted_movements = [
        row
        for row in distinct(movements)
        if row["user"] in consent and (not since_consent or row["timestamp"] >= consent[row["user"]])
    ]
    movers = {row["user"] for row in trusted_movements}
    curated = [record for record in trusted if record["email"] in movers]

    owned = {(record["email"], record["serialnumber"]) for record in curated}
    serials = {serial for _, serial in owned}
    owners: dict[str, set[str]] = {}
    for record in customers:
        owners.setdefault(record["serialnumber"], set()).add(record["email"])
    if strict:
        serials = {serial for serial in serials if owners[serial] <= consent.keys()}
    trusted_steps = [
        row
        for row in distinct(steps)
        if row["serialnumber"] in serials
        and (not strict or row["sensorreadingtime"] >= max(consent[email] for email in owners[row["serialnumber"]]))
    ]

    moved_at: dict[int, list[str]] = {}
    for row in trusted_movements:
        moved_at.setdefault(row["timestamp"], []).append(row["user"])
    training = 0
    for row in trusted_steps:
        users = moved_at.get(row["sensorreadingtime"], [])
        if strict:
            users = [user for user in users if (user, row["serialnumber"]) in owned]
        training += len(users) or (1 if profile == "consent_date" else 0)

    return {
        "customer_landing": len(customers),
        "accelerometer_landing": len(movements),
        "step_trainer_landing": len(steps),
        "customer_trusted": len(trusted),
        "accelerometer_trusted": len(trusted_movements),
        "step_trainer_trusted": len(trusted_steps),
        "customers_curated": len(curated),
        "machine_learning_curated": training,
    }
