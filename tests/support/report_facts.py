"""Facts of a run, as lakehouse.run_report.facts collects them, for tests of the page."""

from __future__ import annotations

import math
from typing import Any

RUN = "wr_0123456789abcdef"
CARD = """---
pretty_name: STEDI step training data
---

# STEDI step training data

Purpose: to train a detector of steps.

## Consent

Consent policy: profile `published`.

| Policy | Value |
| --- | --- |
| training_match | timestamp |
"""
PUBLISHED_AT = 1_795_714_922_000
TABLES = {
    "customer_trusted": ("trusted", 482, 46_118),
    "accelerometer_trusted": ("trusted", 40_981, 512_400),
    "customers_curated": ("curated", 464, 45_020),
    "step_trainer_trusted": ("trusted", 14_460, 98_304),
    "machine_learning_curated": ("curated", 43_681, 602_112),
}
COLUMNS = {
    "customer_trusted": [("email", "string", "Customer key: e-mail address of the account.", "yes")],
    "accelerometer_trusted": [
        ("user", "string", "E-mail address of the customer.", "yes"),
        ("timestamp", "long", "Time of the measurement, epoch milliseconds, UTC.", "no"),
        ("x", "double", "Movement along the x axis of the phone; the source states no unit.", "no"),
    ],
    "customers_curated": [("email", "string", "Customer key, or its pseudonym.", "yes")],
    "step_trainer_trusted": [
        ("serialnumber", "string", "Serial number of the Step Trainer.", "yes"),
        ("distancefromobject", "int", "Distance to the object; the source states no unit.", "no"),
    ],
    "machine_learning_curated": [
        ("sensorreadingtime", "long", "Time of the measurement, epoch milliseconds, UTC.", "no"),
        ("distancefromobject", "int", "Distance to the object; the source states no unit.", "no"),
        ("x", "double", "Movement along the x axis of the phone; the source states no unit.", "no"),
        ("subjectkey", "string", "Pseudonym of the customer.", "pseudonym"),
    ],
}
LIMITS = {"timestamp": (1655296571764, 1655562444194), "sensorreadingtime": (1655296571764, 1655562444194)}
ACCOUNTS: list[tuple[str, str, int, int, dict[str, int], dict[str, int]]] = [
    (
        "customer_landing",
        "customer_trusted",
        956,
        482,
        {"no consent": 470, "exact duplicate": 2},
        {"no e-mail address": 2},
    ),
    (
        "accelerometer_landing",
        "accelerometer_trusted",
        81_273,
        40_981,
        {"not a trusted customer": 40_288, "exact duplicate": 4},
        {},
    ),
    ("customer_trusted", "customers_curated", 482, 464, {"no accelerometer reading": 18}, {}),
    ("step_trainer_landing", "step_trainer_trusted", 28_680, 14_460, {"not a curated Step Trainer": 14_220}, {}),
    ("step_trainer_trusted", "machine_learning_curated", 14_460, 14_460, {}, {}),
    ("accelerometer_trusted", "machine_learning_curated", 40_981, 40_981, {}, {}),
]


def facts() -> dict[str, Any]:
    """Return facts with every kind of content."""
    jobs = [f"{name}_job" for name in TABLES]
    return {
        "run": {
            "run_id": RUN,
            "status": "SUCCEEDED",
            "profile": "published",
            "seconds": 48.2,
            "dpu_seconds": 600,
            "warnings": [],
            "database": "stedi_test",
            "policies": {"training_match": "timestamp"},
            "published_at": PUBLISHED_AT,
            "made_at": PUBLISHED_AT + 60_000,
        },
        "landing": [{"name": source, "rows": read} for source, _, read, *_ in ACCOUNTS if source.endswith("_landing")],
        "tables": [_table(name) for name in TABLES],
        "accounts": [
            {"table": source, "target": target, "read": read, "published": kept, "dropped": dropped, "quarantined": bad}
            for source, target, read, kept, dropped, bad in ACCOUNTS
        ],
        "jobs": [
            {"name": name, "state": "SUCCEEDED", "seconds": 8.0 + at, "dpu_seconds": 120}
            for at, name in enumerate(jobs)
        ],
        "profiles": [
            _profile("published", "this run", {name: rows for name, (_, rows, _) in TABLES.items()}),
            _profile("strict", "", {}),
        ],
        "pairs": {"rows": 43_681, "paired": 43_681, "two_people": 2_700, "by_policy": False},
        "card": CARD,
    }


def _profile(name: str, source: str, rows: dict[str, int]) -> dict[str, Any]:
    match = "timestamp" if name == "published" else "timestamp_and_customer"
    return {
        "name": name,
        "description": f"the profile {name}",
        "policies": {"training_match": match},
        "source": source,
        "rows": rows,
    }


def _table(name: str) -> dict[str, Any]:
    zone, rows, size = TABLES[name]
    history = [
        {
            "snapshot_id": str(at),
            "at": PUBLISHED_AT - (3 - at) * 86_400_000,
            "run_id": f"wr_{at}",
            "profile": "published",
            "rows": rows - (3 - at) * rows // 50,
            "bytes": size - (3 - at) * size // 50,
            "files": 1,
        }
        for at in range(4)
    ]
    return {
        "name": name,
        "zone": zone,
        "description": f"What {name} holds.",
        "published": True,
        "snapshot_id": "3",
        "rows": rows,
        "bytes": size,
        "files": 1,
        "before": history[2],
        "history": history,
        "columns": [_column(rows, *column) for column in COLUMNS[name]],
        "made_from": {"customer_trusted": "17"} if name == "customers_curated" else {},
        "read": {"customer_trusted": 482},
        "rules": [
            {"name": f"every row of {name} is complete", "policies": {}, "implied": False, "applies": True},
            {"name": "no row is missing", "policies": {}, "implied": True, "applies": True},
            {"name": "a rule of strict", "policies": {"training_match": "other"}, "implied": False, "applies": False},
        ],
    }


def _column(rows: int, name: str, kind: str, comment: str, personal: str) -> dict[str, Any]:
    unit = "ms since 1970, UTC" if "epoch" in comment else "unknown" if "no unit" in comment else ""
    column: dict[str, Any] = {"name": name, "type": kind, "comment": comment, "unit": unit, "personal": personal}
    column |= {"nulls": 0, "null_share": 0.0}
    if personal == "no":
        low, high = LIMITS.get(name, (-4.0, 4.0) if kind == "double" else (201, 300))
        weights = [math.exp(-(((at - 11.5) / 6) ** 2)) for at in range(24)]
        counts = [round(rows * weight / sum(weights)) for weight in weights]
        edges = [low + (high - low) * at / 24 for at in range(25)]
        column |= {"min": low, "max": high, "histogram": {"edges": edges, "counts": counts}}
    return column
