-- One row per run and distinct customer record: whether it was kept or dropped for its consent, and why.
CREATE TABLE IF NOT EXISTS ${database}_audit.consent_decisions (
  workflow_run_id           string COMMENT 'Id of the workflow run; empty for a job started outside a workflow. Personal data: no.',
  job_run_id                string COMMENT 'Id of the job run. Personal data: no.',
  subjectkey                string COMMENT 'Pseudonym of the customer: hexadecimal HMAC-SHA256 of the e-mail address with a secret key. Personal data: pseudonym.',
  decision                  string COMMENT 'Decision about the record: kept or dropped. Personal data: no.',
  reason                    string COMMENT 'Drop reason; empty for a kept record. Personal data: no.',
  consentedat               bigint COMMENT 'Start of consent to share data with research as in the record, epoch milliseconds, UTC; null or 0 means no consent. Personal data: yes.',
  records                   bigint COMMENT 'Number of exact copies of the record. Personal data: no.',
  profile                   string COMMENT 'Named set of policies of the decision. Personal data: no.',
  decided_at                bigint COMMENT 'Time of the decision, epoch milliseconds, UTC. Personal data: no.'
)
LOCATION 's3://${bucket}/warehouse/${database}_audit/consent_decisions/'
TBLPROPERTIES ('table_type' = 'ICEBERG', 'format' = 'parquet', 'write_compression' = 'zstd');
