"""The dataset card of the training table: what it holds, under which consent, and how to load it again.

It has the front matter of Hugging Face's dataset cards, numbers and names of columns, and no value of a person. It is
written with each run and after each erasure, to the bucket where analysts read it, and to build/<environment>.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from pyiceberg.table import Table
from pyiceberg.table.refs import SnapshotRefType

from lakehouse import aws, lineage, private_files, reconciliation, tables
from lakehouse.athena import Athena
from lakehouse.aws import CONFIG
from lakehouse.environments import Environment
from lakehouse.errors import LakehouseError
from lakehouse.project import Project
from lakehouse.reconciliation import Reconciliation
from lakehouse.s3_root import split
from lakehouse.terraform import Outputs

TRAINING: Final = "machine_learning_curated"
FILE: Final = "dataset_card.md"
FACTS: Final = "dataset_card.json"
PREFIX: Final = "training/"
"""Of the objects that analysts may read, in the lakehouse's part of the bucket."""
MEASURED: Final = ("distancefromobject", "x", "y", "z")
COLUMN: Final = re.compile(r"^  `?(\w+)`? +(\S+) +COMMENT '([^']*)'", re.MULTILINE)
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
    """The numbers of a card, which the next one is compared with."""

    run: str
    made_at: str
    rows: int
    subjects: Mapping[str, int]
    """By split."""
    split_rows: Mapping[str, int]
    steps: int
    """Known steps: the label."""
    measured: Mapping[str, Sequence[float | None]]
    """Mean, standard deviation, minimum and maximum of each measured column."""
    policies: Mapping[str, str] = field(default_factory=dict)
    profile: str = ""
    of_two_people: int = 0
    shared_serial_numbers: int = 0
    snapshots: Mapping[str, int] = field(default_factory=dict)
    tag: str | None = None
    """Tag that still shows these rows; None if none does."""


def refresh(environment: Environment, outputs: Outputs) -> None:
    """Write the card of the tables as they are; what a run or an erasure has done stands even if that fails."""
    try:
        publish(aws.session(outputs.region), outputs, environment.project)
    except (BotoCoreError, ClientError, LakehouseError, OSError) as error:
        environment.display.warn(f"The dataset card could not be written, so {PREFIX}{FILE} is out of date: {error}")


def publish(session: boto3.Session, outputs: Outputs, project: Project) -> str:
    """Write the card of the tables as they are to build/ and to the bucket, and return its URI there."""
    facts = gather(session, outputs)
    accounts = reconciliation.of_run(session, outputs.audit_database, facts.run)
    s3 = session.client("s3", config=CONFIG)
    bucket, root = split(outputs.bucket)
    before = _before(s3, bucket, f"{root}{PREFIX}{FACTS}", facts)
    text = render(facts, (project.root / "ddl" / f"{TRAINING}.sql").read_text(encoding="utf-8"), accounts, before)
    private_files.write(project.build / FILE, text)
    for name, content in ((FILE, text), (FACTS, json.dumps(asdict(facts)))):
        s3.put_object(Bucket=bucket, Key=f"{root}{PREFIX}{name}", Body=content.encode())
    return f"s3://{bucket}/{root}{PREFIX}{FILE}"


def of_run(session: boto3.Session, outputs: Outputs, run_id: str) -> str | None:
    """Return the text of the card in the bucket; None if there is none or it is of another run."""
    s3 = session.client("s3", config=CONFIG)
    bucket, root = split(outputs.bucket)
    try:
        facts = json.loads(s3.get_object(Bucket=bucket, Key=f"{root}{PREFIX}{FACTS}")["Body"].read())
        card = s3.get_object(Bucket=bucket, Key=f"{root}{PREFIX}{FILE}")["Body"].read().decode()
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("NoSuchKey", "404"):
            raise
        return None
    return card if facts.get("run") == run_id else None


def gather(session: boto3.Session, outputs: Outputs) -> Facts:
    """Collect the facts of the published tables; Athena counts, so that no row comes to this machine."""
    catalog = tables.catalog_of(session)
    published = {name: catalog.load_table((outputs.database, name)) for name in tables.TABLE_OF_JOB.values()}
    snapshot = published[TRAINING].current_snapshot()
    report = lineage.report(snapshot.summary.additional_properties if snapshot and snapshot.summary else {})
    athena = Athena.of(session, outputs)
    subject = "coalesce(subjectkey, serialnumber)"
    # A second condition of the join would let DuckDB compare each row with each subject.
    by_split = athena.query(
        f"SELECT coalesce(split, 'none'), count(*), count(DISTINCT {subject}) FROM {TRAINING} "  # noqa: S608 - our names
        f"LEFT JOIN training_split ON subject = CASE WHEN x IS NOT NULL THEN {subject} END GROUP BY 1 ORDER BY 1"
    )
    counts = {str(name): (int(rows or 0), int(subjects or 0)) for name, rows, subjects in by_split.rows}
    of = ", ".join(f"avg({c}), stddev_samp({c}), min({c}), max({c})" for c in MEASURED)
    numbers = next(iter(athena.query(f"SELECT {of} FROM {TRAINING}").rows))  # noqa: S608 - our names
    values = [None if number is None else float(number) for number in numbers]
    steps = next(iter(athena.query("SELECT count(*) FROM training_steps").rows))[0]
    return Facts(
        run=report.get("workflow-run-id", ""),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        rows=sum(rows for rows, _ in counts.values()),
        subjects={name: subjects for name, (_, subjects) in counts.items()},
        split_rows={name: rows for name, (rows, _) in counts.items()},
        steps=int(steps or 0),
        measured={name: values[4 * place : 4 * place + 4] for place, name in enumerate(MEASURED)},
        policies=json.loads(report.get("policies", "{}")),
        profile=report.get("profile", ""),
        of_two_people=int(report.get(lineage.OF_TWO_PEOPLE, 0)),
        shared_serial_numbers=int(report.get("shared-serial-numbers", 0)),
        snapshots={name: table.metadata.current_snapshot_id or 0 for name, table in published.items()},
        tag=_tag(published[TRAINING]),
    )


