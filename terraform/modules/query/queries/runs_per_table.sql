-- One row per commit to a table: when, by which job run, under which profile, and how many rows went in and out.
WITH commits AS (
    SELECT 'customer_trusted' AS table_name, committed_at, summary FROM "${database}"."customer_trusted$snapshots"
    UNION ALL
    SELECT 'accelerometer_trusted', committed_at, summary FROM "${database}"."accelerometer_trusted$snapshots"
    UNION ALL
    SELECT 'customers_curated', committed_at, summary FROM "${database}"."customers_curated$snapshots"
    UNION ALL
    SELECT 'step_trainer_trusted', committed_at, summary FROM "${database}"."step_trainer_trusted$snapshots"
    UNION ALL
    SELECT 'machine_learning_curated', committed_at, summary FROM "${database}"."machine_learning_curated$snapshots"
)
SELECT
    table_name,
    committed_at,
    element_at(summary, 'lakehouse.job-run-id') AS job_run_id,
    element_at(summary, 'lakehouse.profile') AS profile,
    element_at(summary, 'lakehouse.rows-in') AS rows_in,
    element_at(summary, 'lakehouse.rows-out') AS rows_out
FROM commits
ORDER BY committed_at DESC
