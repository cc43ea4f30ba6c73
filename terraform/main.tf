# The STEDI lakehouse on AWS: one bucket, the Glue catalog, a workflow of five jobs, the erasure job, Athena, monitoring, and
# IAM roles with least privilege. The caller configures provider and backend.

locals {
  name     = "${var.name_prefix}-${var.environment}"
  database = var.existing_database != null ? var.existing_database.name : var.database_name != null ? var.database_name : replace(local.name, "-", "_")
  workflow = "${local.name}-lakehouse"

  # Names of roles, policies and budgets are unique in the account, those of buckets everywhere: all others in the region.
  global_suffix = var.regional_names ? "-${local.region}" : ""

  # Where the lakehouse is in S3. Nothing outside root is read, written or deleted.
  bucket     = var.existing_bucket != null ? var.existing_bucket.name : module.storage[0].bucket
  bucket_arn = var.existing_bucket != null ? "arn:${data.aws_partition.current.partition}:s3:::${var.existing_bucket.name}" : module.storage[0].bucket_arn
  prefix     = var.existing_bucket != null ? "${var.existing_bucket.prefix}/" : ""
  root       = trimsuffix("${local.bucket}/${local.prefix}", "/")

  subject_key_secret_arn = var.existing_secrets != null ? var.existing_secrets.subject_key_arn : module.subject_key[0].secret_arn
  refusal_key_secret_arn = var.existing_secrets != null ? var.existing_secrets.refusal_key_arn : module.refusal_key[0].secret_arn

  tags = merge({ Project = var.name_prefix, Environment = var.environment, Lakehouse = local.name, ManagedBy = "terraform" }, var.tags)

  consoles = {
    aws        = "console.aws.amazon.com"
    aws-cn     = "console.amazonaws.cn"
    aws-us-gov = "console.amazonaws-us-gov.com"
  }

  region  = data.aws_region.current.id
  console = "https://${local.region}.${lookup(local.consoles, data.aws_partition.current.partition, local.consoles.aws)}"

  ddl_path     = coalesce(var.ddl_path, "${path.module}/../ddl")
  scripts_path = coalesce(var.scripts_path, "${path.module}/../glue_jobs")

  # What variables are validated against.
  declared_policies = jsondecode(file("${local.scripts_path}/policies.json"))
  declared_pipeline = jsondecode(file("${local.scripts_path}/pipeline.json"))
  policies          = { for name, policy in local.declared_policies.policies : name => keys(policy.values) }
  profiles          = { for name, profile in local.declared_policies.profiles : name => profile.description }
  landing_tables    = [for name, table in local.declared_pipeline.tables : name if table.zone == "landing"]
  training_tables   = concat(["machine_learning_curated"], [for name, table in local.declared_pipeline.tables : name if table.zone == "training"])

  quarantine_limits = merge({ for table in keys(module.catalog.landing_prefixes) : table => { share = 0.01, rows = 1000 } }, var.quarantine_limits)
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

module "storage" {
  source = "./modules/storage"
  count  = var.existing_bucket == null ? 1 : 0

  bucket_name     = var.bucket_name != null ? var.bucket_name : "${local.name}-lakehouse-${data.aws_caller_identity.current.account_id}${local.global_suffix}"
  force_destroy   = var.force_destroy
  kms_key_arn     = var.kms_key_arn
  access_logs     = var.access_logs
  require_tls     = var.require_tls
  lifecycle_rules = var.lifecycle_rules
  events_enabled  = var.start.on_arrival != null
  tags            = local.tags
}

module "network" {
  source = "./modules/network"
  count  = var.network != null ? 1 : 0

  name            = local.name
  network         = var.network
  bucket_arn      = local.bucket_arn
  prefix          = local.prefix
  jobs            = var.vpc_jobs
  metrics_enabled = var.metrics_enabled
  tags            = local.tags
}

module "catalog" {
  source = "./modules/catalog"

  name                     = local.name
  global_suffix            = local.global_suffix
  database                 = local.database
  existing_database        = var.existing_database != null
  bucket                   = local.bucket
  bucket_arn               = local.bucket_arn
  prefix                   = local.prefix
  ddl_path                 = local.ddl_path
  table_optimizers         = var.table_optimizers
  lake_formation           = var.lake_formation
  training_tables          = local.training_tables
  job_role_arn             = module.iam.job_role_arn
  forget_role_arn          = module.iam.forget_role_arn
  kms_key_arn              = var.kms_key_arn
  iam_path                 = var.iam_path
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = local.tags
}

module "subject_key" {
  source = "./modules/subject_key"
  count  = var.existing_secrets == null ? 1 : 0

  name          = "${local.name}-subject-key"
  description   = "Key of the pseudonyms of ${local.name}: HMAC-SHA256 of the e-mail address."
  key_version   = var.subject_key_version
  kms_key_arn   = var.kms_key_arn
  force_destroy = var.force_destroy
  tags          = local.tags
}

# key_version never changes: under another key, the refusals of erased customers would no longer be found.
module "refusal_key" {
  source = "./modules/subject_key"
  count  = var.existing_secrets == null ? 1 : 0

  name          = "${local.name}-refusal-key"
  description   = "Key of the refusals of ${local.name} that outlive an erasure: HMAC-SHA256 of the serial number."
  key_version   = 1
  kms_key_arn   = var.kms_key_arn
  force_destroy = var.force_destroy
  tags          = local.tags
}

module "iam" {
  source = "./modules/iam"

  name                     = local.name
  global_suffix            = local.global_suffix
  existing_roles           = var.existing_roles
  path                     = var.iam_path
  permissions_boundary_arn = var.permissions_boundary_arn
  kms_key_arn              = var.kms_key_arn
  workflow                 = local.workflow
  bucket_arn               = local.bucket_arn
  prefix                   = local.prefix
  landing_prefixes         = values(module.catalog.landing_prefixes)
  database                 = module.catalog.database
  database_arn             = module.catalog.database_arn
  audit_database           = module.catalog.audit_database
  audit_database_arn       = module.catalog.audit_database_arn
  subject_key_secret_arn   = local.subject_key_secret_arn
  refusal_key_secret_arn   = local.refusal_key_secret_arn
  landing_table_arns       = module.catalog.landing_table_arns
  iceberg_table_arns       = module.catalog.iceberg_table_arns
  placement                = one(module.network[*].placement)
  analysts                 = module.query.analysts
  landing_sources          = var.landing_sources
  training_tables          = local.training_tables
  analyst_role_principals  = var.analyst_role_principals
  metrics_enabled          = var.metrics_enabled
  tags                     = local.tags
}

module "jobs" {
  source = "./modules/jobs"

  name                   = local.name
  workflow               = local.workflow
  bucket                 = local.bucket
  prefix                 = local.prefix
  database               = module.catalog.database
  warehouse_uri          = module.catalog.warehouse_uri
  role_arn               = module.iam.job_role_arn
  forget_role_arn        = module.iam.forget_role_arn
  subject_key_secret_arn = local.subject_key_secret_arn
  refusal_key_secret_arn = local.refusal_key_secret_arn
  scripts_path           = local.scripts_path
  ddl_path               = local.ddl_path

  arguments = {
    profile           = var.profile
    policies          = length(var.policies) > 0 ? jsonencode(var.policies) : null
    quarantine_limits = jsonencode(local.quarantine_limits)
    row_count_change  = jsonencode(var.row_count_change)
    training_split    = jsonencode(var.training_split)
    audit             = var.audit
    history           = jsonencode(var.table_optimizers.enabled ? null : var.history)
  }

  glue_version       = var.glue_version
  worker_type        = var.worker_type
  number_of_workers  = var.number_of_workers
  timeout            = var.timeout
  max_retries        = var.max_retries
  execution_class    = var.execution_class
  job_settings       = var.job_settings
  orchestration      = var.orchestration
  schedule           = var.schedule
  start              = var.start
  landing_prefixes   = values(module.catalog.landing_prefixes)
  connections        = try(module.network[0].connections, [])
  kms_key_arn        = var.kms_key_arn
  metrics_enabled    = var.metrics_enabled
  log_retention_days = var.log_retention_days

  global_suffix            = local.global_suffix
  iam_path                 = var.iam_path
  permissions_boundary_arn = var.permissions_boundary_arn

  tags = local.tags
}

module "query" {
  source = "./modules/query"

  name             = local.name
  root             = local.root
  database         = module.catalog.database
  audit_database   = module.catalog.audit_database
  workgroup        = var.existing_workgroup
  ddl              = module.catalog.ddl
  kms_key_arn      = var.kms_key_arn
  scan_limit_bytes = var.athena_scan_limit_bytes
  metrics_enabled  = var.metrics_enabled
  force_destroy    = var.force_destroy
  tags             = local.tags
}

module "monitoring" {
  source = "./modules/monitoring"

  name              = local.name
  global_suffix     = local.global_suffix
  region            = local.region
  jobs              = merge(module.jobs.jobs, { forget = module.jobs.forget_job, rollback = module.jobs.rollback_job })
  last_job          = module.jobs.last_job
  max_retries       = module.jobs.max_retries
  bucket            = local.bucket
  workgroup         = module.query.workgroup
  error_log_groups  = distinct([module.jobs.log_groups["error"], module.jobs.log_groups["forget_error"]])
  events_enabled    = var.failure_events_enabled
  topic             = var.existing_topic
  email             = var.failure_email
  stale_after_hours = var.stale_after_hours
  dashboard_enabled = var.dashboard_enabled
  metrics_enabled   = var.metrics_enabled
  budget            = var.budget
  kms_key_arn       = var.kms_key_arn
  tags              = local.tags
}

# Callers that applied the module before these could be existing resources keep theirs.
moved {
  from = module.storage
  to   = module.storage[0]
}

moved {
  from = module.subject_key
  to   = module.subject_key[0]
}

moved {
  from = module.refusal_key
  to   = module.refusal_key[0]
}
