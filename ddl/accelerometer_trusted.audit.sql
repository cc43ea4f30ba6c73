-- Inputs: accelerometer_landing, customer_trusted.
-- A rule is a query that returns the rows which violate it; any such row keeps accelerometer_trusted from
-- being published. The parameters are the policies.
-- A rule marked `only if <policy> = '<value>'` is checked only under that value.
-- A rule marked `implied by the expected rows` is checked only if `actual` and `expected` rows differ, or by an
-- exhaustive audit. Rows marked `each once` are distinct.
-- A rule marked `of all rows` is also checked of rows published before, if rows are added and something else is
-- decided about people.
-- `address`, in every input with e-mail addresses, is their canonical form.

-- actual rows
SELECT `user`, `timestamp`, x, y, z FROM accelerometer_trusted;

-- expected rows
-- each once
SELECT `user`, `timestamp`, x, y, z FROM accelerometer_landing
JOIN (SELECT address, min(sharewithresearchasofdate) AS since FROM customer_trusted GROUP BY address) USING (address)
WHERE :accelerometer_consent = 'any' OR `timestamp` >= since;

-- every reading is complete and finite
SELECT * FROM accelerometer_trusted
WHERE coalesce(trim(`user`), '') = '' OR `timestamp` IS NULL
   OR NOT coalesce(abs(x) < double('Infinity') AND abs(y) < double('Infinity') AND abs(z) < double('Infinity'), false);

-- every reading is of a trusted customer
-- of all rows
-- implied by the expected rows
SELECT * FROM accelerometer_trusted LEFT ANTI JOIN customer_trusted USING (address);

-- where readings count since consent, no reading is older than the customer's consent
-- of all rows
-- only if accelerometer_consent = 'since_consent'
-- implied by the expected rows
SELECT `user` FROM accelerometer_trusted
JOIN (SELECT address, min(sharewithresearchasofdate) AS since FROM customer_trusted GROUP BY address) USING (address)
WHERE `timestamp` < since;

-- no reading occurs twice
-- implied by the expected rows
SELECT `user` FROM actual GROUP BY `user`, `timestamp`, x, y, z HAVING count(*) > 1;

-- every reading is in the landing table
-- implied by the expected rows
SELECT * FROM actual EXCEPT SELECT `user`, `timestamp`, x, y, z FROM accelerometer_landing;

-- no landed reading covered by consent is missing
-- implied by the expected rows
SELECT * FROM expected EXCEPT SELECT * FROM actual;
