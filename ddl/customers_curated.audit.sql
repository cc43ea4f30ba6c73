-- Inputs: customer_trusted, accelerometer_trusted.
-- A rule is a query that returns the rows which violate it; any such row keeps customers_curated from
-- being published. The parameters are the policies.
-- A rule marked `only if <policy> = '<value>'` is checked only under that value.
-- A rule marked `implied by the expected rows` is checked only if `actual` and `expected` rows differ, or by an
-- exhaustive audit.
-- `address`, in every input with e-mail addresses, is their canonical form.

-- actual rows
SELECT if(:curated_identity = 'clear', customername, null) AS customername,
  if(:curated_identity = 'clear', email, null) AS email, if(:curated_identity = 'clear', phone, null) AS phone,
  birthday, serialnumber, registrationdate, lastupdatedate,
  sharewithresearchasofdate, sharewithpublicasofdate, sharewithfriendsasofdate
FROM customers_curated;

-- expected rows
SELECT if(:curated_identity = 'clear', customername, null) AS customername,
  if(:curated_identity = 'clear', email, null) AS email, if(:curated_identity = 'clear', phone, null) AS phone,
  birthday, serialnumber, registrationdate, lastupdatedate,
  sharewithresearchasofdate, sharewithpublicasofdate, sharewithfriendsasofdate
FROM customer_trusted LEFT SEMI JOIN accelerometer_trusted USING (address);

-- every record is of a trusted customer with a trusted accelerometer reading, and occurs once
-- implied by the expected rows
SELECT * FROM actual EXCEPT ALL SELECT * FROM expected;

-- no record of a trusted customer with a trusted accelerometer reading is missing
-- implied by the expected rows
SELECT * FROM expected EXCEPT ALL SELECT * FROM actual;

-- with curated pseudonyms, the identifying columns hold only pseudonyms
-- only if curated_identity = 'pseudonym'
SELECT * FROM customers_curated
WHERE NOT (coalesce(customername RLIKE '^[0-9a-f]{64}$', true) AND coalesce(email RLIKE '^[0-9a-f]{64}$', false)
           AND coalesce(phone RLIKE '^[0-9a-f]{64}$', true));

-- with curated pseudonyms, each customer has one
-- only if curated_identity = 'pseudonym'
SELECT pseudonyms FROM (SELECT count(DISTINCT email) AS pseudonyms FROM customers_curated)
JOIN (
  SELECT count(DISTINCT address) AS customers FROM customer_trusted LEFT SEMI JOIN accelerometer_trusted USING (address)
) ON pseudonyms <> customers;
