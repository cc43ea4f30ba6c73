"""The dataset card of the training table: what it holds, under which consent, and how to load it again.

It has the front matter of Hugging Face's dataset cards, numbers and names of columns, and no value of a person. The
jobs write it (see `published_card`); command line and jobs share this file: lakehouse/dataset_card.py links to it. It
needs neither Spark nor AWS.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

TRAINING: Final = "machine_learning_curated"
STEPS: Final = "training_steps"
"""The label, where there is one."""
FILE: Final = "dataset_card.md"
FACTS: Final = "dataset_card.json"
PREFIX: Final = "training/"
"""Of the objects that analysts may read, in the lakehouse's part of the bucket."""
COMPARED: Final = ("run", "rows", "subjects", "steps", "measured")
MEASURED: Final = ("distancefromobject", "x", "y", "z")
OUT_OF_DATE: Final = f"The dataset card could not be written, so {PREFIX}{FILE} is out of date"
PURPOSE: Final = (
    "Purpose: to train and test a detector of steps from the readings of a Step Trainer and a phone. Only customers "
    "who agreed to share their data for research are in it. It is not meant to find out who anyone is."
)
CUT_OFF: Final = (
    "Consent was judged as of the time of the run: a later consent or withdrawal takes effect with the next run."
)
NO_LABEL: Final = (
    "There is no label. The public STEDI data has no signal either: 18 distinct movements, and distances "
    "that are spread evenly."
)
SIZES: Final = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


@dataclass(frozen=True)
class Facts:
    """What a card says; as JSON it lies beside the card, and the next card is compared with it."""

    run: str
    """Id of the workflow run, or of the job run if the job ran outside a workflow."""
    made_at: str
    rows: int
    subjects: Mapping[str, int]
    """By split."""
    split_rows: Mapping[str, int]
    steps: int
    """Known steps: the label."""
    measured: Mapping[str, Sequence[float | None]]
    """Mean, standard deviation, minimum and maximum of each measured column."""
    values: Mapping[str, int] = field(default_factory=dict)
    """Number of the values of each measured column, with which the next card can add those of new rows."""
    columns: Sequence[tuple[str, str, str]] = ()
    """Name, type and comment of each column."""
    policies: Sequence[tuple[str, str, str]] = ()
    """Name, value and its meaning of each policy."""
    profile: str = ""
    exclusions: Sequence[tuple[str, str, int]] = ()
    """Source table, reason and number of the rows that were dropped or quarantined, in the order of the jobs."""
    duplicates: int = 0
    """Rows of all tables that were dropped since they equal another one."""
    of_two_people: int = 0
    shared_serial_numbers: int = 0
    snapshots: Mapping[str, int] = field(default_factory=dict)
    tag: str | None = None
    """Tag that still shows these rows; None if none does."""
    before: Mapping[str, Any] | None = None
    """Those facts of the run before that it is compared by; None if there is no card of it."""

    @classmethod
    def from_json(cls, text: str) -> Facts:
        """Return the facts of a card from their JSON."""
        return cls(**json.loads(text))

    def to_json(self) -> str:
        """Return the facts as JSON."""
        return json.dumps(asdict(self))


def last(text: str) -> Facts | None:
    """Return the facts of the last card from their JSON.

    None if they cannot be read: that must not keep the next card from being written.
    """
    try:
        return Facts.from_json(text)
    except (ValueError, TypeError):
        return None


def before(last: Facts | None, run: str) -> dict[str, Any] | None:
    """Return what a card compares its run with, given the last card; None if there is none or it is of the same run."""
    return {name: getattr(last, name) for name in COMPARED} if last and last.run != run else None


def objects(facts: Facts) -> list[tuple[str, str, str]]:
    """Return name below `PREFIX`, text and media type of the objects that are a card, in the order to write them."""
    return [(FILE, render(facts), "text/markdown; charset=utf-8"), (FACTS, facts.to_json(), "application/json")]


