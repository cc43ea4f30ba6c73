-- One row per job run, source table and reason: how many rows were dropped or quarantined for it.
SELECT recorded_at, workflow_run_id, job_run_id, job, source_table, outcome, reason, "rows" AS row_count
FROM "${audit_database}"."pipeline_runs"
WHERE outcome IN ('dropped', 'quarantined')
ORDER BY recorded_at DESC, source_table, row_count DESC
