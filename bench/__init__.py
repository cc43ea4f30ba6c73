"""`make bench`: the lakehouse, a naive Spark pipeline and DuckDB, side by side on the same landing data."""
