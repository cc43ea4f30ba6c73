-- One row per distance reading as the Step Trainer sent it.
CREATE EXTERNAL TABLE IF NOT EXISTS ${database}.step_trainer_landing (
  sensorreadingtime         bigint COMMENT 'When the distance was measured, epoch milliseconds, UTC. Personal data: no.',
  serialnumber              string COMMENT 'Serial number of the Step Trainer that measured; with the customer tables it leads to its owner. Personal data: yes.',
  distancefromobject        int    COMMENT 'Distance from the sensor to the object before it; the source states no unit. Personal data: no.'
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://${bucket}/step_trainer/landing/';
