"""The counts of a table that has grown are those of before and those of the rows gained, and must add up."""

import pytest

import reconciliation
from problems import AuditError
from reconciliation import DUPLICATE, RowCount

LANDING = "accelerometer_landing"
BEFORE = [
    RowCount(LANDING, "read", "", 10),
    RowCount(LANDING, "published", "", 6),
    RowCount(LANDING, "dropped", DUPLICATE, 1),
    RowCount(LANDING, "dropped", "not of a trusted customer", 2),
    RowCount(LANDING, "quarantined", "x is missing", 1),
    RowCount("", "output", "", 6),
]
GAINED = [
    RowCount(LANDING, "read", "", 5),
    RowCount(LANDING, "published", "", 3),
    RowCount(LANDING, "quarantined", "y is missing", 2),
]


def test_rows_that_are_published_already_are_duplicates():
    assert reconciliation.add(BEFORE, GAINED, repeated=2, read={LANDING: 15}) == [
        RowCount(LANDING, "read", "", 15),
        RowCount(LANDING, "published", "", 7),
        RowCount(LANDING, "dropped", DUPLICATE, 3),
        RowCount(LANDING, "dropped", "not of a trusted customer", 2),
        RowCount(LANDING, "quarantined", "x is missing", 1),
        RowCount(LANDING, "quarantined", "y is missing", 2),
    ]


def test_counts_that_do_not_add_up_stop_the_job():
    with pytest.raises(AuditError, match="16 rows of accelerometer_landing were read and 15 are accounted for"):
        reconciliation.add(BEFORE, GAINED, repeated=0, read={LANDING: 16})
