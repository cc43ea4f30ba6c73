"""What a run reports about itself in the summary of the snapshot that it commits, above all the snapshots that it read.

The jobs and the command line share this file: lakehouse/lineage.py links to it. It needs neither Spark nor AWS.
"""

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


def outdated(made_from: Mapping[str, Mapping[str, int]], current: Mapping[str, int]) -> list[tuple[str, str]]:
    """Return each (table, input) where the table was made from another snapshot of the input than the current one.

    `made_from` has the inputs of each table, `current` the current snapshot id by table; an input that is not in
    `current` is never outdated.
    """
    return [
        (table, source)
        for table, read in made_from.items()
        for source, snapshot_id in read.items()
        if source in current and current[source] != snapshot_id
    ]
