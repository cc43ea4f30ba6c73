"""Names of tables, and what Glue says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from embedded_aws.athena.errors import QueryFailedError

CATALOG: Final = "awsdatacatalog"


@dataclass(frozen=True)
class TableName:
    """A table in the Glue catalog, and for `"table$snapshots"` the name of its metadata table."""

    database: str
    table: str
    metadata: str = ""

    @classmethod
    def of(cls, parts: list[str], database: str) -> TableName:
        """Return the table that `[[catalog.]database.]table` names; names have no case.

        Raises:
            QueryFailedError: There is no database, or another catalog.

        """
        *places, name = [part.lower() for part in parts]
        if len(places) == 2 and places.pop(0) != CATALOG:
            raise QueryFailedError(f"CATALOG_NOT_FOUND: line 1:1: Catalog '{parts[0]}' not found")
        if not (places or database):
            raise QueryFailedError(
                "MISSING_SCHEMA_NAME: line 1:1: Schema must be specified when session schema is not set. "
                f"Write <database>.{name}, or set Database in QueryExecutionContext."
            )
        table, _, metadata = name.partition("$")
        return cls(places[0] if places else database.lower(), table, metadata)

    def __str__(self) -> str:
        return f"{CATALOG}.{self.database}.{self.table}" + (f"${self.metadata}" if self.metadata else "")


def columns_of(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the columns of a Glue table, without those that an Iceberg table has no longer."""
    return [
        column
        for column in entry["StorageDescriptor"]["Columns"]
        if column.get("Parameters", {}).get("iceberg.field.current", "true") != "false"
    ]
