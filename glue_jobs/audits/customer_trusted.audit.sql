-- Each query returns the rows that break the rule above it; a row that any of them returns keeps customer_trusted from
-- being published. `:now` is the time of the run, epoch milliseconds; the other parameters are the policies.

-- every record has an e-mail address and a serial number
SELECT * FROM customer_trusted
WHERE coalesce(trim(email), '') = '' OR coalesce(trim(serialnumber), '') = '';

-- every record agrees to research, and not only from a date to come
SELECT * FROM customer_trusted
WHERE sharewithresearchasofdate IS NULL OR sharewithresearchasofdate < 1 OR sharewithresearchasofdate > :now;

-- no record occurs twice
SELECT * FROM customer_trusted
GROUP BY ALL HAVING count(*) > 1;

-- every record is one that landed
SELECT * FROM customer_trusted EXCEPT SELECT * FROM customer_landing;

-- where the latest record decides, an address has one
SELECT email FROM customer_trusted
WHERE :customer_records = 'latest'
GROUP BY email HAVING count(*) > 1;

-- where the latest record decides, no later one of the address has withdrawn
SELECT trusted.email FROM customer_trusted trusted JOIN customer_landing landed ON landed.email = trusted.email
WHERE :customer_records = 'latest'
  AND landed.lastupdatedate > coalesce(trusted.lastupdatedate, 0)
  AND NOT coalesce(landed.sharewithresearchasofdate BETWEEN 1 AND :now, false);
