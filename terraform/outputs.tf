output "region" {
  description = "AWS region of the lakehouse."
  value       = data.aws_region.current.name
}

output "bucket" {
  description = "Name of the bucket that holds landing, warehouse, scripts and query results."
  value       = module.storage.bucket
}

output "bucket_arn" {
  description = "ARN of the bucket."
  value       = module.storage.bucket_arn
}

output "landing_uris" {
  description = "S3 URI that takes the files of each landing table, by table name."
  value       = { for table, prefix in module.catalog.landing_prefixes : table => "s3://${module.storage.bucket}/${prefix}/" }
}

output "database" {
  description = "Name of the Glue database."
  value       = module.catalog.database
}

output "tables" {
  description = "Each table by name: S3 location, whether it is Iceberg, its columns, and the names of those that hold personal data."
  value       = module.catalog.tables
}

output "jobs" {
  description = "Glue job name of each script."
  value       = module.jobs.jobs
}

output "job_arguments" {
  description = "Arguments that every job run gets."
  value       = module.jobs.job_arguments
}

output "job_tables" {
  description = "Table that each script publishes."
  value       = module.jobs.job_tables
}

output "job_role_arn" {
  description = "ARN of the role that the Glue jobs assume."
  value       = module.iam.job_role_arn
}

output "workflow" {
  description = "Name of the Glue workflow that runs the jobs."
  value       = module.jobs.workflow
}

output "log_groups" {
  description = "CloudWatch log group of the jobs' errors and of their output."
  value       = module.jobs.log_groups
}

output "athena_workgroup" {
  description = "Name of the Athena workgroup."
  value       = module.query.workgroup
}

output "named_query_ids" {
  description = "Id of each Athena named query, by its name."
  value       = module.query.named_query_ids
}

output "s3_endpoint_id" {
  description = "Id of the S3 gateway endpoint; null when it is switched off."
  value       = one(module.network[*].endpoint_id)
}

output "failure_topic_arn" {
  description = "ARN of the SNS topic that announces failed jobs; null when it is switched off."
  value       = one(module.monitoring[*].topic_arn)
}
