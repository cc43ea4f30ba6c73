"""The schema contract of a table: `ddl/<table>.sql` as a Spark schema and a location."""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from pyspark.sql.types import (
    BooleanType,
    DataType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    StringType,
    StructType,
    TimestampNTZType,
)

import extra_files
from problems import BadInputError

# Types that Athena, Glue, Iceberg and Spark all support. Athena's timestamp has no time zone; Iceberg has no smallint.
TYPES: Final[dict[str, DataType]] = {
    "boolean": BooleanType(),
    "int": IntegerType(),
    "bigint": LongType(),
    "float": FloatType(),
    "double": DoubleType(),
    "date": DateType(),
    "timestamp": TimestampNTZType(),
    "string": StringType(),
}
DECIMALS: Final = {f"decimal({p},{s})": DecimalType(p, s) for p in range(1, 39) for s in range(p + 1)}

# JSON types and their names in messages. Dates, times and decimals land as strings; a job casts them.
JSON_TYPES: Final = {
    "string": "a text",
    "bigint": "a whole number",
    "int": "a whole number",
    "double": "a finite number",
    "boolean": "true or false",
}

# A COMMENT has no quote, backslash or brace: a quote ends it, and SQL or Terraform would interpret the others.
COLUMN: Final = r"[ \t]+([a-z_][a-z0-9_]*|`[a-z_][a-z0-9_]*`)[ \t]+([^'\n]*[^'\s])[ \t]+COMMENT[ \t]+'([^'\\{\n]+)'"
GRAIN: Final = r"-- [^{\n]+"
CREATE: Final = r"CREATE (?:EXTERNAL )?TABLE (?:IF NOT EXISTS )?\$\{database\}\w*\.\w+ \("
PROPERTY: Final = r"'[^'{\n]+' = '[^'{\n]*'"
PROPERTIES: Final = rf"\({PROPERTY}(?:, {PROPERTY})*\)"
SERDE: Final = r"ROW FORMAT SERDE '[^'{\n]+'"
SERDE_PROPERTIES: Final = rf"WITH SERDEPROPERTIES {PROPERTIES}"
LOCATION: Final = r"LOCATION '((?:[^'{\n]|\$\{(?:database|bucket)\})+)'"
TABLE_PROPERTIES: Final = rf"TBLPROPERTIES {PROPERTIES}"
# Each line with the line that must precede it; modules/catalog/ddl.tf in Terraform has the same.
LAYOUT: Final = re.compile(
    "|".join(
        f"(?:{before})\n(?:{line})"
        for before, line in (
            (f"|{GRAIN}", GRAIN),
            (GRAIN, CREATE),
            (f"{CREATE}|{COLUMN},", f"{COLUMN},?"),
            (COLUMN, r"\)"),
            (r"\)", SERDE),
            (SERDE, SERDE_PROPERTIES),
            (rf"\)|{SERDE}|{SERDE_PROPERTIES}", f"{LOCATION};?"),
            (LOCATION, f"{TABLE_PROPERTIES};"),
            (f"{LOCATION};|{TABLE_PROPERTIES};", ""),
        )
    )
)
EXPECTED: Final = (
    "A column is one line, \"  name  type COMMENT 'meaning',\", with a name in lower case, no ' \\ or { in the "
    "meaning, and no comma if it is the last; a line ) and one \"LOCATION 's3://...'\" follow."
)
SHOWN: Final = 100  # characters of a line in a message


@dataclass(frozen=True)
class TableContract:
    """A table as its DDL declares it; `location` may have the placeholders `${database}` and `${bucket}`."""

    name: str
    schema: StructType
    location: str

    def location_in(self, *, bucket: str, database: str) -> str:
        """Return the URI of the table's files in a deployment."""
        return self.location.replace("${bucket}", bucket).replace("${database}", database)


def parse(name: str, ddl: str) -> TableContract:
    """Parse a DDL text; column comments become metadata of the schema.

    Raises a BadInputError for the first line that cannot be parsed: no line is ignored.
    """
    lines = ["", *re.sub(r"[ \t\r]+(?=\n)", "", ddl.removeprefix("\ufeff")).rstrip(" \t\r\n").split("\n"), ""]
    is_json = any(re.fullmatch(SERDE, line) for line in lines)
    schema, location = StructType(), ""
    for number, (before, line) in enumerate(pairwise(lines), start=1):
        wrong = None
        if not LAYOUT.fullmatch(f"{before}\n{line}"):
            wrong = f"{line.strip()[:SHOWN] or 'an empty line'} is not expected here. {EXPECTED}"
        elif match := re.fullmatch(f"{COLUMN},?", line):
            column, sql_type, comment = match[1].strip("`"), match[2], match[3]
            spark_type = TYPES.get(sql_type) or DECIMALS.get(sql_type)
            if column in schema.names:
                wrong = f"the column {column} is declared twice."
            elif spark_type is None:
                known = f"{', '.join(TYPES)} and decimal(precision,scale), in lower case,"
                wrong = f"the column {column} has the type {sql_type[:SHOWN]}, but only {known} are supported."
            elif is_json and sql_type not in JSON_TYPES:
                known = f"{', '.join(JSON_TYPES)}, and cast it in the job"
                wrong = (
                    f"the column {column} has the type {sql_type}, which JSON does not have. "
                    f"Declare it as one of {known}."
                )
            else:
                schema.add(column, spark_type, metadata={"comment": comment})
        elif match := re.fullmatch(f"{LOCATION};?", line):
            location = match[1]
        if wrong:
            raise BadInputError(f"{name}.sql, line {number}: {wrong} Correct the file and apply.")
    return TableContract(name, schema, location)


def load(name: str) -> TableContract:
    """Return the contract of a table from its DDL among the extra files."""
    return parse(name, extra_files.read(f"{name}.sql"))
