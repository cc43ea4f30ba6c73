output "jobs" {
  description = "Glue job name of each script of the workflow, by script name."
  value       = { for job in keys(local.workflow_jobs) : job => aws_glue_job.this[job].name }
}

output "forget_job" {
  description = "Name of the Glue job that handles erasure requests."
  value       = aws_glue_job.this["forget"].name
}

output "rollback_job" {
  description = "Name of the Glue job that puts the tables back to an earlier run."
  value       = aws_glue_job.this["rollback"].name
}

output "job_arguments" {
  description = "Default arguments of every job."
  value       = local.default_arguments
}

output "job_tables" {
  description = "Table that each step of the pipeline writes, by script name."
  value       = { for step, spec in local.steps : step => spec.table }
}

output "workflow" {
  description = "Name of the Glue workflow."
  value       = aws_glue_workflow.this.name
}

output "log_groups" {
  description = "Log groups: errors and output of the workflow's jobs, and errors and output of the erasure job."
  value = {
    error         = aws_cloudwatch_log_group.jobs[var.kms_key_arn == null ? "error" : "jobs-error"].name
    output        = aws_cloudwatch_log_group.jobs[var.kms_key_arn == null ? "output" : "jobs-output"].name
    forget_error  = aws_cloudwatch_log_group.jobs[var.kms_key_arn == null ? "error" : "forget-error"].name
    forget_output = aws_cloudwatch_log_group.jobs[var.kms_key_arn == null ? "output" : "forget-output"].name
  }
}

output "max_retries" {
  description = "Highest number of retries of any job."
  value       = max([for settings in values(local.settings) : settings.max_retries]...)
}

output "last_job" {
  description = "Glue job name of the workflow's last job, whose success completes a run."
  value       = one([for job in keys(local.workflow_jobs) : aws_glue_job.this[job].name if !contains([for spec in values(local.workflow_jobs) : coalesce(spec.after, "none")], job)])
}

output "security_configuration" {
  description = "Name of the jobs' Glue security configuration; null without a KMS key."
  value       = var.kms_key_arn == null ? null : aws_glue_security_configuration.this.name
}
