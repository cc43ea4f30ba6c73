"""The five tables by DuckDB, JSON to Parquet, in one process: what the data needs without a cluster's machinery."""

import sys
from pathlib import Path

import duckdb

THREADS = 2
TABLES = {
    "customer_trusted": """
        SELECT * FROM read_json('{landing}/customer/landing/*.json')
        WHERE shareWithResearchAsOfDate IS NOT NULL AND shareWithResearchAsOfDate != 0""",
    "accelerometer_trusted": """
        SELECT * FROM read_json('{landing}/accelerometer/landing/*.json')
        WHERE "user" IN (SELECT email FROM customer_trusted)""",
    "customers_curated": """
        SELECT * FROM customer_trusted WHERE email IN (SELECT "user" FROM accelerometer_trusted)""",
    "step_trainer_trusted": """
        SELECT * FROM read_json('{landing}/step_trainer/landing/*.json')
        WHERE serialNumber IN (SELECT serialNumber FROM customers_curated)""",
    "machine_learning_curated": """
        SELECT s.*, a.x, a.y, a.z FROM step_trainer_trusted s
        JOIN accelerometer_trusted a ON s.sensorReadingTime = a.timestamp""",
}


def main(landing: str, output: str) -> None:
    """Make the five tables of a landing folder as Parquet files in an output folder."""
    Path(output).mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(config={"threads": THREADS, "preserve_insertion_order": False})
    for table, query in TABLES.items():
        connection.execute(f"CREATE TABLE {table} AS {query.format(landing=landing)}")
        connection.execute(f"COPY {table} TO '{output}/{table}.parquet' (FORMAT parquet, COMPRESSION zstd)")


if __name__ == "__main__":
    main(*sys.argv[1:])
