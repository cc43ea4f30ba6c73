-- Queries in the forms in which public STEDI guides verify their tables: what a reader of one may paste into Athena.

SELECT COUNT(*) FROM customer_landing;
SELECT COUNT(*) FROM accelerometer_landing;
SELECT COUNT(*) FROM step_trainer_landing;
SELECT COUNT(*) FROM customer_trusted;
SELECT COUNT(*) FROM accelerometer_trusted;
SELECT COUNT(*) FROM step_trainer_trusted;
SELECT COUNT(*) FROM customers_curated;
select count(*) from machine_learning_curated;

SELECT 1 AS sort_order, 'customer_landing' AS table_name, COUNT(*) AS row_count FROM customer_landing
UNION ALL
SELECT 2, 'customer_trusted', COUNT(*) FROM customer_trusted
UNION ALL
SELECT 3, 'machine_learning_curated', COUNT(*) FROM machine_learning_curated
ORDER BY sort_order;

SELECT * FROM "AwsDataCatalog"."${database}"."customer_trusted";

SELECT COUNT(*) FROM customer_landing WHERE sharewithresearchasofdate IS NULL;
SELECT count(*) FROM customer_landing WHERE shareWithResearchAsOfDate IS NOT NULL;
select count(1) as record_count from customer_trusted where sharewithresearchasofdate is null or sharewithresearchasofdate = 0;
SELECT COUNT(DISTINCT email) AS emails, COUNT(DISTINCT serialnumber) AS serial_numbers FROM customer_landing;

SELECT serialnumber, COUNT(*) AS customers
FROM customer_landing
GROUP BY serialnumber
HAVING COUNT(*) > 1
ORDER BY customers DESC, serialnumber
LIMIT 10;

SELECT
  COUNT(*) AS total_rows,
  SUM(CASE WHEN email IS NULL THEN 1 ELSE 0 END) AS missing_email,
  SUM(CASE WHEN customername = '' THEN 1 ELSE 0 END) AS missing_name
FROM customers_curated;

SELECT COUNT(DISTINCT "user") FROM accelerometer_trusted WHERE "user" NOT IN (SELECT email FROM customer_trusted);

SELECT DISTINCT customer_trusted.*
FROM customer_trusted
WHERE customer_trusted.email IN (SELECT DISTINCT "user" FROM accelerometer_trusted);

SELECT count(*)
FROM accelerometer_landing a
INNER JOIN customer_trusted c ON a.user = c.email
WHERE a.timestamp >= c.sharewithresearchasofdate;

SELECT min(from_unixtime(timestamp / 1000)), max(from_unixtime(timestamp / 1000)) FROM accelerometer_trusted;

SELECT DISTINCT s.*
FROM step_trainer_landing s
JOIN customers_curated c ON s.serialnumber = c.serialnumber
ORDER BY s.serialnumber, s.sensorreadingtime, s.distancefromobject
LIMIT 25;

SELECT count(*) FROM accelerometer_trusted a, step_trainer_trusted s WHERE a.timestamp = s.sensorreadingtime;

SELECT s.serialnumber, s.sensorreadingtime, avg(s.distancefromobject) AS distance, avg(a.x) AS x
FROM step_trainer_trusted s
JOIN accelerometer_trusted a ON a.timestamp = s.sensorreadingtime
GROUP BY s.serialnumber, s.sensorreadingtime
ORDER BY 2, 1
LIMIT 20;

SELECT coalesce(distancefromobject, 0) AS distance, count(*)
FROM accelerometer_trusted a
LEFT JOIN step_trainer_trusted s ON a.timestamp = s.sensorreadingtime
GROUP BY 1
ORDER BY 1;

WITH pairs AS (SELECT serialnumber, sensorreadingtime, x, y, z FROM machine_learning_curated)
SELECT serialnumber, count(*) AS n, row_number() OVER (ORDER BY count(*) DESC, serialnumber) AS place
FROM pairs
GROUP BY serialnumber
ORDER BY place
LIMIT 5;

SELECT regexp_replace(serialnumber, '-.*', '') AS prefix, length(serialnumber) AS letters, count(*)
FROM machine_learning_curated
GROUP BY 1, 2;
