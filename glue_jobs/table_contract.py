"""The schema contract: what `ddl/<table>.sql` says about a table, in Spark's terms."""

import re
from dataclasses import dataclass
from typing import Final

from pyspark.sql.types import DataType, DateType, DoubleType, IntegerType, LongType, StringType, StructType

import extra_files
from problems import BadInputError

TYPES: Final[dict[str, DataType]] = {
    "string": StringType(),
    "bigint": LongType(),
    "double": DoubleType(),
    "int": IntegerType(),
    "date": DateType(),
}
# One column per line, as Terraform reads it too: `  email  string COMMENT 'Customer key ...',`
COLUMN: Final = re.compile(rf"^ +`?(\w+)`? +({'|'.join(TYPES)}) +COMMENT '([^']*)'", re.MULTILINE)
LOCATION: Final = re.compile(r"^LOCATION '([^']+)'", re.MULTILINE)


@dataclass(frozen=True)
class TableContract:
    """A table as its DDL declares it; `location` may still hold the placeholders `${database}` and `${bucket}`."""

    name: str
    schema: StructType
    location: str

    def location_in(self, *, bucket: str, database: str) -> str:
        """Return the address of the table's files in a deployment."""
        return self.location.replace("${bucket}", bucket).replace("${database}", database)


def parse(name: str, ddl: str) -> TableContract:
    """Return the contract that a DDL text states; column comments travel along in the schema."""
    schema = StructType()
    for column, sql_type, comment in COLUMN.findall(ddl):
        schema.add(column, TYPES[sql_type], metadata={"comment": comment})
    location = LOCATION.search(ddl)
    if not schema.fields or location is None:
        raise BadInputError(
            f"{name}.sql states no {'location' if schema.fields else 'column'}. Each column needs a line of its own, "
            "\"  name  type COMMENT 'meaning',\", and the location a line \"LOCATION 's3://...'\"."
        )
    return TableContract(name, schema, location.group(1))


def load(name: str) -> TableContract:
    """Return the contract of a table from its DDL among the extra files."""
    return parse(name, extra_files.read(f"{name}.sql"))
