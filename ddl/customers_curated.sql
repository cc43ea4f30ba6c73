-- One row per trusted customer record whose customer has at least one trusted accelerometer reading.
CREATE TABLE IF NOT EXISTS ${database}.customers_curated (
  customername              string COMMENT 'Name of the customer as they entered it, or its pseudonym where curated_identity = pseudonym. Personal data: yes.',
  email                     string COMMENT 'Customer key: e-mail address of the account, or its pseudonym where curated_identity = pseudonym. Personal data: yes.',
  phone                     string COMMENT 'Phone number, digits as the customer entered them, or its pseudonym where curated_identity = pseudonym. Personal data: yes.',
  birthday                  string COMMENT 'Date of birth, YYYY-MM-DD; a string because impossible dates such as 1399-01-01 occur. Personal data: yes.',
  serialnumber              string COMMENT 'Serial number of the Step Trainer that the customer owns; one number may belong to many customers. Personal data: yes.',
  registrationdate          bigint COMMENT 'When the account was registered, epoch milliseconds, UTC. Personal data: yes.',
  lastupdatedate            bigint COMMENT 'When this record was last changed, epoch milliseconds, UTC. Personal data: yes.',
  sharewithresearchasofdate bigint COMMENT 'Since when the customer shares data with research, epoch milliseconds, UTC; never null here. Personal data: yes.',
  sharewithpublicasofdate   bigint COMMENT 'Since when the customer shares data with the public, epoch milliseconds, UTC; null or 0 means not agreed. Personal data: yes.',
  sharewithfriendsasofdate  bigint COMMENT 'Since when the customer shares data with friends, epoch milliseconds, UTC; null or 0 means not agreed. Personal data: yes.'
)
LOCATION 's3://${bucket}/warehouse/${database}/customers_curated/'
TBLPROPERTIES ('table_type' = 'ICEBERG', 'format' = 'parquet', 'write_compression' = 'zstd');