def render(facts: Facts, ddl: str, accounts: Sequence[Reconciliation], before: Mapping[str, Any] | None) -> str:
    """Return the text of a card."""
    columns = COLUMN.findall(ddl)
    sections = {
        "Columns": _table(
            ("Column", "Type", "Unit", "Meaning"), [(name, kind, _unit(about), about) for name, kind, about in columns]
        ),
        "Consent": f"Consent policy: profile `{facts.profile}`. {CUT_OFF}\n\n"
        + _table(("Policy", "Value", "Meaning"), _policies(facts.policies)),
        "Subjects and splits": _table(
            ("Split", "Subjects", "Rows"),
            [(name, facts.subjects[name], rows) for name, rows in facts.split_rows.items()],
        )
        + "\n\nNo subject is in two splits; `none` has the rows without a movement.",
        "Exclusions": _table(("Rows of", "Reason", "Rows"), _exclusions(accounts)),
        "Known defects": f"- {facts.of_two_people:,} rows pair the step of one person with the movement of another.\n"
        f"- {facts.shared_serial_numbers:,} serial numbers belong to several customers.\n"
        f"- {_duplicates(accounts):,} exact duplicates were left out.",
        "Label": f"`training_steps` has {facts.steps:,} steps, by subject and time." if facts.steps else NO_LABEL,
        "Snapshots": f"{_table(('Table', 'Snapshot id'), list(facts.snapshots.items()))}\n\n{_reload(facts)}",
        "Drift": _drift(facts, before),
        "Cite and load": f"Cite as: STEDI step training data, run `{facts.run}`, "
        f"snapshot {facts.snapshots.get(TRAINING)}. docs/training.md says how to load it with pandas, "
        "Polars, DuckDB, Spark, awswrangler and Athena.",
    }
    grain = (
        f"Grain: one row per distance reading and accelerometer reading of the same millisecond; {facts.rows:,} rows. "
        f"Published by the run `{facts.run}`; this card was made at {facts.made_at}."
    )
    head = [_front(facts, columns), "# STEDI step training data", PURPOSE, grain]
    return "\n\n".join([*head, *(f"## {title}\n\n{text}" for title, text in sections.items())]) + "\n"


def _front(facts: Facts, columns: Sequence[tuple[str, str, str]]) -> str:
    """Return the front matter: YAML of names that need no quotes."""
    size = next((name for limit, name in SIZES if facts.rows < limit), "n>1M")
    features = "\n".join(f"    - name: {name}\n      dtype: {_dtype(kind)}" for name, kind, _ in columns)
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


def _before(s3: Any, bucket: str, key: str, now: Facts) -> Mapping[str, Any] | None:
    """Return the facts of the card before; None if there is none or it is of the same run."""
    try:
        found: dict[str, Any] = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("NoSuchKey", "404"):
            raise
        return None
    return found if found.get("run") != now.run else None


def _tag(table: Table) -> str | None:
    """Return the tag of a run that shows the current rows of a table."""
    current = table.metadata.current_snapshot_id
    names = [
        name
        for name, ref in table.refs().items()
        if ref.snapshot_ref_type == SnapshotRefType.TAG and ref.snapshot_id == current and name.startswith("run_")
    ]
    return names[0] if names else None


def _drift(facts: Facts, before: Mapping[str, Any] | None) -> str:
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


def _policies(values: Mapping[str, str]) -> list[tuple[str, str, str]]:
    declared = tables.declared("policies.json")["policies"]
    return [(name, value, declared[name]["values"][value]) for name, value in values.items() if name in declared]


def _exclusions(accounts: Sequence[Reconciliation]) -> list[tuple[str, str, int]]:
    return [
        (account.table, reason, rows)
        for account in accounts
        for reason, rows in sorted({**account.dropped, **account.quarantined}.items(), key=lambda item: -item[1])
    ]


def _duplicates(accounts: Sequence[Reconciliation]) -> int:
    total: Counter[str] = Counter()
    for account in accounts:
        total.update(account.dropped)
    return total["exact duplicate"]


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
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value).replace("|", "\\|")
