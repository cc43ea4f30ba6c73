-- Inputs: step_trainer_landing, customers_curated, customer_trusted, owners.
-- A rule is a query that returns the rows which violate it; any such row keeps step_trainer_trusted from
-- being published. The parameters are the policies.
-- A rule marked `only if <policy> = '<value>'` is checked only under that value.
-- A rule marked `implied by the expected rows` is checked only if `actual` and `expected` rows differ, or by an
-- exhaustive audit. Rows marked `each once` are distinct.
-- A rule marked `of all rows` is also checked of rows published before, if rows are added and something else is
-- decided about people.
-- `owners`: customers_curated, always with e-mail addresses; with all_owners every landed, quarantined or refused owner.
-- `address`, in every input with e-mail addresses, is their canonical form.

-- actual rows
SELECT sensorreadingtime, serialnumber, distancefromobject FROM step_trainer_trusted;

-- expected rows
-- each once
SELECT sensorreadingtime, serialnumber, distancefromobject FROM step_trainer_landing
LEFT SEMI JOIN customers_curated USING (serialnumber)
JOIN (
  SELECT o.serialnumber, if(:shared_serial_number = 'all_owners', max(t.since), min(t.since)) AS since
  FROM owners o
  LEFT JOIN (SELECT address, min(sharewithresearchasofdate) AS since FROM customer_trusted GROUP BY address) t
    USING (address)
  GROUP BY o.serialnumber
  HAVING if(:shared_serial_number = 'all_owners', every(t.since IS NOT NULL), any(t.since IS NOT NULL))
) USING (serialnumber)
WHERE :step_trainer_consent = 'any' OR sensorreadingtime >= since;

-- every reading is complete
SELECT * FROM step_trainer_trusted
WHERE sensorreadingtime IS NULL OR distancefromobject IS NULL OR coalesce(trim(serialnumber), '') = '';

-- every reading is of a curated customer's Step Trainer
-- of all rows
-- implied by the expected rows
SELECT * FROM step_trainer_trusted s LEFT ANTI JOIN customers_curated c ON s.serialnumber = c.serialnumber;

-- where readings count since consent, no reading is older than the consent of the owners
-- of all rows
-- only if step_trainer_consent = 'since_consent'
-- implied by the expected rows
SELECT s.serialnumber FROM step_trainer_trusted s
JOIN (
  SELECT o.serialnumber, if(:shared_serial_number = 'all_owners', max(t.since), min(t.since)) AS since
  FROM owners o
  JOIN (SELECT address, min(sharewithresearchasofdate) AS since FROM customer_trusted GROUP BY address) t USING (address)
  GROUP BY o.serialnumber
) agreed ON agreed.serialnumber = s.serialnumber
WHERE s.sensorreadingtime < agreed.since;

-- where all owners must consent, no reading is of a Step Trainer with an untrusted owner
-- of all rows
-- only if shared_serial_number = 'all_owners'
-- implied by the expected rows
SELECT s.serialnumber FROM step_trainer_trusted s
LEFT SEMI JOIN (SELECT serialnumber FROM owners LEFT ANTI JOIN customer_trusted USING (address)) others
  ON others.serialnumber = s.serialnumber;

-- no reading occurs twice
-- implied by the expected rows
SELECT serialnumber FROM actual GROUP BY sensorreadingtime, serialnumber, distancefromobject HAVING count(*) > 1;

-- every reading is in the landing table
-- implied by the expected rows
SELECT * FROM actual EXCEPT SELECT sensorreadingtime, serialnumber, distancefromobject FROM step_trainer_landing;

-- no landed reading that the consent of the owners covers is missing
-- implied by the expected rows
SELECT * FROM expected EXCEPT SELECT * FROM actual;
