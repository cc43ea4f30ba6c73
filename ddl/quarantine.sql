-- One row per landing record that a job could not use, as it arrived.
CREATE EXTERNAL TABLE IF NOT EXISTS ${database}_audit.quarantine (
  source_table              string COMMENT 'Landing table that the record was meant for. Personal data: no.',
  file                      string COMMENT 'S3 URI of the file that holds the record. Personal data: no.',
  record                    string COMMENT 'The record as it arrived; it may hold any content. Personal data: yes.',
  reason                    string COMMENT 'Reason for which the record cannot be used. Personal data: no.',
  workflow_run_id           string COMMENT 'Id of the workflow run; empty for a job started outside a workflow. Personal data: no.',
  job_run_id                string COMMENT 'Id of the job run. Personal data: no.',
  quarantined_at            bigint COMMENT 'Time of the quarantine, epoch milliseconds, UTC. Personal data: no.'
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://${bucket}/quarantine/';
