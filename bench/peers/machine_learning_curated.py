"""Step trainer and accelerometer readings of the same timestamp."""

import sys

from pyspark.sql import SparkSession

_, output = sys.argv[1:]
spark = SparkSession.builder.appName("machine_learning_curated").getOrCreate()

spark.read.json(f"{output}/step_trainer_trusted").createOrReplaceTempView("step_trainer_trusted")
spark.read.json(f"{output}/accelerometer_trusted").createOrReplaceTempView("accelerometer_trusted")
machine_learning_curated = spark.sql("""
    SELECT step_trainer_trusted.*, accelerometer_trusted.x, accelerometer_trusted.y, accelerometer_trusted.z
    FROM step_trainer_trusted
    INNER JOIN accelerometer_trusted ON step_trainer_trusted.sensorReadingTime = accelerometer_trusted.timestamp
""")
machine_learning_curated.write.mode("overwrite").json(f"{output}/machine_learning_curated")
