-- Inputs: customer_landing, customer_landing_quarantined.
-- A rule is a query that returns the rows which violate it; any such row keeps customer_trusted from
-- being published. The parameters are `:now`, the time of the run in epoch milliseconds, and the policies.
-- A rule marked `only if <policy> = '<value>'` is checked only under that value.
-- A rule marked `implied by the expected rows` is checked only if `actual` and `expected` rows differ, or by an
-- exhaustive audit. Rows marked `each once` are distinct.
-- customer_landing has the usable landed records, customer_landing_quarantined the unusable ones.
-- `address`, in every input with e-mail addresses, is their canonical form.

-- actual rows
-- only if customer_records = 'each'
SELECT customername, email, phone, birthday, serialnumber, registrationdate, lastupdatedate,
  sharewithresearchasofdate, sharewithpublicasofdate, sharewithfriendsasofdate
FROM customer_trusted;

-- expected rows
-- each once
-- only if customer_records = 'each'
SELECT customername, email, phone, birthday, serialnumber, registrationdate, lastupdatedate,
  sharewithresearchasofdate, sharewithpublicasofdate, sharewithfriendsasofdate
FROM customer_landing WHERE sharewithresearchasofdate BETWEEN 1 AND :now;

-- every record has an e-mail address and a serial number
SELECT * FROM customer_trusted
WHERE coalesce(trim(email), '') = '' OR coalesce(trim(serialnumber), '') = '';

-- every record has a consent to research that is not in the future
SELECT * FROM customer_trusted
WHERE NOT coalesce(sharewithresearchasofdate BETWEEN 1 AND :now, false);

-- no record occurs twice
-- implied by the expected rows
SELECT * FROM customer_trusted
GROUP BY ALL HAVING count(*) > 1;

-- every record is in the landing table
-- implied by the expected rows
SELECT customername, email, phone, birthday, serialnumber, registrationdate, lastupdatedate,
  sharewithresearchasofdate, sharewithpublicasofdate, sharewithfriendsasofdate
FROM customer_trusted
EXCEPT SELECT customername, email, phone, birthday, serialnumber, registrationdate, lastupdatedate,
  sharewithresearchasofdate, sharewithpublicasofdate, sharewithfriendsasofdate
FROM customer_landing;

-- where each record counts, no landed record with consent is missing
-- only if customer_records = 'each'
-- implied by the expected rows
SELECT * FROM expected EXCEPT SELECT * FROM actual;

-- where only the latest record counts, an address has one record, however it is spelled
-- only if customer_records = 'latest'
SELECT address FROM customer_trusted
GROUP BY address HAVING count(*) > 1;

-- where only the latest record counts, no later record landed, nor one of the same time without consent
-- only if customer_records = 'latest'
SELECT trusted.email FROM customer_trusted trusted JOIN customer_landing landed USING (address)
WHERE struct(coalesce(landed.lastupdatedate, -1), coalesce(landed.registrationdate, -1),
             NOT coalesce(landed.sharewithresearchasofdate BETWEEN 1 AND :now, false))
    > struct(coalesce(trusted.lastupdatedate, -1), coalesce(trusted.registrationdate, -1), false);

-- where only the latest record counts, no undated record of the address withdraws consent
-- only if customer_records = 'latest'
SELECT trusted.email FROM customer_trusted trusted JOIN customer_landing landed USING (address)
WHERE NOT coalesce(landed.lastupdatedate > 0, false)
  AND NOT coalesce(landed.sharewithresearchasofdate BETWEEN 1 AND :now, false);

-- where only the latest record counts, no record of the address is in quarantine: it may be a withdrawal
-- only if customer_records = 'latest'
SELECT email FROM customer_trusted LEFT SEMI JOIN customer_landing_quarantined USING (address);

-- where only the latest record counts, no address is missing of which all records have consent
-- only if customer_records = 'latest'
SELECT address FROM customer_landing
GROUP BY address HAVING every(coalesce(sharewithresearchasofdate BETWEEN 1 AND :now, false))
EXCEPT (SELECT address FROM customer_trusted UNION SELECT address FROM customer_landing_quarantined);
