"""Read plain records, which nearly all are, quickly: flat JSON objects with the keys and values that producers write.

A record is plain if its form alone proves what it holds: printable ASCII, no escapes, no nesting, no null, and only
keys that are expected, in the order in which producers write them. One regular expression proves that and takes the
values out. `landing_rows` reads all other records thoroughly. Both give the same rows.
"""

from collections.abc import Mapping
from typing import Final

from pyspark.sql import Column
from pyspark.sql import functions as F

VALUES: Final = {
    # Printable ASCII without quote and backslash. The first character is no space, which could make a text blank, and
    # no bracket, which could make it nested JSON.
    "string": r'"([!#-Z^-z|~][ !#-\[\]-~]*+)"',
    # Without exponents, and so short that no digit is lost. Of -0, a whole number, JSON parsers lose the sign.
    "double": r"((?!-0(?!\.))-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?)",
    "bigint": r"(-?(?:0|[1-9][0-9]{0,17}))",
    "int": r"(-?(?:0|[1-9][0-9]{0,8}))",
    "boolean": "(true|false)",
}
"""Regular expressions of the JSON values that a column takes as they are, by SQL type; the group is the text."""
SEPARATOR: Final = '"'
"""Stands between the joined texts; no plain value has one."""


def joined(record: Column, types: Mapping[str, str]) -> Column:
    """Return the texts of a plain record's values, joined; any other record as it is.

    Args:
        record: The text of a record.
        types: The SQL type of each key that a record may have, as producers spell the keys and in their order.

    """
    # Not `$`, which would let a line separator follow.
    pairs = (rf'(?:"{key}": ?{VALUES[sql_type]}(?:, ?(?=")|(?=\}}\z)))?+' for key, sql_type in types.items())
    groups = SEPARATOR.join(f"${number}" for number in range(1, len(types) + 1))
    return F.regexp_replace(record, rf"^\{{{''.join(pairs)}\}}\z", groups)


def is_plain(record: Column, joined: Column) -> Column:
    """Tell whether a record is plain, given what `joined` returned for it: only of a plain one is the brace gone.

    They are not compared: Spark replaces bytes that are not UTF-8 even where the expression does not match.
    """
    return record.startswith("{") & ~joined.startswith("{")


def texts(joined: Column) -> Column:
    """Return the joined texts of a plain record as an array, in the order of the keys; empty for an absent key."""
    return F.split(joined, SEPARATOR)
