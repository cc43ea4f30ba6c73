-- Must be empty: trusted readings whose customer is not in the trusted or curated zone. Addresses are compared in lower
-- case, trimmed and composed; Athena has no case folding, so a final sigma counts as another letter here, not in the jobs.
SELECT 'accelerometer_trusted' AS table_name, count(*) AS readings
FROM "${database}"."accelerometer_trusted" AS reading
WHERE NOT EXISTS (SELECT 1 FROM "${database}"."customer_trusted" AS customer WHERE lower(normalize(trim(customer.email), NFC)) = lower(normalize(trim(reading."user"), NFC)))
HAVING count(*) > 0
UNION ALL
SELECT 'step_trainer_trusted', count(*)
FROM "${database}"."step_trainer_trusted" AS reading
WHERE NOT EXISTS (SELECT 1 FROM "${database}"."customers_curated" AS customer WHERE customer.serialnumber = reading.serialnumber)
HAVING count(*) > 0
