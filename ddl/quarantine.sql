-- One row per landing record that a job could not use, as it came.
CREATE EXTERNAL TABLE IF NOT EXISTS ${database}_audit.quarantine (
  source_table              string COMMENT 'Landing table that the record was meant for. Personal data: no.',
  file                      string COMMENT 'S3 URI of the file that holds the record. Personal data: no.',
  record                    string COMMENT 'The line as it came, whatever it holds. Personal data: yes.',
  reason                    string COMMENT 'Why it can not be used. Personal data: no.',
  workflow_run_id           string COMMENT 'Run of the workflow; empty for a job that was started alone. Personal data: no.',
  job_run_id                string COMMENT 'Run of the job. Personal data: no.',
  quarantined_at            bigint COMMENT 'When it was put here, epoch milliseconds, UTC. Personal data: no.'
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://${bucket}/quarantine/';
