-- Records that could not be used, by table and reason: how many in how many runs, since when, and one file that holds some.
SELECT
    source_table,
    reason,
    count(*) AS records,
    count(DISTINCT job_run_id) AS runs,
    from_unixtime(min(quarantined_at) / 1e3) AS first_seen,
    from_unixtime(max(quarantined_at) / 1e3) AS last_seen,
    max_by("file", quarantined_at) AS last_file
FROM "${audit_database}"."quarantine"
GROUP BY source_table, reason
ORDER BY records DESC
