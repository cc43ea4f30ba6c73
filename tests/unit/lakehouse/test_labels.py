"""The steps of the sample, by the subjects of the training table."""

from __future__ import annotations

import hashlib
import hmac

import pyarrow as pa

from lakehouse import labels, sample

KNOWN = pa.table(
    {
        "email": ["Ann@example.com", "Ann@example.com", "bob@example.com", "cy@example.com"],
        "serialnumber": ["S1", "S1", "S1", "S3"],
        "steptime": [10, 25, 25, 30],
    },
    sample.SCHEMA,
)


def training(*rows: tuple[str | None, str | None, int]) -> pa.Table:
    serials, keys, times = zip(*rows, strict=True)
    return pa.table({
        "serialnumber": pa.array(serials, pa.string()),
        "subjectkey": pa.array(keys, pa.string()),
        "sensorreadingtime": pa.array(times, pa.int64()),
    })  # fmt: skip


def test_by_serial_number_from_the_first_row_of_the_subject_on() -> None:
    rows = training(("S1", None, 30), ("S1", None, 20), ("S2", None, 0))
    steps = labels.of_subjects(labels.with_subject(KNOWN, None), rows)
    assert steps.schema == labels.SCHEMA
    assert steps.to_pylist() == [{"subject": "S1", "steptime": 25}], "once, although two people share the device"


def test_by_pseudonym_of_the_canonical_address() -> None:
    ann = hmac.new(b"key", b"ann@example.com", hashlib.sha256).hexdigest()
    steps = labels.of_subjects(labels.with_subject(KNOWN, b"key"), training((None, ann, 0), (None, None, 0)))
    assert steps.to_pylist() == [{"subject": ann, "steptime": 10}, {"subject": ann, "steptime": 25}]
