-- One row per distance reading as the Step Trainer sent it.
CREATE EXTERNAL TABLE IF NOT EXISTS ${database}.step_trainer_landing (
  sensorreadingtime         bigint COMMENT 'Time of the measurement, epoch milliseconds, UTC. Personal data: no.',
  serialnumber              string COMMENT 'Serial number of the Step Trainer; with the customer tables it identifies the owner. Personal data: yes.',
  distancefromobject        int    COMMENT 'Distance from the sensor to the object in front of it; the source states no unit. Personal data: no.'
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://${bucket}/step_trainer/landing/';
