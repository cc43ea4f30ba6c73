"""Turns JSON records as they come into rows of a landing table, and tells for each why it cannot be used, if so."""

import uuid
from collections.abc import Mapping
from typing import Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructField

from table_contract import JSON_TYPES, TableContract

# Keys and measurements. Everything else about a customer may be absent, a consent above all.
REQUIRED: Final = {
    "customer_landing": {"email", "serialnumber"},
    "accelerometer_landing": {"user", "timestamp", "x", "y", "z"},
    "step_trainer_landing": {"sensorreadingtime", "serialnumber", "distancefromobject"},
}

# White space, byte order marks, one comma. Starts only where white space does: a long run of it would take minutes.
AROUND_THE_OBJECT: Final = r"^[\s\uFEFF]++|(?<![\s\uFEFF])[\s\uFEFF]*+,?+[\s\uFEFF]*+$"
STRICT_JSON: Final = {"allowSingleQuotes": "false", "allowNonNumericNumbers": "false"}
JSON_WITH_NAN: Final = STRICT_JSON | {"allowNonNumericNumbers": "true"}
NOT_A_NUMBER: Final = "NaN|INF|Infinity"
END_OF_RECORD: Final = f"end of record {uuid.uuid4()}"  # a key that no landing record has, nor could guess
# In what is left of a line without them, any surrogate is an unpaired one: half a character, which no file can hold.
BACKSLASHES_AND_PAIRS: Final = r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
SURROGATE: Final = r"\\u[dD][89a-fA-F]"

SPACE: Final = r"\s\x1c-\x1f"  # with (?U) whatever people take for a blank, and what Python does
EMAIL: Final = rf"(?U)^[^@{SPACE}]+@[^@{SPACE}]+\.[^@{SPACE}.]+\z"  # `$` would let a line feed follow
NO_DECIMAL: Final = "[dDfFpP]"  # 1d, 1f and 0x1p3 are numbers to Java
WHOLE_DOUBLES: Final = 2**53  # below it a double is as exact as a whole number
TOO_LARGE: Final = ('"Infinity"', '"-Infinity"')  # what a number such as 1e400 arrives as
YEAR_2000: Final = 946_684_800_000  # epoch milliseconds: before any sensor; times in seconds fall before it
YEAR_10000: Final = 253_402_300_800_000  # times in microseconds fall behind it
ONE_DAY: Final = 86_400_000  # how far a sensor's clock may be ahead, milliseconds


def parse(records: DataFrame, table: TableContract, *, now: int) -> DataFrame:
    """Turn records into one row each; `now` is the time of the run, epoch milliseconds.

    A record is a `value`, the `file` it is of, and its `unit`: a "line" or, of a file that is not lines, a "record".

    A row has the table's columns, its `file`, and `problem`: null for a row that can be used, else the reason in words
    that quote nothing of the row, since that may be personal data; then `record` holds the record as it came. Keys
    match in any letter case, one comma after the object is tolerated, and an empty value is an absent value.
    """
    names = table.schema.fieldNames()
    value = F.col("value")
    parsed = records.select("file", "value", "unit", _objects(value, STRICT_JSON).alias("objects"))

    record = F.when(_is_one_object(F.col("objects")), F.col("objects")[0])  # of null it is null
    # Two arrays instead of a map: a map with a repeated key would stop the job with an error that quotes the key.
    keys_and_values = parsed.select(
        "file",
        "value",
        "unit",
        F.transform(F.map_keys(record), F.lower).alias("keys"),
        F.map_values(record).alias("values"),
    )
    texts = keys_and_values.select(
        "file",
        "value",
        F.when(~_is_utf8(value), _said("is not UTF-8 text"))
        .when(
            F.col("keys").isNull() & value.rlike(NOT_A_NUMBER) & _is_one_object(_objects(value, JSON_WITH_NAN)),
            _said("has NaN or Infinity, which JSON does not know"),
        )
        .when(F.col("keys").isNull(), _said("is not one JSON object"))
        .when(_has_half_a_character(value), _said("has half a character: an unpaired surrogate"))
        .when(F.size("keys") > F.size(F.array_distinct("keys")), "a key occurs twice in an object")
        .alias("malformed"),
        *(_text(name).alias(name) for name in names),
    )
    values = texts.select(
        "file",
        "value",
        "malformed",
        *(_typed(field).alias(field.name) for field in table.schema),
        *(F.col(name).isNotNull().alias(f"{name} given") for name in names),
    )
    missing = [F.when(~F.col(f"{name} given"), f"{name} is missing") for name in names if name in REQUIRED[table.name]]
    wrong = [
        F.when(
            F.col(f"{field.name} given") & F.col(field.name).isNull(),
            f"{field.name} is not {JSON_TYPES[field.dataType.simpleString()]}",
        )
        for field in table.schema
    ]
    impossible = [F.when(~possible, reason) for reason, possible in _possible(table.name, now).items()]
    judged = values.withColumn("problem", F.coalesce("malformed", *missing, *wrong, *impossible))
    return judged.select(
        *names, "file", "problem", F.when(F.col("problem").isNotNull(), F.col("value")).alias("record")
    )


