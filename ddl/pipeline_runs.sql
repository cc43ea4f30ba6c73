-- One row per job run, source table, outcome and reason; one more per job run for the rows written to its target table,
-- unless the run was refused because it exceeded its quarantine limit. One per table that a rollback has put back (outcome
-- restored), and per table and reason for which earlier snapshots were removed (outcome expired).
-- For every source table: read = published + dropped + quarantined.
CREATE TABLE IF NOT EXISTS ${database}_audit.pipeline_runs (
  workflow_run_id           string COMMENT 'Id of the workflow run; empty for a job started outside a workflow. Personal data: no.',
  job_run_id                string COMMENT 'Id of the job run. Personal data: no.',
  job                       string COMMENT 'Name of the Glue job. Personal data: no.',
  target_table              string COMMENT 'Table that the job wrote. Personal data: no.',
  source_table              string COMMENT 'Table that the rows were read from; empty where the outcome is output, restored or expired. Personal data: no.',
  outcome                   string COMMENT 'Outcome of the rows: read, published, dropped or quarantined; output: written to the target table; restored: put back by a rollback; expired: snapshots that were removed. Personal data: no.',
  reason                    string COMMENT 'Why rows were dropped or quarantined, or snapshots removed; that the output is empty although its input is not; the run that was restored; otherwise empty. Personal data: no.',
  `rows`                    bigint COMMENT 'Number of rows; of snapshots where the outcome is expired. Personal data: no.',
  profile                   string COMMENT 'Named set of policies of the job run. Personal data: no.',
  recorded_at               bigint COMMENT 'Time of the record, epoch milliseconds, UTC. Personal data: no.',
  snapshot_id               bigint COMMENT 'Iceberg snapshot of the target table that the run committed; null for a refused run. Personal data: no.',
  started_by                string COMMENT 'User and machine of the command that started the run; empty if a trigger or another client did. Personal data: yes.',
  code_commit               string COMMENT 'Git commit of the checkout of that command, with +changes if its code differed from it; otherwise empty. Personal data: no.',
  landing_data              string COMMENT 'Landing data as the job found it: JSON with the folder that the command uploaded, and files, bytes and a digest by table. Personal data: no.',
  computed_by               string COMMENT 'Id of the job run that computed the rows: an earlier one if nothing had changed since then, so that this one took its rows over. Personal data: no.'
)
LOCATION 's3://${bucket}/warehouse/${database}_audit/pipeline_runs/'
TBLPROPERTIES ('table_type' = 'ICEBERG', 'format' = 'parquet', 'write_compression' = 'zstd');
