-- Which consent decision kept or dropped each customer in the last run, by the customer's pseudonym.
SELECT subjectkey, decision, reason, from_unixtime(consentedat / 1e3) AS consented_at, records, profile
FROM "${audit_database}"."consent_decisions"
WHERE job_run_id = (SELECT max_by(job_run_id, decided_at) FROM "${audit_database}"."consent_decisions")
ORDER BY decision, reason, subjectkey
