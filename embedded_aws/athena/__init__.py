"""Athena of the embedded AWS: queries run in DuckDB, on tables that are read with the caller's permissions.

A query goes through these modules:

- `service`: the API. Checks the workgroup, queues the query, returns states and results.
- `statements`: tells what kind of statement the text is.
- `translation`: Athena's SQL becomes DuckDB's, and the tables that it names become a list.
- `tables`, `openx_json`: read these tables from Glue and S3 as the caller, into memory.
- `execution`: runs the SQL in a DuckDB that sees these tables and nothing else: no file, no network, no variable.
- `results`: types, the CSV file and the metadata file, as Athena writes them.

What cannot be answered as Athena does is FAILED with its reason. The known differences are in docs/operating.md.
"""
