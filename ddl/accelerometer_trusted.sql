-- One row per distinct accelerometer reading covered by a consent to research.
CREATE TABLE IF NOT EXISTS ${database}.accelerometer_trusted (
  `user`                    string COMMENT 'E-mail address of the customer; equals email of the customer tables. Personal data: yes.',
  `timestamp`               bigint COMMENT 'Time of the measurement, epoch milliseconds, UTC. Personal data: no.',
  x                         double COMMENT 'Movement along the x axis of the phone; the source states no unit. Personal data: no.',
  y                         double COMMENT 'Movement along the y axis of the phone; the source states no unit. Personal data: no.',
  z                         double COMMENT 'Movement along the z axis of the phone; the source states no unit. Personal data: no.'
)
LOCATION 's3://${bucket}/warehouse/${database}/accelerometer_trusted/'
TBLPROPERTIES ('table_type' = 'ICEBERG', 'format' = 'parquet', 'write_compression' = 'zstd');
