-- One row per pair of a distance reading and an accelerometer reading of the same millisecond, for training.
-- With unmatched steps kept, also one row per distance reading without a partner: its x, y and z are null.
CREATE TABLE IF NOT EXISTS ${database}.machine_learning_curated (
  serialnumber              string COMMENT 'Serial number of the Step Trainer that measured; nothing here tells its owner. Null where subjectkey is filled. Personal data: no.',
  sensorreadingtime         bigint COMMENT 'When the distance was measured, epoch milliseconds, UTC. Personal data: no.',
  distancefromobject        int    COMMENT 'Distance from the sensor to the object before it; the source states no unit. Personal data: no.',
  x                         double COMMENT 'Movement along the x axis of the phone; the source states no unit. Personal data: no.',
  y                         double COMMENT 'Movement along the y axis of the phone; the source states no unit. Personal data: no.',
  z                         double COMMENT 'Movement along the z axis of the phone; the source states no unit. Personal data: no.',
  subjectkey                string COMMENT 'Pseudonym of the customer: HMAC-SHA256 of the e-mail address under a secret key, hexadecimal. Null unless training_subject = pseudonym. Personal data: pseudonym.'
)
LOCATION 's3://${bucket}/warehouse/${database}/machine_learning_curated/'
TBLPROPERTIES ('table_type' = 'ICEBERG', 'format' = 'parquet', 'write_compression' = 'zstd');
