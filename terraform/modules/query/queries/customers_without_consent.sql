-- Must be empty: customers in the trusted zone who have not agreed to share their data for research.
SELECT email, serialnumber, sharewithresearchasofdate
FROM "${database}"."customer_trusted"
WHERE coalesce(sharewithresearchasofdate, 0) = 0
