output "region" {
  description = "AWS region of the lakehouse."
  value       = local.region
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

output "audit_database" {
  description = "Name of the Glue database of what the runs did: rows accounted for, consent decisions, quarantine."
  value       = module.catalog.audit_database
}

output "tables" {
  description = "Each table by name: database, S3 location, whether it is Iceberg, its columns, and the names of those that hold personal data or a pseudonym of a person."
  value       = module.catalog.tables
}

output "jobs" {
  description = "Glue job name of each script of the workflow."
  value       = module.jobs.jobs
}

output "forget_job" {
  description = "Name of the Glue job that forgets people; no trigger starts it."
  value       = module.jobs.forget_job
}

output "job_arguments" {
  description = "Arguments that every job run gets."
  value       = module.jobs.job_arguments
}

output "job_tables" {
  description = "Table that each script of the workflow publishes."
  value       = module.jobs.job_tables
}

output "job_role_arn" {
  description = "ARN of the role that the Glue jobs of the workflow assume."
  value       = module.iam.job_role_arn
}

output "forget_role_arn" {
  description = "ARN of the role that the Glue job which forgets people assumes."
  value       = module.iam.forget_role_arn
}

output "subject_key_secret_arn" {
  description = "ARN of the secret that holds the key of the pseudonyms."
  value       = module.subject_key.secret_arn
}

output "analyst_policy_arn" {
  description = "ARN of the policy to attach to those who may query the training table and nothing else."
  value       = module.iam.analyst_policy_arn
}

output "workflow" {
  description = "Name of the Glue workflow that runs the jobs."
  value       = module.jobs.workflow
}

output "log_groups" {
  description = "CloudWatch log group of the errors and of the output of the workflow's jobs, and of the job that forgets people."
  value       = module.jobs.log_groups
}

output "athena_workgroup" {
  description = "Name of the Athena workgroup."
  value       = module.query.workgroup
}

output "analyst_workgroup" {
  description = "Name of the Athena workgroup of those who hold the analyst policy."
  value       = module.query.analysts.workgroup
}

output "named_query_ids" {
  description = "Id of each Athena named query, by its name."
  value       = module.query.named_query_ids
}

output "s3_endpoint_id" {
  description = "Id of the S3 gateway endpoint; null without a network, or when it is switched off."
  value       = one(module.network[*].endpoint_id)
}

output "vpc_id" {
  description = "Id of the VPC of endpoint and jobs; null without a network."
  value       = one(module.network[*].vpc_id)
}

output "interface_endpoint_ids" {
  description = "Id of each interface endpoint of jobs in the VPC, by service."
  value       = try(module.network[0].interface_endpoint_ids, {})
}

output "glue_connections" {
  description = "Names of the Glue connections that put the jobs into the VPC, in the order in which Glue tries them."
  value       = try(module.network[0].connections, [])
}

output "job_security_group_id" {
  description = "Id of the security group of jobs in the VPC; null when they run outside."
  value       = one(module.network[*].security_group_id)
}

output "failure_topic_arn" {
  description = "ARN of the SNS topic that announces failed and slow jobs; null when it is switched off."
  value       = module.monitoring.topic_arn
}

output "alarms" {
  description = "Names of the CloudWatch alarms."
  value       = module.monitoring.alarms
}

output "dashboard" {
  description = "Name of the CloudWatch dashboard; null when it is switched off."
  value       = module.monitoring.dashboard
}

output "table_optimizer_role_arn" {
  description = "ARN of the role that Glue's table optimizers assume; null when they are switched off."
  value       = module.catalog.optimizer_role_arn
}

output "console_links" {
  description = "Where the AWS console shows each part, by name."
  value = merge(
    {
      workflow  = "${local.console}/glue/home?region=${local.region}#/v2/etl-configuration/workflows/view/${module.jobs.workflow}"
      database  = "${local.console}/glue/home?region=${local.region}#/v2/data-catalog/databases/view/${module.catalog.database}"
      bucket    = "${local.console}/s3/buckets/${module.storage.bucket}?region=${local.region}"
      workgroup = "${local.console}/athena/home?region=${local.region}#/workgroups/details/${module.query.workgroup}"
      logs      = "${local.console}/cloudwatch/home?region=${local.region}#logsV2:log-groups/log-group/${replace(module.jobs.log_groups["error"], "/", "$252F")}"
    },
    module.monitoring.dashboard == null ? {} : {
      dashboard = "${local.console}/cloudwatch/home?region=${local.region}#dashboards/dashboard/${module.monitoring.dashboard}"
    },
  )
}
