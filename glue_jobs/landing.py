"""Reads JSON lines as they come into rows of a landing table, and tells for each row why it cannot be used, if so."""

import uuid
from collections.abc import Sequence
from typing import Any, Final

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructField

from problems import BadInputError, causes
from table_contract import JSON_TYPES, TableContract

# Keys and measurements. Everything else about a customer may be absent, a consent above all.
REQUIRED: Final = {
    "customer_landing": {"email", "serialnumber"},
    "accelerometer_landing": {"user", "timestamp", "x", "y", "z"},
    "step_trainer_landing": {"sensorreadingtime", "serialnumber", "distancefromobject"},
}

SHOWN_FILES: Final = 5
UNSAFE_CODECS: Final = (".bz2", ".deflate", ".lz4", ".snappy", ".zst")

# White space, byte order marks, one comma. Starts only where white space does: a long run of it would take minutes.
AROUND_THE_OBJECT: Final = r"^[\s\uFEFF]++|(?<![\s\uFEFF])[\s\uFEFF]*+,?+[\s\uFEFF]*+$"
HOLDS_DATA: Final = r"[^\s\uFEFF,]"
STRICT_JSON: Final = {"allowSingleQuotes": "false", "allowNonNumericNumbers": "false"}
END_OF_LINE: Final = f"end of line {uuid.uuid4()}"  # a key that no landing record has, nor could guess
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


def read(spark: SparkSession, location: str) -> DataFrame:
    """Return the lines of a landing table that hold data, in the shape that `parse` takes."""
    lines = spark.read.option("recursiveFileLookup", "true").text(location)
    return lines.select("value", F.col("_metadata.file_path").alias("file")).where(F.col("value").rlike(HOLDS_DATA))


def hidden(spark: SparkSession, location: str) -> list[str]:
    """Return the files and folders below a location that `read` passes over, as Athena does: _these and .those."""
    java: Any = spark.sparkContext._jvm
    path_of = java.org.apache.hadoop.fs.Path
    files = path_of(location).getFileSystem(spark.sparkContext._jsc.hadoopConfiguration())
    found: list[str] = []
    level = location
    while files.globStatus(path_of(f"{level}*")):
        statuses = files.globStatus(path_of(f"{level}{{_,.}}*"))
        # An empty file is a marker such as _SUCCESS.
        found += [str(status.getPath()) for status in statuses if status.isDirectory() or status.getLen()]
        level += "*/"
    return found


def refuse_compressed(lines: DataFrame) -> None:
    """Raise a BadInputError about files that Spark would unpack and not notice when they are damaged."""
    if found := sorted(path for path in lines.inputFiles() if path.endswith(UNSAFE_CODECS)):
        shown = ", ".join(found[:SHOWN_FILES])
        raise BadInputError(
            f"The landing zone has {len(found):,} files in a compression that is not read, since damage to them would "
            f"lose rows in silence: {shown}{', ...' if len(found) > SHOWN_FILES else ''}. Unpack them, or compress "
            "them with gzip (.gz), and run again."
        )


def blame(spark: SparkSession, location: str, error: Py4JJavaError) -> BadInputError | None:
    """Return what to say when an attempt to read a location failed: by which file, which Spark's error need not name.

    None when every file can be read: then it failed for another reason.
    """
    try:
        cause = causes(error)[-1]
        out_of_memory = "OutOfMemory" in cause.getClass().getName()
    except (Py4JError, OSError):  # Java has gone, and takes the name of the file with it
        out_of_memory = True
    if out_of_memory:
        return BadInputError(
            f"Spark ran out of memory over the files at {location}. Most likely one has a line of very many megabytes: "
            "JSON lines need one object per line. Correct it, or give the job larger workers, and run again."
        )
    if "FileNotFound" in cause.getClass().getName():
        return BadInputError(f"Files at {location} went away while they were read. Run again when none is replaced.")
    lines = read(spark, location)
    listing = spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(location)
    suspects = sorted(row["file_path"] for row in listing.select("_metadata.file_path").collect())
    if _can_be_read(lines, suspects):
        return None
    while len(suspects) > 1:
        half = suspects[: len(suspects) // 2]
        suspects = suspects[len(half) :] if _can_be_read(lines, half) else half
    (reason, *_) = (cause.getMessage() or cause.getClass().getName()).splitlines()
    return BadInputError(
        f"The landing file {suspects[0]} cannot be read: {reason}. It may be cut off or not be what its name says. "
        "Replace or remove it in the landing zone and run again."
    )


def _can_be_read(lines: DataFrame, files: Sequence[str]) -> bool:
    try:
        lines.where(F.col("file").isin(*files)).count()
    except Py4JJavaError:
        return False
    return True


def parse(lines: DataFrame, table: TableContract, *, now: int) -> DataFrame:
    """Turn lines (`value`, `file`) into one row each; `now` is the time of the run, epoch milliseconds.

    A row has the table's columns, its `file`, and `problem`: null for a row that can be used, else the reason in words
    that quote nothing of the row, since that may be personal data; then `record` holds the line as it came. Keys match
    in any letter case, one comma after the object is tolerated, and an empty value is an absent value.
    """
    names = table.schema.fieldNames()
    value = F.col("value")
    plain = value.startswith("{") & value.endswith("}")  # nearly every line: spare it the regular expression
    line = F.when(plain, value).otherwise(F.regexp_replace(value, AROUND_THE_OBJECT, ""))
    # Spark reads a line up to the end of the first object and ignores the rest: as an array that ends in an object of
    # our own, a line with anything but one object in it no longer passes.
    end_of_line = F.lit(f',{{"{END_OF_LINE}":""}}]')
    objects = F.from_json(F.concat(F.lit("["), line, end_of_line), "array<map<string,string>>", STRICT_JSON)
    parsed = lines.select("file", "value", objects.alias("objects"))

    is_one_object = (F.size("objects") == 2) & F.map_contains_key(F.get("objects", F.lit(1)), END_OF_LINE)
    record = F.when(is_one_object, F.col("objects")[0])
    # Two arrays instead of a map: a map with a repeated key would stop the job with an error that quotes the key.
    keys_and_values = parsed.select(
        "file",
        "value",
        F.transform(F.map_keys(record), F.lower).alias("keys"),
        F.map_values(record).alias("values"),
    )
    texts = keys_and_values.select(
        "file",
        "value",
        F.when(~_is_utf8(value), "a line is not UTF-8 text")
        .when(F.col("keys").isNull(), "a line is not one JSON object")
        .when(_has_half_a_character(value), "a line has half a character: an unpaired surrogate")
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
