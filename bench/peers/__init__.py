"""The pipeline as AWS Glue Studio generates it: five scripts, inferred schemas, inner joins, JSON, nothing checked."""
