-- Inputs: customer_trusted, accelerometer_trusted.
-- A rule is a query that returns the rows which violate it; any such row keeps customers_curated from
-- being published. The parameters are the policies.
-- A rule marked `only if <policy> = '<value>'` is checked only under that value.
-- `address`, in every input with e-mail addresses, is their canonical form.

-- every record is of a trusted customer with a trusted accelerometer reading, and occurs once
SELECT if(:curated_identity = 'clear', struct(customername, email, phone), null), birthday, serialnumber,
  registrationdate, lastupdatedate, sharewithresearchasofdate, sharewithpublicasofdate, sharewithfriendsasofdate
FROM customers_curated
EXCEPT ALL SELECT if(:curated_identity = 'clear', struct(customername, email, phone), null), birthday, serialnumber,
  registrationdate, lastupdatedate, sharewithresearchasofdate, sharewithpublicasofdate, sharewithfriendsasofdate
FROM customer_trusted LEFT SEMI JOIN accelerometer_trusted USING (address);

-- no record of a trusted customer with a trusted accelerometer reading is missing
SELECT if(:curated_identity = 'clear', struct(customername, email, phone), null), birthday, serialnumber,
  registrationdate, lastupdatedate, sharewithresearchasofdate, sharewithpublicasofdate, sharewithfriendsasofdate
FROM customer_trusted LEFT SEMI JOIN accelerometer_trusted USING (address)
EXCEPT ALL SELECT if(:curated_identity = 'clear', struct(customername, email, phone), null), birthday, serialnumber,
  registrationdate, lastupdatedate, sharewithresearchasofdate, sharewithpublicasofdate, sharewithfriendsasofdate
FROM customers_curated;

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
