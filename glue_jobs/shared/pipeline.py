"""The tables and the jobs that write them, as pipeline.json declares them; its `fields` explain each entry.

Terraform and the command line read the same file.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import extra_files
from problems import BadInputError

FILE: Final = "pipeline.json"
DECLARED: Final[Mapping[str, Any]] = json.loads(extra_files.read(FILE))
TABLES: Final[Mapping[str, Mapping[str, Any]]] = DECLARED["tables"]
AUDIT: Final = tuple(name for name, table in TABLES.items() if table["zone"] == "audit")
"""Iceberg tables of the audit database."""

BESIDE: Final[Mapping[str, str]] = {name: table["beside"] for name, table in TABLES.items() if "beside" in table}
"""Iceberg tables that go with a table that a job writes, and that table."""


def chain(declared: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the tables that jobs write, in the order of the jobs; a BadInputError says where a file has no order."""
    written = {name: table for name, table in declared["tables"].items() if "job" in table}
    before = None
    for name, table in written.items():
        if table["after"] != before:
            raise BadInputError(
                f"{FILE}: {table['job']} is after {table['after']}, but {name} follows the table of {before}. "
                "Nothing was published; declare the tables in the order of their jobs."
            )
        before = table["job"]
    if declared["publisher"] != before:
        raise BadInputError(
            f"{FILE}: the publisher is {declared['publisher']}, but the last job is {before}. "
            "Nothing was published; correct the file."
        )
    return tuple(written)


WRITTEN: Final = chain(DECLARED)
"""Tables that jobs write, in the order of the jobs."""


def person_columns(kind: str, *zones: str) -> dict[str, str]:
    """Return the column of each table that identifies people by an address, a serial_number or a pseudonym."""
    return {
        name: table["person"][kind]
        for name, table in TABLES.items()
        if kind in table.get("person", {}) and (not zones or table["zone"] in zones)
    }


def publishes(table: str) -> bool:
    """Tell whether the job that writes a table publishes those of all jobs."""
    return bool(TABLES[table]["job"] == DECLARED["publisher"])
