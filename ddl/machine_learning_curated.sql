-- One row per training pair: a distance reading and an accelerometer reading of the same millisecond.
-- With unmatched_steps = keep, also one row per distance reading without a partner, in which x, y and z are null.
CREATE TABLE IF NOT EXISTS ${database}.machine_learning_curated (
  serialnumber              string COMMENT 'Serial number of the Step Trainer; no column of this table identifies its owner. Null where subjectkey is filled. Personal data: no.',
  sensorreadingtime         bigint COMMENT 'Time of the measurement, epoch milliseconds, UTC. Personal data: no.',
  distancefromobject        int    COMMENT 'Distance from the sensor to the object in front of it; the source states no unit. Personal data: no.',
  x                         double COMMENT 'Movement along the x axis of the phone; the source states no unit. Personal data: no.',
  y                         double COMMENT 'Movement along the y axis of the phone; the source states no unit. Personal data: no.',
  z                         double COMMENT 'Movement along the z axis of the phone; the source states no unit. Personal data: no.',
  subjectkey                string COMMENT 'Pseudonym of the customer: hexadecimal HMAC-SHA256 of the e-mail address with a secret key. Null unless training_subject = pseudonym. Personal data: pseudonym.'
)
LOCATION 's3://${bucket}/warehouse/${database}/machine_learning_curated/'
TBLPROPERTIES ('table_type' = 'ICEBERG', 'format' = 'parquet', 'write_compression' = 'zstd');
