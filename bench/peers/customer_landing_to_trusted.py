"""Customers who agreed to share their data for research."""

import sys

from pyspark.sql import SparkSession

landing, output = sys.argv[1:]
spark = SparkSession.builder.appName("customer_landing_to_trusted").getOrCreate()

spark.read.json(f"{landing}/customer/landing").createOrReplaceTempView("customer_landing")
customer_trusted = spark.sql("""
    SELECT * FROM customer_landing
    WHERE shareWithResearchAsOfDate IS NOT NULL AND shareWithResearchAsOfDate != 0
""")
customer_trusted.write.mode("overwrite").json(f"{output}/customer_trusted")
