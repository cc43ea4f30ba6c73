-- One row per job run and source table: rows read, and what became of them; unaccounted must be 0.
SELECT
    max(recorded_at) AS recorded_at,
    workflow_run_id,
    job_run_id,
    job,
    source_table,
    sum(CASE WHEN fate = 'read' THEN "rows" ELSE 0 END) AS rows_read,
    sum(CASE WHEN fate = 'published' THEN "rows" ELSE 0 END) AS published,
    sum(CASE WHEN fate = 'dropped' THEN "rows" ELSE 0 END) AS dropped,
    sum(CASE WHEN fate = 'quarantined' THEN "rows" ELSE 0 END) AS quarantined,
    sum(CASE WHEN fate = 'read' THEN "rows" ELSE -"rows" END) AS unaccounted
FROM "${audit_database}"."pipeline_runs"
WHERE fate <> 'output'
GROUP BY workflow_run_id, job_run_id, job, source_table
ORDER BY recorded_at DESC, source_table
