"""How a query ends other than by a result."""

from __future__ import annotations

READ_ONLY = (
    "The embedded Athena reads tables, and adds, changes and drops columns of Iceberg tables; it does nothing else. "
    "Nothing was changed."
)


class QueryFailedError(Exception):
    """The query is FAILED; the message is its StateChangeReason."""


class QueryCancelledError(Exception):
    """The query is CANCELLED: it was stopped, or it exceeded the scan limit of the workgroup."""


def not_supported(what: str) -> QueryFailedError:
    """Return the failure of a query that Athena may run and the embedded one does not."""
    return QueryFailedError(f"NOT_SUPPORTED: The embedded Athena does not support {what}.")


def denied(message: str) -> QueryFailedError:
    """Return the failure of a query that needs a permission that the caller lacks."""
    return QueryFailedError(f"Insufficient permissions to execute the query. {message}")
