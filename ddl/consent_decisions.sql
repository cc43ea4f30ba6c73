-- One row per run and distinct customer record: whether its consent kept it or not, and why.
CREATE TABLE IF NOT EXISTS ${database}_audit.consent_decisions (
  workflow_run_id           string COMMENT 'Run of the workflow; empty for a job that was started alone. Personal data: no.',
  job_run_id                string COMMENT 'Run of the job. Personal data: no.',
  subjectkey                string COMMENT 'Pseudonym of the customer: HMAC-SHA256 of the e-mail address under a secret key, hexadecimal. Personal data: pseudonym.',
  decision                  string COMMENT 'What became of the record: kept or dropped. Personal data: no.',
  reason                    string COMMENT 'Why. Personal data: no.',
  consentedat               bigint COMMENT 'Since when the customer shares data with research, epoch milliseconds, UTC, as the record says; null or 0 means not agreed. Personal data: yes.',
  records                   bigint COMMENT 'Number of exact copies of the record. Personal data: no.',
  profile                   string COMMENT 'Named set of policies that decided. Personal data: no.',
  decided_at                bigint COMMENT 'When it was decided, epoch milliseconds, UTC. Personal data: no.'
)
LOCATION 's3://${bucket}/warehouse/${database}_audit/consent_decisions/'
TBLPROPERTIES ('table_type' = 'ICEBERG', 'format' = 'parquet', 'write_compression' = 'zstd');
