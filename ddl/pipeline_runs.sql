-- One row per job run, source table and fate of its rows; a last one per job run with the rows of the table it wrote,
-- which a run that was refused for its quarantine does not have.
-- Of every source table: read = published + dropped + quarantined.
CREATE TABLE IF NOT EXISTS ${database}_audit.pipeline_runs (
  workflow_run_id           string COMMENT 'Run of the workflow; empty for a job that was started alone. Personal data: no.',
  job_run_id                string COMMENT 'Run of the job. Personal data: no.',
  job                       string COMMENT 'Name of the Glue job. Personal data: no.',
  target_table              string COMMENT 'Table that the job writes. Personal data: no.',
  source_table              string COMMENT 'Table that the rows were read from; empty where the fate is output. Personal data: no.',
  fate                      string COMMENT 'What became of the rows: read, published, dropped or quarantined; output for the rows written to the target table. Personal data: no.',
  reason                    string COMMENT 'Why rows were dropped or quarantined, or that the output is empty although its input is not; else empty. Personal data: no.',
  `rows`                    bigint COMMENT 'Number of rows. Personal data: no.',
  profile                   string COMMENT 'Named set of policies that the job ran with. Personal data: no.',
  recorded_at               bigint COMMENT 'When this was recorded, epoch milliseconds, UTC. Personal data: no.',
  snapshot_id               bigint COMMENT 'Iceberg snapshot of the target table that the run made; null where it was refused before. Personal data: no.'
)
LOCATION 's3://${bucket}/warehouse/${database}_audit/pipeline_runs/'
TBLPROPERTIES ('table_type' = 'ICEBERG', 'format' = 'parquet', 'write_compression' = 'zstd');
