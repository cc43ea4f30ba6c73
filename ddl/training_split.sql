-- One row per subject of machine_learning_curated, with the split that all training rows of the subject are in.
-- Subjects with a common Step Trainer, a common customer or a common training row are in the same split.
CREATE TABLE IF NOT EXISTS ${database}.training_split (
  subject                   string COMMENT 'Subject of a training row: its subjectkey or, where that is null, its serialnumber. Personal data: pseudonym.',
  split                     string COMMENT 'train, validation or test. Personal data: no.'
)
LOCATION 's3://${bucket}/warehouse/${database}/training_split/'
TBLPROPERTIES ('table_type' = 'ICEBERG', 'format' = 'parquet', 'write_compression' = 'zstd');
