-- One row per accelerometer reading as the mobile app sent it.
-- A customer may have several readings of one millisecond, which differ in x, y or z.
CREATE EXTERNAL TABLE IF NOT EXISTS ${database}.accelerometer_landing (
  `user`                    string COMMENT 'E-mail address of the customer; equals email of the customer tables. Personal data: yes.',
  `timestamp`               bigint COMMENT 'Time of the measurement, epoch milliseconds, UTC. Personal data: no.',
  x                         double COMMENT 'Movement along the x axis of the phone; the source states no unit. Personal data: no.',
  y                         double COMMENT 'Movement along the y axis of the phone; the source states no unit. Personal data: no.',
  z                         double COMMENT 'Movement along the z axis of the phone; the source states no unit. Personal data: no.'
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://${bucket}/accelerometer/landing/';
