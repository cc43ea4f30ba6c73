-- One row per distinct distance reading of a Step Trainer that belongs to a curated customer.
CREATE TABLE IF NOT EXISTS ${database}.step_trainer_trusted (
  sensorreadingtime         bigint COMMENT 'Time of the measurement, epoch milliseconds, UTC. Personal data: no.',
  serialnumber              string COMMENT 'Serial number of the Step Trainer; with the customer tables it identifies the owner. Personal data: yes.',
  distancefromobject        int    COMMENT 'Distance from the sensor to the object in front of it; the source states no unit. Personal data: no.'
)
LOCATION 's3://${bucket}/warehouse/${database}/step_trainer_trusted/'
TBLPROPERTIES ('table_type' = 'ICEBERG', 'format' = 'parquet', 'write_compression' = 'zstd');
