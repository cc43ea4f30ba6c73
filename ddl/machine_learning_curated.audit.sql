-- Inputs: step_trainer_trusted, accelerometer_trusted, customers_curated, owners.
-- A rule is a query that returns the rows which violate it; any such row keeps machine_learning_curated from
-- being published. The parameters are the policies.
-- A rule marked `only if <policy> = '<value>'` is checked only under that value.
-- A rule marked `implied by the expected rows` is checked only if `actual` and `expected` rows differ, or by an
-- exhaustive audit.
-- A rule marked `of all rows` is also checked of rows published before, if rows are added and something else is
-- decided about people.
-- owners has the curated customers with their e-mail addresses, even where customers_curated has pseudonyms.
-- `address`, in every input with e-mail addresses, is their canonical form.

-- actual rows
SELECT if(:training_subject = 'serial_number', serialnumber, null) AS serialnumber,
  sensorreadingtime, distancefromobject, x, y, z
FROM machine_learning_curated;

-- expected rows
SELECT if(:training_subject = 'serial_number', step.serialnumber, null) AS serialnumber,
  sensorreadingtime, distancefromobject, x, y, z
FROM step_trainer_trusted step
LEFT JOIN (
  SELECT `timestamp`, x, y, z, owned.serialnumber FROM accelerometer_trusted
  LEFT JOIN (
    SELECT DISTINCT address, serialnumber FROM owners WHERE :training_match = 'timestamp_and_customer'
  ) owned USING (address)
) movement
  ON `timestamp` = sensorreadingtime
  AND (:training_match = 'timestamp' OR movement.serialnumber = step.serialnumber)
WHERE :unmatched_steps = 'keep' OR `timestamp` IS NOT NULL;

-- every row has a time and a distance
SELECT * FROM machine_learning_curated
WHERE sensorreadingtime IS NULL OR distancefromobject IS NULL;

-- every row has all of x, y and z or, where unmatched steps are kept, none of them
SELECT * FROM machine_learning_curated
WHERE (x IS NULL OR y IS NULL OR z IS NULL)
  AND NOT (:unmatched_steps = 'keep' AND coalesce(x, y, z) IS NULL);

-- no text is an e-mail address, or the name, phone number or birthday of a customer
-- of all rows
SELECT text FROM (
  SELECT serialnumber AS text FROM machine_learning_curated UNION SELECT subjectkey FROM machine_learning_curated
)
WHERE text LIKE '%@%'
   OR lower(trim(text)) IN (
     SELECT lower(trim(personal)) FROM customers_curated
     LATERAL VIEW explode(array(email, customername, phone, birthday)) AS personal
   );

-- every row has a serial number or, with training pseudonyms, the customer's pseudonym instead
SELECT * FROM machine_learning_curated
WHERE CASE :training_subject
    WHEN 'serial_number' THEN serialnumber IS NULL OR subjectkey IS NOT NULL
    ELSE serialnumber IS NOT NULL OR NOT coalesce(subjectkey RLIKE '^[0-9a-f]{64}$', x IS NULL)
  END;

-- no time has more pseudonyms than customers who moved, and it has as many where all of them are paired
-- only if training_subject = 'pseudonym'
SELECT sensorreadingtime FROM (
  SELECT sensorreadingtime, count(DISTINCT subjectkey) AS pseudonyms FROM machine_learning_curated
  WHERE x IS NOT NULL GROUP BY sensorreadingtime
) JOIN (
  SELECT `timestamp`, count(DISTINCT address) AS customers FROM accelerometer_trusted GROUP BY `timestamp`
) ON `timestamp` = sensorreadingtime
WHERE pseudonyms > customers OR :training_match = 'timestamp' AND pseudonyms < customers;

-- every matching pair of trusted readings occurs exactly as often as it exists, and nothing else occurs
-- implied by the expected rows
SELECT sensorreadingtime FROM (SELECT *, 1 AS surplus FROM actual UNION ALL SELECT *, -1 FROM expected)
GROUP BY serialnumber, sensorreadingtime, distancefromobject, x, y, z HAVING sum(surplus) <> 0;
