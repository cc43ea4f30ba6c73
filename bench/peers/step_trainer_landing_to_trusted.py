"""Step trainer readings of curated customers."""

import sys

from pyspark.sql import SparkSession

landing, output = sys.argv[1:]
spark = SparkSession.builder.appName("step_trainer_landing_to_trusted").getOrCreate()

spark.read.json(f"{landing}/step_trainer/landing").createOrReplaceTempView("step_trainer_landing")
spark.read.json(f"{output}/customers_curated").createOrReplaceTempView("customers_curated")
step_trainer_trusted = spark.sql("""
    SELECT step_trainer_landing.* FROM step_trainer_landing
    INNER JOIN customers_curated ON step_trainer_landing.serialNumber = customers_curated.serialNumber
""")
step_trainer_trusted.write.mode("overwrite").json(f"{output}/step_trainer_trusted")
