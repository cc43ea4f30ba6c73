"""Customers who agreed and have accelerometer readings."""

import sys

from pyspark.sql import SparkSession

_, output = sys.argv[1:]
spark = SparkSession.builder.appName("customer_trusted_to_curated").getOrCreate()

spark.read.json(f"{output}/customer_trusted").createOrReplaceTempView("customer_trusted")
spark.read.json(f"{output}/accelerometer_trusted").createOrReplaceTempView("accelerometer_trusted")
customers_curated = spark.sql("""
    SELECT DISTINCT customer_trusted.* FROM customer_trusted
    INNER JOIN accelerometer_trusted ON customer_trusted.email = accelerometer_trusted.user
""")
customers_curated.write.mode("overwrite").json(f"{output}/customers_curated")