def render(facts: Facts) -> str:
    """Return the text of a card."""
    snapshots = [(name, str(id_)) for name, id_ in facts.snapshots.items()]
    sections = {
        "Columns": _table(
            ("Column", "Type", "Unit", "Meaning"),
            [(name, kind, _unit(about), about) for name, kind, about in facts.columns],
        ),
        "Consent": f"Consent policy: profile `{facts.profile}`. {CUT_OFF}\n\n"
        + _table(("Policy", "Value", "Meaning"), facts.policies),
        "Subjects and splits": _table(
            ("Split", "Subjects", "Rows"),
            [(name, facts.subjects[name], rows) for name, rows in facts.split_rows.items()],
        )
        + "\n\nNo subject is in two splits; `none` has the rows without a movement.",
        "Exclusions": _table(("Rows of", "Reason", "Rows"), facts.exclusions),
        "Known defects": f"- {facts.of_two_people:,} rows pair the step of one person with the movement of another.\n"
        f"- {facts.shared_serial_numbers:,} serial numbers belong to several customers.\n"
        f"- {facts.duplicates:,} exact duplicates were left out.",
        "Label": f"`training_steps` has {facts.steps:,} steps, by subject and time." if facts.steps else NO_LABEL,
        "Snapshots": f"{_table(('Table', 'Snapshot id'), snapshots)}\n\n{_reload(facts)}",
        "Drift": _drift(facts),
        "Cite and load": f"Cite as: STEDI step training data, run `{facts.run}`, "
        f"snapshot {facts.snapshots.get(TRAINING)}. docs/training.md says how to load it with pandas, "
        "Polars, DuckDB, Spark, awswrangler and Athena.",
    }
    grain = (
        f"Grain: one row per distance reading and accelerometer reading of the same millisecond; {facts.rows:,} rows. "
        f"Published by the run `{facts.run}`; this card was made at {facts.made_at}."
    )
    head = [_front(facts), "# STEDI step training data", PURPOSE, grain]
    return "\n\n".join([*head, *(f"## {title}\n\n{text}" for title, text in sections.items())]) + "\n"


def _front(facts: Facts) -> str:
    """Return the front matter: YAML of names that need no quotes."""
    size = next((name for limit, name in SIZES if facts.rows < limit), "n>1M")
    features = "\n".join(f"    - name: {name}\n      dtype: {_dtype(kind)}" for name, kind, _ in facts.columns)
    splits = "\n".join(
        f"    - name: {name}\n      num_examples: {rows}" for name, rows in facts.split_rows.items() if name != "none"
    )
    return (
        "---\npretty_name: STEDI step training data\nlicense: other\ntask_categories:\n  - tabular-classification\n"
        "tags:\n  - iceberg\n  - accelerometer\n  - step-detection\n"
        f"size_categories:\n  - {size}\ndataset_info:\n"
        f"  features:\n{features}\n  splits:{chr(10) + splits if splits else ' []'}\n---"
    )


def _reload(facts: Facts) -> str:
    if facts.tag:
        return (
            f"Load these rows again by the tag `{facts.tag}`, as long as no erasure or withdrawal takes rows from it."
        )
    return (
        "No tag shows these rows: an erasure, a withdrawal or a commit after the run took or changed some. A model "
        "that was trained on the rows of the run cannot be trained again."
    )


def _drift(facts: Facts) -> str:
    before = facts.before
    if not before:
        return "There is no card of an earlier run to compare with."
    rows: list[tuple[str, object, object]] = [
        ("rows", before["rows"], facts.rows),
        ("subjects", sum(before["subjects"].values()), sum(facts.subjects.values())),
        ("steps", before["steps"], facts.steps),
    ]
    for name, numbers in facts.measured.items():
        for what, then, now in zip(
            ("mean", "deviation"), before["measured"].get(name, [None, None]), numbers, strict=False
        ):
            rows.append((f"{name}, {what}", then, now))
    return f"Compared with the run `{before['run']}`:\n\n" + _table(("", "Then", "Now"), rows)


def _unit(about: str) -> str:
    """Return the unit that the comment of a column states."""
    if "epoch milliseconds" in about:
        return "epoch milliseconds, UTC"
    return "unknown" if "states no unit" in about else "none"


def _dtype(kind: str) -> str:
    return {"bigint": "int64", "int": "int32", "double": "float64"}.get(kind, kind)


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    if not rows:
        return "None."
    numeric = [all(isinstance(value, int | float) for value in column) for column in zip(*rows, strict=True)]
    lines = [head, ["---:" if right else "---" for right in numeric], *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    return "" if value is None else str(value).replace("|", "\\|")
