"""Accelerometer readings of customers who agreed."""

import sys

from pyspark.sql import SparkSession

landing, output = sys.argv[1:]
spark = SparkSession.builder.appName("accelerometer_landing_to_trusted").getOrCreate()

spark.read.json(f"{landing}/accelerometer/landing").createOrReplaceTempView("accelerometer_landing")
spark.read.json(f"{output}/customer_trusted").createOrReplaceTempView("customer_trusted")
accelerometer_trusted = spark.sql("""
    SELECT accelerometer_landing.* FROM accelerometer_landing
    INNER JOIN customer_trusted ON accelerometer_landing.user = customer_trusted.email
""")
accelerometer_trusted.write.mode("overwrite").json(f"{output}/accelerometer_trusted")
