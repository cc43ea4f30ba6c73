"""What a run reports about itself in the summary of the snapshot that it commits, above all the snapshots that it read.

The jobs and the command line share this file: lakehouse/lineage.py links to it. It needs neither Spark nor AWS.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Final

PREFIX: Final = "lakehouse."
"""Prefix of the report among the properties of a snapshot's summary."""
SNAPSHOT_READ: Final = "snapshot-read."
"""Prefix of the report's entries that give the snapshot id of a table that the job read."""
SHARED_SERIAL_NUMBERS: Final = "shared-serial-numbers"
"""Entry with the number of serial numbers that belong to several customers."""
OF_TWO_PEOPLE: Final = "rows-of-two-people"
"""Entry with the number of training rows that pair the step of one person with the movement of another."""
DERIVED_FROM: Final = "derived-from."
"""Prefix of the report's entries about all that decided the rows (see `derivation`)."""
UNCHANGED_SINCE: Final = "unchanged-since"
"""Entry with the id of the run that computed the rows, if the run of the report took them over."""
COMPUTED_BY: Final = "computed-by"
"""Entry with the id of the job run that computed the rows, beside `UNCHANGED_SINCE`."""

COMMITS_AGAIN: Final = "commits-again"
"""Entry with the id of the snapshot whose rows this one has, in its place, as after a withdrawal."""
SAME_ROWS_AS: Final = "same-rows-as"
"""Entry with the derivation of the snapshot before, if its rows are the same although something else decided them."""
PARSED_BATCHES: Final = "parsed-batches."
"""Prefix of the report's entries that name the batches in which the rows of a landing table were, if it can grow."""


def report(summary: Mapping[str, str]) -> dict[str, str]:
    """Return the report of a run, without the prefix, from the summary of a snapshot."""
    return {key.removeprefix(PREFIX): value for key, value in summary.items() if key.startswith(PREFIX)}


def inputs(report: Mapping[str, str]) -> dict[str, int]:
    """Return the snapshot id of each table that a job read, from its report."""
    return {
        key.removeprefix(SNAPSHOT_READ): int(value) for key, value in report.items() if key.startswith(SNAPSHOT_READ)
    }


def input_entries(inputs: Mapping[str, int]) -> dict[str, str]:
    """Return the entries of a report for the tables that a job read; `inputs` are their snapshot ids."""
    return {f"{SNAPSHOT_READ}{table}": str(snapshot_id) for table, snapshot_id in inputs.items()}


def derived_from(report: Mapping[str, str]) -> dict[str, str]:
    """Return what decided the rows, from the report of a run: the state of each part by its name."""
    return {key.removeprefix(DERIVED_FROM): value for key, value in report.items() if key.startswith(DERIVED_FROM)}


def derived_from_entries(parts: Mapping[str, str]) -> dict[str, str]:
    """Return the entries of a report about what decided the rows; `parts` are as of `derived_from`."""
    return {f"{DERIVED_FROM}{part}": state for part, state in parts.items()}


def derivation(report: Mapping[str, str]) -> str | None:
    """Return one SHA-256 over all that decided the rows of a snapshot; None if its report does not tell.

    Snapshots of a table with equal derivations have equal rows.
    """
    if not (parts := derived_from(report)):
        return None
    if same := report.get(SAME_ROWS_AS):
        return same
    return hashlib.sha256(json.dumps(sorted(parts.items())).encode()).hexdigest()


def of_other_rows(report: Mapping[str, str]) -> dict[str, str]:
    """Return a report for rows that are no longer those that a job computed: it does not tell what decided them."""
    told = (UNCHANGED_SINCE, COMPUTED_BY, COMMITS_AGAIN, SAME_ROWS_AS)
    return {key: value for key, value in report.items() if not key.startswith(DERIVED_FROM) and key not in told}


def commits_again(report: Mapping[str, str]) -> int | None:
    """Return the id of the snapshot whose rows that of a report has, in its place; None if it has rows of its own."""
    return int(report[COMMITS_AGAIN]) if COMMITS_AGAIN in report else None


def ids(snapshot_id: int, report: Mapping[str, str]) -> set[int]:
    """Return the ids by which tables that were made from a snapshot may know it."""
    return {snapshot_id, commits_again(report) or snapshot_id}


def outdated(made_from: Mapping[str, Mapping[str, int]], current: Mapping[str, set[int]]) -> list[tuple[str, str]]:
    """Return each (table, input) where the table was made from another snapshot of the input than the current one.

    `made_from` has the inputs of each table, `current` the ids of its current snapshot (see `ids`). An input that is
    not in `current` is never outdated.
    """
    return [
        (table, source)
        for table, read in made_from.items()
        for source, snapshot_id in read.items()
        if source in current and snapshot_id not in current[source]
    ]
