-- One row per customer record as the website wrote it. An e-mail address may have several records.
CREATE EXTERNAL TABLE IF NOT EXISTS ${database}.customer_landing (
  customername              string COMMENT 'Name of the customer as they entered it. Personal data: yes.',
  email                     string COMMENT 'Customer key: e-mail address of the account. Personal data: yes.',
  phone                     string COMMENT 'Phone number, digits as the customer entered them. Personal data: yes.',
  birthday                  string COMMENT 'Date of birth, YYYY-MM-DD; a string because impossible dates such as 1399-01-01 occur. Personal data: yes.',
  serialnumber              string COMMENT 'Serial number of the Step Trainer that the customer owns; one number may belong to many customers. Personal data: yes.',
  registrationdate          bigint COMMENT 'When the account was registered, epoch milliseconds, UTC. Personal data: yes.',
  lastupdatedate            bigint COMMENT 'When this record was last changed, epoch milliseconds, UTC. Personal data: yes.',
  sharewithresearchasofdate bigint COMMENT 'Since when the customer shares data with research, epoch milliseconds, UTC; absent, null, 0 or empty means not agreed. Personal data: yes.',
  sharewithpublicasofdate   bigint COMMENT 'Since when the customer shares data with the public, epoch milliseconds, UTC; null or 0 means not agreed. Personal data: yes.',
  sharewithfriendsasofdate  bigint COMMENT 'Since when the customer shares data with friends, epoch milliseconds, UTC; null or 0 means not agreed. Personal data: yes.'
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://${bucket}/customer/landing/';
