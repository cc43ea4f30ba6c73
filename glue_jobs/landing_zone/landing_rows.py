"""Parse JSON records into rows of a landing table, and give the reason for each row that cannot be used."""

import uuid
from collections.abc import Mapping
from typing import Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructField

import plain_records
from landing_rules import SPELLED, Rules
from table_contract import JSON_TYPES, TableContract

# White space, byte order marks and one comma. Matches start only where white space starts: a long run of it would
# otherwise take minutes.
AROUND_THE_OBJECT: Final = r"^[\s\uFEFF]++|(?<![\s\uFEFF])[\s\uFEFF]*+,?+[\s\uFEFF]*+$"
STRICT_JSON: Final = {"allowSingleQuotes": "false", "allowNonNumericNumbers": "false"}
JSON_WITH_NAN: Final = STRICT_JSON | {"allowNonNumericNumbers": "true"}
NOT_A_NUMBER: Final = "NaN|INF|Infinity"
END_OF_RECORD: Final = f"end of record {uuid.uuid4()}"  # a key that no landing record can have or guess
# With these removed from a line, any surrogate left is unpaired: half a character, which no file can hold.
BACKSLASHES_AND_PAIRS: Final = r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
SURROGATE: Final = r"\\u[dD][89a-fA-F]"

NO_DECIMAL: Final = "[dDfFpP]"  # Java parses 1d, 1f and 0x1p3 as numbers
WHOLE_DOUBLES: Final = 2**53  # doubles below it represent whole numbers exactly
TOO_LARGE: Final = ('"Infinity"', '"-Infinity"')  # how a number such as 1e400 arrives


def parse(records: DataFrame, table: TableContract, rules: Rules, *, fast: bool = True) -> DataFrame:
    """Parse each record into one row.

    Args:
        records: A record's `value`, its `file`, and its `unit`: "line", or "record" in a file that is not JSON lines.
        table: The contract of the landing table.
        rules: The rules for its rows.
        fast: Whether plain records are read by `plain_records`. The rows are the same either way.

    Returns:
        The table's columns, `file`, `problem` and `record`. The problem is null for a usable row; otherwise it gives
        the reason without quoting the row, which may hold personal data, and `record` holds the record as it arrived.

    Keys match in any letter case, one comma after the object is tolerated, and an empty value counts as absent.

    """
    names = table.schema.fieldNames()
    value, joined, plain = F.col("value"), F.col("joined"), F.col("plain")
    # Each step is a projection of its own: within one, Spark would evaluate an expression wherever its column is used.
    texts_or_record = plain_records.joined(value, types_by_key(table)) if fast else value
    read = records.select("file", "value", "unit", texts_or_record.alias("joined"))
    is_plain = plain_records.is_plain(value, joined)
    parsed = read.select(
        "file",
        "value",
        "unit",
        F.when(is_plain, plain_records.texts(joined)).alias("plain"),
        F.when(~is_plain, _objects(value, STRICT_JSON)).alias("objects"),  # not of null, which Spark would parse too
    )
    record = F.when(_is_one_object(F.col("objects")), F.col("objects")[0])  # of null it is null
    # Two arrays instead of a map: a map with a repeated key would stop the job with an error that quotes the key.
    keys_and_values = parsed.select(
        "file",
        "value",
        "unit",
        "plain",
        F.transform(F.map_keys(record), F.lower).alias("keys"),
        F.map_values(record).alias("values"),
    )
    texts = keys_and_values.select(
        "file",
        "value",
        plain.isNotNull().alias("is plain"),
        F.when(plain.isNotNull(), None)
        .when(~_is_utf8(value), _of_record("is not UTF-8 text"))
        .when(
            F.col("keys").isNull() & value.rlike(NOT_A_NUMBER) & _is_one_object(_objects(value, JSON_WITH_NAN)),
            _of_record("has NaN or Infinity, which JSON does not allow"),
        )
        .when(F.col("keys").isNull(), _of_record("is not one JSON object"))
        .when(_has_half_a_character(value), _of_record("has half a character: an unpaired surrogate"))
        .when(F.size("keys") > F.size(F.array_distinct("keys")), "a key occurs twice in an object")
        .alias("malformed"),
        *(
            F.when(plain.isNotNull(), F.when(plain[place] != "", plain[place])).otherwise(_text(name)).alias(name)
            for place, name in enumerate(names)
        ),
    )
    values = texts.select(
        "file",
        "value",
        "malformed",
        # The form of a plain record proves that its texts can be converted: far cheaper than to check each.
        *(
            F.when(F.col("is plain"), F.col(field.name).cast(field.dataType)).otherwise(_typed(field)).alias(field.name)
            for field in table.schema
        ),
        *(F.col(name).isNotNull().alias(f"{name} given") for name in names),
    )
    missing = [F.when(~F.col(f"{name} given"), f"{name} is missing") for name in names if name in rules.required]
    wrong = [
        F.when(
            F.col(f"{field.name} given") & F.col(field.name).isNull(),
            f"{field.name} is not {JSON_TYPES[field.dataType.simpleString()]}",
        )
        for field in table.schema
    ]
    impossible = [F.when(~possible, reason) for reason, possible in rules.possible.items()]
    checked = values.withColumn("problem", F.coalesce("malformed", *missing, *wrong, *impossible))
    return checked.select(
        *names, "file", "problem", F.when(F.col("problem").isNotNull(), F.col("value")).alias("record")
    )


