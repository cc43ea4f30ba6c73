output "region" {
  description = "AWS region of the lakehouse."
  value       = local.region
}

output "bucket" {
  description = "Name of the bucket that holds landing data, warehouse, scripts and query results."
  value       = local.bucket
}

output "root" {
  description = "Where the lakehouse is in S3: <bucket>, or <bucket>/<prefix> in an existing bucket. It keeps to this place."
  value       = local.root
}

output "bucket_arn" {
  description = "ARN of the bucket."
  value       = local.bucket_arn
}

output "landing_uris" {
  description = "S3 URI of each landing table's files, by table name."
  value       = { for table, prefix in module.catalog.landing_prefixes : table => "s3://${local.root}/${prefix}/" }
}

output "database" {
  description = "Name of the Glue database."
  value       = module.catalog.database
}

output "audit_database" {
  description = "Name of the Glue database with the audit tables: rows accounted for, consent decisions, quarantine."
  value       = module.catalog.audit_database
}

output "tables" {
  description = "Each table by name: database, S3 location, whether it is an Iceberg table, columns, and which columns hold personal data or pseudonyms."
  value       = module.catalog.tables
}

output "jobs" {
  description = "Glue job name of each script of the workflow, by script name."
  value       = module.jobs.jobs
}

output "forget_job" {
  description = "Name of the Glue job that handles erasure requests; no trigger starts it."
  value       = module.jobs.forget_job
}

output "rollback_job" {
  description = "Name of the Glue job that puts the tables back to an earlier run; no trigger starts it."
  value       = module.jobs.rollback_job
}

output "job_arguments" {
  description = "Default arguments of every job."
  value       = module.jobs.job_arguments
}

output "job_tables" {
  description = "Table that each script of the workflow publishes, by script name."
  value       = module.jobs.job_tables
}

output "job_role_arn" {
  description = "ARN of the role of the workflow's Glue jobs."
  value       = module.iam.job_role_arn
}

output "forget_role_arn" {
  description = "ARN of the role of the erasure job."
  value       = module.iam.forget_role_arn
}

output "role_policies" {
  description = "Policies of the two roles as JSON, by role (jobs, forget) and name. The module attaches them to its own roles; existing_roles need them from their owner."
  value       = module.iam.role_policies
}

output "subject_key_secret_arn" {
  description = "ARN of the secret with the HMAC key of the pseudonyms."
  value       = local.subject_key_secret_arn
}

output "landing_policy_arn" {
  description = "ARN of the policy that allows to fill the landing zone from landing_sources; null without any."
  value       = module.iam.landing_policy_arn
}

output "analyst_policy_arn" {
  description = "ARN of the policy for analysts, which allows querying the training table and nothing else."
  value       = module.iam.analyst_policy_arn
}

output "analyst_role_arn" {
  description = "ARN of the role with the analyst policy and no other; null without analyst_role_principals."
  value       = module.iam.analyst_role_arn
}

output "workflow" {
  description = "Name of the Glue workflow that runs the jobs."
  value       = module.jobs.workflow
}

output "log_groups" {
  description = "CloudWatch log groups: errors and output of the workflow's jobs, and errors and output of the erasure job."
  value       = module.jobs.log_groups
}

output "athena_workgroup" {
  description = "Name of the Athena workgroup."
  value       = module.query.workgroup
}

output "analyst_workgroup" {
  description = "Name of the analysts' Athena workgroup."
  value       = module.query.analysts.workgroup
}

output "named_query_ids" {
  description = "Id of each saved Athena query, by name."
  value       = module.query.named_query_ids
}

output "s3_endpoint_id" {
  description = "Id of the S3 gateway endpoint; null without a network or if the endpoint is disabled."
  value       = one(module.network[*].endpoint_id)
}

output "vpc_id" {
  description = "Id of the VPC; null without a network."
  value       = one(module.network[*].vpc_id)
}

output "interface_endpoint_ids" {
  description = "Id of each interface endpoint, by service; empty unless the jobs run in the VPC."
  value       = try(module.network[0].interface_endpoint_ids, {})
}

output "glue_connections" {
  description = "Names of the Glue connections that place the jobs in the VPC, in the order in which Glue tries them."
  value       = try(module.network[0].connections, [])
}

output "job_security_group_id" {
  description = "Id of the jobs' security group; null if the jobs run outside the VPC."
  value       = one(module.network[*].security_group_id)
}

output "failure_topic_arn" {
  description = "ARN of the SNS topic that announces failed and slow job runs; null if failure events are disabled."
  value       = module.monitoring.topic_arn
}

output "failure_topic_policy" {
  description = "Policy that lets events, alarms and the budget publish on the topic, as JSON; an existing topic needs its statements from the topic's owner. Null if failure events are disabled."
  value       = module.monitoring.topic_policy
}

output "alarms" {
  description = "Names of the CloudWatch alarms."
  value       = module.monitoring.alarms
}

output "dashboard" {
  description = "Name of the CloudWatch dashboard; null if it is disabled."
  value       = module.monitoring.dashboard
}

output "table_optimizer_role_arn" {
  description = "ARN of the role of Glue's table optimizers; null if they are disabled."
  value       = module.catalog.optimizer_role_arn
}

output "console_links" {
  description = "URL of each component in the AWS console, by name."
  value = merge(
    {
      workflow  = "${local.console}/glue/home?region=${local.region}#/v2/etl-configuration/workflows/view/${module.jobs.workflow}"
      database  = "${local.console}/glue/home?region=${local.region}#/v2/data-catalog/databases/view/${module.catalog.database}"
      bucket    = "${local.console}/s3/buckets/${local.bucket}?region=${local.region}${local.prefix == "" ? "" : "&prefix=${local.prefix}"}"
      workgroup = "${local.console}/athena/home?region=${local.region}#/workgroups/details/${module.query.workgroup}"
      logs      = "${local.console}/cloudwatch/home?region=${local.region}#logsV2:log-groups/log-group/${replace(module.jobs.log_groups["error"], "/", "$252F")}"
    },
    module.monitoring.dashboard == null ? {} : {
      dashboard = "${local.console}/cloudwatch/home?region=${local.region}#dashboards/dashboard/${module.monitoring.dashboard}"
    },
  )
}
