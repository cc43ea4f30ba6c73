provider "aws" {
  region = var.region
}

module "lakehouse" {
  source = "../.."

  environment              = "dev"
  permissions_boundary_arn = var.permissions_boundary_arn
  force_destroy            = true # dev data can be uploaded again

  network       = var.network
  failure_email = var.failure_email

  analyst_role_principals = var.analyst_role_principals

  timeout           = var.timeout
  number_of_workers = var.number_of_workers

  orchestration       = var.orchestration
  start               = var.start
  landing_sources     = var.landing_sources
  profile             = var.profile
  policies            = var.policies
  subject_key_version = var.subject_key_version
  training_split      = var.training_split
  history             = var.history

  audit             = var.audit
  quarantine_limits = var.quarantine_limits
  row_count_change  = var.row_count_change
}