def _possible(table: str, now: int) -> dict[str, Column]:
    """Return what must hold for the values of a row, by what is said where it does not; null is no contradiction."""
    if table == "customer_landing":
        dates = (
            "registrationdate",
            "lastupdatedate",
            *(f"sharewith{whom}asofdate" for whom in ("research", "public", "friends")),
        )
        possible = {"email is not an e-mail address": F.col("email").rlike(EMAIL)}
        for date in dates:
            # A consent in seconds would reach back to 1970.
            in_time = F.col(date).between(YEAR_2000, YEAR_10000 - 1)
            possible[f"{date} is not a time in milliseconds"] = (F.col(date) == 0) | in_time
        for date in ("registrationdate", "lastupdatedate"):  # the latest record may decide: for years, it would
            possible[f"{date} is in the future"] = F.col(date) <= now + ONE_DAY
        return possible
    time = "timestamp" if table == "accelerometer_landing" else "sensorreadingtime"
    common = {
        f"{time} is before the year 2000 or in the future": F.col(time).between(YEAR_2000, now + ONE_DAY),
    }
    if table == "accelerometer_landing":
        return {"user is not an e-mail address": F.col("user").rlike(EMAIL)} | common
    return common | {"distancefromobject is negative": F.col("distancefromobject") >= 0}


def _objects(value: Column, options: Mapping[str, str]) -> Column:
    """Return the objects of a record, and behind them one of our own.

    Spark reads a text up to the end of the first object and ignores the rest: as an array that ends in an object of our
    own, a record with anything but one object in it no longer passes.
    """
    plain = value.startswith("{") & value.endswith("}")  # nearly every record: spare it the regular expression
    text = F.when(plain, value).otherwise(F.regexp_replace(value, AROUND_THE_OBJECT, ""))
    end = F.lit(f',{{"{END_OF_RECORD}":""}}]')
    return F.from_json(F.concat(F.lit("["), text, end), "array<map<string,string>>", dict(options))


def _is_one_object(objects: Column) -> Column:
    return (F.size(objects) == 2) & F.map_contains_key(F.get(objects, F.lit(1)), END_OF_RECORD)


def _said(what: str) -> Column:
    """Return what is said about a record."""
    return F.concat(F.lit("a "), F.col("unit"), F.lit(f" {what}"))


def _is_utf8(line: Column) -> Column:
    """Return whether a line has no byte that would be replaced when it is read: two people might become one by it."""
    return F.encode(F.decode(line.cast("binary"), "UTF-8"), "UTF-8") == line.cast("binary")


def _has_half_a_character(line: Column) -> Column:
    """Return whether a line of JSON escapes a surrogate without its other half; it would be read as a question mark."""
    halves = F.regexp_replace(line, BACKSLASHES_AND_PAIRS, " ").rlike(SURROGATE)
    return line.contains("\\u") & halves


def _text(name: str) -> Column:
    """Return the value of a key as text; null when it is absent, null or empty."""
    value = F.get("values", F.array_position("keys", name) - 1)
    return F.when(F.trim(value) != "", value)


def _typed(field: StructField) -> Column:
    """Return a text column as a value of its field's type; null when it is none, without loss and without an error."""
    name, sql_type = field.name, field.dataType.simpleString()
    text = F.col(name)
    if sql_type == "string":
        # An object or array arrives as its JSON text. A text such as "[deleted]" is none.
        nested = (text.startswith("{") | text.startswith("[")) & F.get_json_object(text, "$").isNotNull()
        return F.when(~nested & ~text.isin(*TOO_LARGE), text)
    if sql_type == "boolean":
        return F.when(text.isin("true", "false"), text == "true")
    double = F.expr(f"try_cast(`{name}` as double)")
    finite = (F.abs(double) < float("inf")) & ~text.rlike(NO_DECIMAL)  # NaN compares as greater than infinity
    if sql_type == "double":
        return F.when(finite, double)
    # 1655564376361.0 and 1.655564376361E12 are whole numbers, 1.5 is none. Not by way of a decimal: 1e-999999999 takes
    # one hours.
    whole = F.expr(f"try_cast(try_cast(`{name}` as double) as {sql_type})")
    exact = finite & (F.abs(double) < WHOLE_DOUBLES) & (whole == double)
    return F.coalesce(F.expr(f"try_cast(`{name}` as {sql_type})"), F.when(exact, whole))
