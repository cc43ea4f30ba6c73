output "jobs" {
  description = "Glue job name of each script."
  value       = { for job, resource in aws_glue_job.this : job => resource.name }
}

output "job_arguments" {
  description = "Arguments that every job run gets."
  value       = local.default_arguments
}

output "job_tables" {
  description = "Table that each script publishes."
  value       = { for job, spec in local.jobs : job => spec.table }
}

output "workflow" {
  description = "Name of the workflow."
  value       = aws_glue_workflow.this.name
}

output "log_groups" {
  description = "Log group of the jobs' errors and of their output."
  value       = { for stream, group in aws_cloudwatch_log_group.jobs : stream => group.name }
}
