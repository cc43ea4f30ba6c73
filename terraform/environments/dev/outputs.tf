output "region" {
  description = "AWS region of the lakehouse."
  value       = module.lakehouse.region
}

output "bucket" {
  description = "Name of the bucket that holds landing, warehouse, scripts and query results."
  value       = module.lakehouse.bucket
}

output "landing_uris" {
  description = "S3 URI that takes the files of each landing table, by table name."
  value       = module.lakehouse.landing_uris
}

output "database" {
  description = "Name of the Glue database."
  value       = module.lakehouse.database
}

output "audit_database" {
  description = "Name of the Glue database of what the runs did."
  value       = module.lakehouse.audit_database
}

output "tables" {
  description = "Each table by name: database, S3 location, whether it is Iceberg, its columns, and the names of those that hold personal data or a pseudonym of a person."
  value       = module.lakehouse.tables
}

output "jobs" {
  description = "Glue job name of each script of the workflow."
  value       = module.lakehouse.jobs
}

output "forget_job" {
  description = "Name of the Glue job that forgets people."
  value       = module.lakehouse.forget_job
}

output "job_role_arn" {
  description = "ARN of the role that the Glue jobs assume."
  value       = module.lakehouse.job_role_arn
}

output "workflow" {
  description = "Name of the Glue workflow that runs the jobs."
  value       = module.lakehouse.workflow
}

output "log_groups" {
  description = "CloudWatch log group of the jobs' errors and of their output."
  value       = module.lakehouse.log_groups
}

output "athena_workgroup" {
  description = "Name of the Athena workgroup."
  value       = module.lakehouse.athena_workgroup
}

output "s3_endpoint_id" {
  description = "Id of the S3 gateway endpoint; null when it is switched off."
  value       = module.lakehouse.s3_endpoint_id
}

output "failure_topic_arn" {
  description = "ARN of the SNS topic that announces failed jobs; null when it is switched off."
  value       = module.lakehouse.failure_topic_arn
}

output "console_links" {
  description = "Where the AWS console shows each part, by name."
  value       = module.lakehouse.console_links
}
