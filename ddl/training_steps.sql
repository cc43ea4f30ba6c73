-- One row per step that a subject of machine_learning_curated really took: the label of the generated sample.
-- Empty for other landing data: the public STEDI data has no label.
CREATE TABLE IF NOT EXISTS ${database}.training_steps (
  subject                   string COMMENT 'Subject of a training row: its subjectkey or, where that is null, its serialnumber. Personal data: pseudonym.',
  steptime                  bigint COMMENT 'Time at which the foot passes the Step Trainer, epoch milliseconds, UTC. Personal data: no.'
)
LOCATION 's3://${bucket}/warehouse/${database}/training_steps/'
TBLPROPERTIES ('table_type' = 'ICEBERG', 'format' = 'parquet', 'write_compression' = 'zstd');
