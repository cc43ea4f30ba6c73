locals {
  name     = "${var.name_prefix}-${var.environment}"
  database = replace(local.name, "-", "_")
  bucket   = var.bucket_name != null ? var.bucket_name : "${local.name}-lakehouse-${data.aws_caller_identity.current.account_id}"
  tags     = merge({ Project = var.name_prefix, Environment = var.environment, ManagedBy = "terraform" }, var.tags)

  ddl_path     = "${path.module}/../ddl"
  scripts_path = "${path.module}/../glue_jobs"
}

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

module "storage" {
  source = "./modules/storage"

  bucket_name     = local.bucket
  force_destroy   = var.force_destroy
  require_tls     = var.require_tls
  lifecycle_rules = var.lifecycle_rules
  tags            = local.tags
}

module "network" {
  source = "./modules/network"
  count  = var.s3_endpoint_enabled ? 1 : 0

  name            = local.name
  vpc_id          = var.vpc_id
  route_table_ids = var.route_table_ids
  bucket_arn      = module.storage.bucket_arn
  tags            = local.tags
}

module "catalog" {
  source = "./modules/catalog"

  database = local.database
  bucket   = module.storage.bucket
  ddl_path = local.ddl_path
  tags     = local.tags
}

module "iam" {
  source = "./modules/iam"

  name               = local.name
  bucket_arn         = module.storage.bucket_arn
  landing_prefixes   = values(module.catalog.landing_prefixes)
  database           = module.catalog.database
  database_arn       = module.catalog.database_arn
  landing_table_arns = module.catalog.landing_table_arns
  iceberg_table_arns = module.catalog.iceberg_table_arns
  metrics_enabled    = var.metrics_enabled
  tags               = local.tags
}

module "jobs" {
  source = "./modules/jobs"

  name          = local.name
  bucket        = module.storage.bucket
  database      = module.catalog.database
  warehouse_uri = module.catalog.warehouse_uri
  role_arn      = module.iam.job_role_arn
  scripts_path  = local.scripts_path
  ddl_path      = local.ddl_path

  arguments = {
    profile               = var.profile
    accelerometer_consent = var.accelerometer_consent
    step_trainer_consent  = var.step_trainer_consent
    customer_records      = var.customer_records
    shared_serial_number  = var.shared_serial_number
    training_match        = var.training_match
    unmatched_steps       = var.unmatched_steps
  }

  glue_version       = var.glue_version
  worker_type        = var.worker_type
  number_of_workers  = var.number_of_workers
  timeout            = var.timeout
  max_retries        = var.max_retries
  execution_class    = var.execution_class
  metrics_enabled    = var.metrics_enabled
  log_retention_days = var.log_retention_days
  tags               = local.tags
}

module "query" {
  source = "./modules/query"

  name             = local.name
  bucket           = module.storage.bucket
  database         = module.catalog.database
  ddl              = module.catalog.ddl
  scan_limit_bytes = var.athena_scan_limit_bytes
  metrics_enabled  = var.metrics_enabled
  force_destroy    = var.force_destroy
  tags             = local.tags
}

module "monitoring" {
  source = "./modules/monitoring"
  count  = var.failure_events_enabled ? 1 : 0

  name      = local.name
  job_names = values(module.jobs.jobs)
  email     = var.failure_email
  tags      = local.tags
}