def types_by_key(table: TableContract) -> dict[str, str]:
    """Return the SQL type of each key of a table's records, as producers spell the keys and in their order."""
    return {SPELLED.get(field.name, field.name): field.dataType.simpleString() for field in table.schema}


def _objects(value: Column, options: Mapping[str, str]) -> Column:
    """Return the objects of a record, followed by a marker object.

    Spark parses a text up to the end of its first object and ignores the rest. Parsed as an array that ends in a marker
    object, a record that is not exactly one object is detected.
    """
    plain = value.startswith("{") & value.endswith("}")  # nearly every record, and cheaper than the regular expression
    text = F.when(plain, value).otherwise(F.regexp_replace(value, AROUND_THE_OBJECT, ""))
    end = F.lit(f',{{"{END_OF_RECORD}":""}}]')
    return F.from_json(F.concat(F.lit("["), text, end), "array<map<string,string>>", dict(options))


def _is_one_object(objects: Column) -> Column:
    return (F.size(objects) == 2) & F.map_contains_key(F.get(objects, F.lit(1)), END_OF_RECORD)


def _of_record(what: str) -> Column:
    """Return a reason with the unit of the record as its subject."""
    return F.concat(F.lit("a "), F.col("unit"), F.lit(f" {what}"))


def _is_utf8(line: Column) -> Column:
    """Tell whether decoding a line replaces no byte: a replacement could merge two people into one."""
    return F.encode(F.decode(line.cast("binary"), "UTF-8"), "UTF-8") == line.cast("binary")


def _has_half_a_character(line: Column) -> Column:
    """Tell whether a line of JSON escapes an unpaired surrogate, which would be read as a question mark."""
    halves = F.regexp_replace(line, BACKSLASHES_AND_PAIRS, " ").rlike(SURROGATE)
    return line.contains("\\u") & halves


def _text(name: str) -> Column:
    """Return the value of a key as text; null if it is absent, null or empty."""
    value = F.get("values", F.array_position("keys", name) - 1)
    return F.when(F.trim(value) != "", value)


def _typed(field: StructField) -> Column:
    """Convert a text column to the type of its field; null if the conversion fails or would lose information."""
    name, sql_type = field.name, field.dataType.simpleString()
    text = F.col(name)
    if sql_type == "string":
        # An object or array arrives as its JSON text. A text such as "[deleted]" is not JSON and passes.
        nested = (text.startswith("{") | text.startswith("[")) & F.get_json_object(text, "$").isNotNull()
        return F.when(~nested & ~text.isin(*TOO_LARGE), text)
    if sql_type == "boolean":
        return F.when(text.isin("true", "false"), text == "true")
    double = F.expr(f"try_cast(`{name}` as double)")
    finite = (F.abs(double) < float("inf")) & ~text.rlike(NO_DECIMAL)  # NaN compares as greater than infinity
    if sql_type == "double":
        return F.when(finite, double)
    # 1655564376361.0 and 1.655564376361E12 are whole numbers, 1.5 is not. Converted without a decimal type, which takes
    # hours for 1e-999999999.
    whole = F.expr(f"try_cast(try_cast(`{name}` as double) as {sql_type})")
    exact = finite & (F.abs(double) < WHOLE_DOUBLES) & (whole == double)
    return F.coalesce(F.expr(f"try_cast(`{name}` as {sql_type})"), F.when(exact, whole))
