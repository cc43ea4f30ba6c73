-- Each query returns the rows that break the rule above it; a row that any of them returns keeps customers_curated from
-- being published.

-- every record is one of a trusted customer
SELECT customername, email, phone, birthday, serialnumber, registrationdate, lastupdatedate,
  sharewithresearchasofdate, sharewithpublicasofdate, sharewithfriendsasofdate
FROM customers_curated
EXCEPT SELECT customername, email, phone, birthday, serialnumber, registrationdate, lastupdatedate,
  sharewithresearchasofdate, sharewithpublicasofdate, sharewithfriendsasofdate
FROM customer_trusted;

-- every customer has a trusted accelerometer reading
SELECT * FROM customers_curated LEFT ANTI JOIN accelerometer_trusted ON email = `user`;

-- no trusted customer who has one is missing
SELECT customername, email, phone, birthday, serialnumber, registrationdate, lastupdatedate,
  sharewithresearchasofdate, sharewithpublicasofdate, sharewithfriendsasofdate
FROM customer_trusted LEFT SEMI JOIN accelerometer_trusted ON email = `user`
EXCEPT SELECT customername, email, phone, birthday, serialnumber, registrationdate, lastupdatedate,
  sharewithresearchasofdate, sharewithpublicasofdate, sharewithfriendsasofdate
FROM customers_curated;

-- no record occurs twice
SELECT * FROM customers_curated
GROUP BY ALL HAVING count(*) > 1;
