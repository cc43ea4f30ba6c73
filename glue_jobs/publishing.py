"""Replaces the content of an Iceberg table in one commit."""

from collections.abc import Mapping
from typing import Final

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from problems import BadInputError
from table_contract import TableContract

ROWS_PER_FILE: Final = 2_000_000


def read(spark: SparkSession, name: str) -> DataFrame:
    """Return an Iceberg table (catalog.database.table) as it is now."""
    try:
        return spark.table(name)
    except AnalysisException as error:
        if error.getErrorClass() == "TABLE_OR_VIEW_NOT_FOUND":
            raise BadInputError(f"There is no table {name}. Terraform creates the tables: apply it first.") from error
        raise


def evolve(spark: SparkSession, name: str, contract: TableContract) -> None:
    """Add the columns of the contract that a table lacks; Terraform can create an Iceberg table but not evolve it."""
    actual = {field.name: field.dataType for field in read(spark, name).schema}
    surplus = actual.keys() - set(contract.schema.fieldNames())
    retyped = {f.name for f in contract.schema if actual.get(f.name, f.dataType) != f.dataType}
    if surplus or retyped:
        raise BadInputError(
            f"{name} does not fit {contract.name}.sql: {', '.join(sorted(surplus | retyped))} "
            "differ in type or are not in the file. Alter the table by hand, or take the change back."
        )
    missing = [field for field in contract.schema if field.name not in actual]
    if missing:
        columns = ", ".join(
            f"`{field.name}` {field.dataType.simpleString()} COMMENT '{field.metadata['comment']}'" for field in missing
        )
        spark.sql(f"ALTER TABLE {name} ADD COLUMNS ({columns})")


def overwrite(rows: DataFrame, count: int, name: str, properties: Mapping[str, str]) -> None:
    """Replace all rows of a table by these `count` rows, and note the properties in the summary of the new snapshot.

    Readers see the old rows until the commit and all of the new ones after it; a failure before it changes nothing.
    """
    # Else each of Spark's partitions, by default 200, becomes a file. Sorted, they compress better and equal runs give
    # equal files.
    files = rows.coalesce(1 + count // ROWS_PER_FILE).sortWithinPartitions(*(f"`{column}`" for column in rows.columns))
    writer = files.writeTo(name).option("compression-codec", "zstd")
    for key, value in properties.items():
        writer = writer.option(f"snapshot-property.{key}", value)
    writer.overwrite(F.lit(True))
