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
GROWN_SPLIT: Final = "subjects-of-grown-split"
"""Entry with the number of subjects of each split, as JSON, if rows were added and all subjects of before stay."""
DERIVED_FROM: Final = "derived-from."
"""Prefix of the report's entries about all that decided the rows (see `derivation`)."""
TABLE: Final = "table."
"""Prefix of those parts of `DERIVED_FROM` that are tables: their state is the derivation of the snapshot read."""
UNCHANGED_SINCE: Final = "unchanged-since"
"""Entry with the id of the run that computed the rows, if the run of the report took them over."""
COMPUTED_BY: Final = "computed-by"
"""Entry with the id of the job run that computed the rows, beside `UNCHANGED_SINCE`."""
BESIDE: Final = "beside"
"""Entry with the tables that the job wrote beside its own, separated by commas."""
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
    told = (GROWN_SPLIT, DERIVED_FROM, UNCHANGED_SINCE, COMPUTED_BY, COMMITS_AGAIN, SAME_ROWS_AS)
    return {key: value for key, value in report.items() if not key.startswith(told)}


def commits_again(report: Mapping[str, str]) -> int | None:
    """Return the id of the snapshot whose rows that of a report has, in its place; None if it has rows of its own."""
    return int(report[COMMITS_AGAIN]) if COMMITS_AGAIN in report else None


def outdated(shown: Mapping[str, tuple[int, Mapping[str, str]]]) -> list[tuple[str, str]]:
    """Return each (table, input) where the table was made from other rows of the input than those that readers see.

    `shown` has the id and the report of the snapshot of each table that readers see. A snapshot has the rows of those
    with its derivation, and of the one in whose place it is. An input that is not shown is never outdated.
    """
    found = []
    for table, (_, of_table) in shown.items():
        states = derived_from(of_table)
        for source, read in inputs(of_table).items():
            if source in shown:
                id_, of_source = shown[source]
                state = states.get(f"{TABLE}{source}")
                has_other_rows = state is None or state != derivation(of_source)
                if read not in (id_, commits_again(of_source)) and has_other_rows:
                    found.append((table, source))
    return found
