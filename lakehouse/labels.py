"""The label of the generated sample: the steps that its people took, by the subjects of the training table."""

from __future__ import annotations

import hashlib
import hmac
import warnings
from pathlib import Path
from typing import Final

import boto3
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.table import Table
from pyiceberg.table.refs import SnapshotRefType

from lakehouse import lineage, sample, tables
from lakehouse.aws import CONFIG
from lakehouse.canonical import canonical
from lakehouse.dataset_card import STEPS, TRAINING
from lakehouse.terraform import Outputs

SCHEMA: Final = pa.schema([pa.field("subject", pa.string()), pa.field("steptime", pa.int64())])


def publish(session: boto3.Session, outputs: Outputs, folder: Path) -> int | None:
    """Replace training_steps by the steps of landing data, and return their number; None if the data has none.

    Only subjects of the training table have steps there, from their first training row on: their consent covers no
    more. They are identified as in that table, by pseudonym or by serial number.
    """
    file = folder / sample.STEPS
    if not file.is_file():
        return None
    catalog = tables.catalog_of(session)
    training = catalog.load_table((outputs.database, TRAINING))
    rows = training.scan(selected_fields=("serialnumber", "subjectkey", "sensorreadingtime")).to_arrow()
    known = pq.read_table(file)
    if rows["subjectkey"].null_count < len(rows):
        secrets = session.client("secretsmanager", config=CONFIG)
        key = secrets.get_secret_value(SecretId=outputs.subject_key_secret_arn)["SecretString"].encode()
        known = with_subject(known, key)
    else:
        known = with_subject(known, None)
    steps = of_subjects(known, rows)
    snapshot = training.current_snapshot()
    report = lineage.report(snapshot.summary.additional_properties if snapshot and snapshot.summary else {})
    entries = {"policies": report.get("policies", "{}")}
    entries |= lineage.input_entries({TRAINING: snapshot.snapshot_id} if snapshot else {})
    # As long as the job of the training table would compute the same rows there, it would keep all of these.
    entries |= lineage.derived_from_entries(lineage.derived_from(report))
    table = catalog.load_table((outputs.database, STEPS))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Delete operation did not match any records")
        properties = {f"{lineage.PREFIX}{name}": value for name, value in entries.items()}
        table.overwrite(steps, snapshot_properties=properties)
    _tag_like(training, table)
    return len(steps)


def with_subject(known: pa.Table, key: bytes | None) -> pa.Table:
    """Add `subject` to known steps: the pseudonym of their address under a key or, without one, their serial number."""
    if key is None:
        return known.append_column("subject", known["serialnumber"])
    emails = known["email"].dictionary_encode().combine_chunks()
    names = [
        hmac.new(key, canonical(email).encode(), hashlib.sha256).hexdigest() for email in emails.dictionary.to_pylist()
    ]
    return known.append_column("subject", pa.array(names, pa.string()).take(emails.indices))


def of_subjects(known: pa.Table, rows: pa.Table) -> pa.Table:
    """Return the distinct steps of the subjects of training rows, from the first row of each subject on."""
    subject = pc.coalesce(rows["subjectkey"], rows["serialnumber"])
    since = (
        pa.table({"subject": subject, "at": rows["sensorreadingtime"]}).group_by("subject").aggregate([("at", "min")])
    )
    steps = known.select(["subject", "steptime"]).join(since, keys="subject", join_type="inner")
    steps = steps.filter(pc.greater_equal(steps["steptime"], steps["at_min"]))
    distinct = steps.group_by(["subject", "steptime"]).aggregate([])
    return distinct.select(SCHEMA.names).sort_by([(name, "ascending") for name in SCHEMA.names]).cast(SCHEMA)


def _tag_like(training: Table, table: Table) -> None:
    """Give the current rows of a table the tags that those of the training table have, and no older rows."""
    current, head = training.metadata.current_snapshot_id, table.metadata.current_snapshot_id
    for name, ref in training.refs().items():
        if ref.snapshot_ref_type == SnapshotRefType.TAG and ref.snapshot_id == current and head is not None:
            if name in table.refs():
                table.manage_snapshots().remove_tag(name).commit()
            table.manage_snapshots().create_tag(head, name, max_ref_age_ms=ref.max_ref_age_ms).commit()
