"""Read plain records, which nearly all are, quickly: flat JSON objects with the keys and values that producers write.

A record is plain if its form alone proves that it can be read field by field: printable ASCII, no escapes, no nesting,
no null, only keys that are expected, each once. `landing_rows` reads all others thoroughly. Both give the same rows.
"""

from collections.abc import Sequence
from functools import reduce
from operator import and_
from typing import Final

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import StructField, StructType

VALUES: Final = {
    # Printable ASCII without quote and backslash. The first character is no space, which could make a text blank, and
    # no bracket, which could make it nested JSON.
    "string": r'"[!#-Z^-z|~][ !#-\[\]-~]*+"',
    # Without exponents, and so short that no digit is lost.
    "double": r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?",
    "bigint": r"-?(?:0|[1-9][0-9]{0,17})",
    "int": r"-?(?:0|[1-9][0-9]{0,8})",
    "boolean": "true|false",
}
"""Regular expressions of the JSON values that a column takes as they are, by SQL type."""
KEY_END: Final = '":'  # occurs in a plain record once for each key


def fields(record: Column, schema: StructType, keys: Sequence[str]) -> Column:
    """Return the fields of a plain record as a struct with the names of `keys`; null if the record is not plain.

    Args:
        record: The text of a record.
        schema: The columns of the table.
        keys: The key of each column, as producers spell it.

    """
    pairs = "|".join(
        f'"{key}": ?(?:{VALUES[field.dataType.simpleString()]})' for key, field in zip(keys, schema, strict=True)
    )
    form = rf"^\{{(?:(?:{pairs})(?:, ?(?=\")|(?=\}}$))){{1,{len(keys)}}}\}}$"
    types = StructType([StructField(key, field.dataType) for key, field in zip(keys, schema, strict=True)])
    return F.from_json(F.when(record.rlike(form), record), types)


def has_each_key_once(record: Column, values: Sequence[Column]) -> Column:
    """Tell whether a plain record has as many keys as values: a repeated key leaves one value for two keys.

    It has no more keys than there are columns, so with a value in each column, as nearly always, no key is repeated.
    """
    complete = reduce(and_, (value.isNotNull() for value in values))
    found = sum((value.isNotNull().cast("int") for value in values), F.lit(0))
    without_ends = F.replace(record, F.lit(KEY_END), F.lit(""))
    return complete | (F.octet_length(record) - F.octet_length(without_ends) == found * len(KEY_END))
