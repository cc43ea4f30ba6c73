-- Each query returns the rows that break the rule above it; a row that any of them returns keeps step_trainer_trusted
-- from being published. The parameters are the policies; `owners` are the customer records whose consent is asked for.

-- every reading is complete
SELECT * FROM step_trainer_trusted
WHERE sensorreadingtime IS NULL OR distancefromobject IS NULL OR coalesce(trim(serialnumber), '') = '';

-- every reading is of a curated customer's Step Trainer
SELECT * FROM step_trainer_trusted s LEFT ANTI JOIN customers_curated c ON s.serialnumber = c.serialnumber;

-- where consent covers only what came after it, no reading is older than the first consent of an owner
SELECT s.serialnumber FROM step_trainer_trusted s
JOIN (
  SELECT c.serialnumber, min(t.sharewithresearchasofdate) AS since
  FROM customers_curated c JOIN customer_trusted t ON t.email = c.email
  GROUP BY c.serialnumber
) agreed ON agreed.serialnumber = s.serialnumber
WHERE :step_trainer_consent = 'since_consent' AND s.sensorreadingtime < agreed.since;

-- where all owners must agree, no reading is of a Step Trainer with an owner who is not trusted
SELECT s.serialnumber FROM step_trainer_trusted s
LEFT SEMI JOIN (SELECT serialnumber FROM owners o LEFT ANTI JOIN customer_trusted t ON t.email = o.email) others
  ON others.serialnumber = s.serialnumber
WHERE :shared_serial_number = 'all_owners';

-- no reading occurs twice
SELECT serialnumber FROM step_trainer_trusted
GROUP BY sensorreadingtime, serialnumber, distancefromobject HAVING count(*) > 1;

-- every reading is one that landed
SELECT sensorreadingtime, serialnumber, distancefromobject FROM step_trainer_trusted
EXCEPT SELECT sensorreadingtime, serialnumber, distancefromobject FROM step_trainer_landing;
