-- Each query returns the rows that break the rule above it; a row that any of them returns keeps machine_learning_curated
-- from being published. The parameters are the policies.

-- every row has a moment and a distance
SELECT * FROM machine_learning_curated
WHERE sensorreadingtime IS NULL OR distancefromobject IS NULL;

-- a row has a movement, unless unmatched steps are kept
SELECT * FROM machine_learning_curated
WHERE :unmatched_steps = 'drop' AND (x IS NULL OR y IS NULL OR z IS NULL);

-- no text of a row is an e-mail address, name, phone number or birthday of a customer
SELECT * FROM (
  SELECT serialnumber AS text FROM machine_learning_curated UNION SELECT subjectkey FROM machine_learning_curated
)
WHERE text IN (
  SELECT explode(array(email, customername, phone, birthday)) FROM customers_curated
);

-- with pseudonyms no row has a serial number, and without them every row has one and no pseudonym
SELECT * FROM machine_learning_curated
WHERE (:training_subject = 'pseudonym' AND serialnumber IS NOT NULL)
   OR (:training_subject = 'serial_number' AND (serialnumber IS NULL OR subjectkey IS NOT NULL));

-- every distance is one that a trusted Step Trainer measured at that moment
SELECT sensorreadingtime, distancefromobject FROM machine_learning_curated
EXCEPT SELECT sensorreadingtime, distancefromobject FROM step_trainer_trusted;

-- every movement is one of a trusted customer at that moment
SELECT sensorreadingtime, x, y, z FROM machine_learning_curated WHERE x IS NOT NULL
EXCEPT SELECT `timestamp`, x, y, z FROM accelerometer_trusted;

-- a moment has as many rows as its readings have pairs
SELECT coalesce(trained.moment, expected.moment) AS moment
FROM (SELECT sensorreadingtime AS moment, count(*) AS pairs FROM machine_learning_curated GROUP BY 1) trained
FULL JOIN (
  SELECT moment, sum(pairs) AS pairs FROM (
    SELECT s.sensorreadingtime AS moment, count(*) AS pairs
    FROM step_trainer_trusted s JOIN accelerometer_trusted a ON a.`timestamp` = s.sensorreadingtime
    WHERE :training_match = 'timestamp'
       OR EXISTS (SELECT 1 FROM customers_curated c WHERE c.email = a.`user` AND c.serialnumber = s.serialnumber)
    GROUP BY 1
  ) GROUP BY 1
) expected ON expected.moment = trained.moment
WHERE :unmatched_steps = 'drop' AND NOT coalesce(trained.pairs, 0) <=> coalesce(expected.pairs, 0);

-- where unmatched steps are kept, no moment of a step is missing
SELECT sensorreadingtime FROM step_trainer_trusted WHERE :unmatched_steps = 'keep'
EXCEPT SELECT sensorreadingtime FROM machine_learning_curated;
