-- One row per distinct distance reading of a Step Trainer that belongs to a curated customer.
CREATE TABLE IF NOT EXISTS ${database}.step_trainer_trusted (
  sensorreadingtime         bigint COMMENT 'When the distance was measured, epoch milliseconds, UTC. Personal data: no.',
  serialnumber              string COMMENT 'Serial number of the Step Trainer that measured; with the customer tables it leads to its owner. Personal data: yes.',
  distancefromobject        int    COMMENT 'Distance from the sensor to the object before it; the source states no unit. Personal data: no.'
)
LOCATION 's3://${bucket}/warehouse/${database}/step_trainer_trusted/'
TBLPROPERTIES ('table_type' = 'ICEBERG', 'format' = 'parquet', 'write_compression' = 'zstd');
