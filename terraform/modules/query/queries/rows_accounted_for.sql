-- One row per job run and source table: rows read, and what became of them; unaccounted must be 0.
SELECT
    max(recorded_at) AS recorded_at,
    workflow_run_id,
    job_run_id,
    job,
    source_table,
    sum(CASE WHEN outcome = 'read' THEN "rows" ELSE 0 END) AS rows_read,
    sum(CASE WHEN outcome = 'published' THEN "rows" ELSE 0 END) AS published,
    sum(CASE WHEN outcome = 'dropped' THEN "rows" ELSE 0 END) AS dropped,
    sum(CASE WHEN outcome = 'quarantined' THEN "rows" ELSE 0 END) AS quarantined,
    sum(CASE WHEN outcome = 'read' THEN "rows" ELSE -"rows" END) AS unaccounted
FROM "${audit_database}"."pipeline_runs"
WHERE outcome NOT IN ('output', 'restored', 'expired')
GROUP BY workflow_run_id, job_run_id, job, source_table
ORDER BY recorded_at DESC, source_table
