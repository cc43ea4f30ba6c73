-- Each query returns the rows that break the rule above it; a row that any of them returns keeps customers_curated from
-- being published. `addresses` tells of each spelling of an address which address it is.

-- every record is one of a trusted customer
SELECT customername, email, phone, birthday, serialnumber, registrationdate, lastupdatedate,
  sharewithresearchasofdate, sharewithpublicasofdate, sharewithfriendsasofdate
FROM customers_curated
EXCEPT SELECT customername, email, phone, birthday, serialnumber, registrationdate, lastupdatedate,
  sharewithresearchasofdate, sharewithpublicasofdate, sharewithfriendsasofdate
FROM customer_trusted;

-- every customer has a trusted accelerometer reading
SELECT * FROM customers_curated
LEFT ANTI JOIN (
  SELECT customer.spelling FROM accelerometer_trusted JOIN addresses mover ON mover.spelling = `user`
  JOIN addresses customer ON customer.address = mover.address
) moved ON email = moved.spelling;

-- no trusted customer who has one is missing
SELECT customername, email, phone, birthday, serialnumber, registrationdate, lastupdatedate,
  sharewithresearchasofdate, sharewithpublicasofdate, sharewithfriendsasofdate
FROM customer_trusted
LEFT SEMI JOIN (
  SELECT customer.spelling FROM accelerometer_trusted JOIN addresses mover ON mover.spelling = `user`
  JOIN addresses customer ON customer.address = mover.address
) moved ON email = moved.spelling
EXCEPT SELECT customername, email, phone, birthday, serialnumber, registrationdate, lastupdatedate,
  sharewithresearchasofdate, sharewithpublicasofdate, sharewithfriendsasofdate
FROM customers_curated;

-- no record occurs twice
SELECT * FROM customers_curated
GROUP BY ALL HAVING count(*) > 1;
