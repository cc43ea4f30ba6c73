-- Rows of each table: trusted and curated counted, landing as the last run read it (OpenX hides malformed lines).
SELECT 'landing' AS zone, 'customer_landing' AS table_name, (
    SELECT max_by(element_at(summary, 'lakehouse.rows-read.customer_landing'), committed_at)
    FROM "${database}"."customer_trusted$snapshots"
) AS row_count
UNION ALL
SELECT 'landing', 'accelerometer_landing', (
    SELECT max_by(element_at(summary, 'lakehouse.rows-read.accelerometer_landing'), committed_at)
    FROM "${database}"."accelerometer_trusted$snapshots"
)
UNION ALL
SELECT 'landing', 'step_trainer_landing', (
    SELECT max_by(element_at(summary, 'lakehouse.rows-read.step_trainer_landing'), committed_at)
    FROM "${database}"."step_trainer_trusted$snapshots"
)
UNION ALL
SELECT 'trusted', 'customer_trusted', CAST(count(*) AS varchar) FROM "${database}"."customer_trusted"
UNION ALL
SELECT 'trusted', 'accelerometer_trusted', CAST(count(*) AS varchar) FROM "${database}"."accelerometer_trusted"
UNION ALL
SELECT 'trusted', 'step_trainer_trusted', CAST(count(*) AS varchar) FROM "${database}"."step_trainer_trusted"
UNION ALL
SELECT 'curated', 'customers_curated', CAST(count(*) AS varchar) FROM "${database}"."customers_curated"
UNION ALL
SELECT 'curated', 'machine_learning_curated', CAST(count(*) AS varchar) FROM "${database}"."machine_learning_curated"
