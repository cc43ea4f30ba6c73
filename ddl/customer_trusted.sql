-- One row per distinct customer record with consent to share data with research.
CREATE TABLE IF NOT EXISTS ${database}.customer_trusted (
  customername              string COMMENT 'Name of the customer as they entered it. Personal data: yes.',
  email                     string COMMENT 'Customer key: e-mail address of the account. Personal data: yes.',
  phone                     string COMMENT 'Phone number, digits as the customer entered them. Personal data: yes.',
  birthday                  string COMMENT 'Date of birth, YYYY-MM-DD; a string because impossible dates such as 1399-01-01 occur. Personal data: yes.',
  serialnumber              string COMMENT 'Serial number of the Step Trainer of the customer; several customers may share one. Personal data: yes.',
  registrationdate          bigint COMMENT 'Time of the registration of the account, epoch milliseconds, UTC. Personal data: yes.',
  lastupdatedate            bigint COMMENT 'Time of the last change of this record, epoch milliseconds, UTC. Personal data: yes.',
  sharewithresearchasofdate bigint COMMENT 'Start of consent to share data with research, epoch milliseconds, UTC; never null here. Personal data: yes.',
  sharewithpublicasofdate   bigint COMMENT 'Start of consent to share data with the public, epoch milliseconds, UTC; null or 0 means no consent. Personal data: yes.',
  sharewithfriendsasofdate  bigint COMMENT 'Start of consent to share data with friends, epoch milliseconds, UTC; null or 0 means no consent. Personal data: yes.'
)
LOCATION 's3://${bucket}/warehouse/${database}/customer_trusted/'
TBLPROPERTIES ('table_type' = 'ICEBERG', 'format' = 'parquet', 'write_compression' = 'zstd');
