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

  timeout           = var.timeout
  number_of_workers = var.number_of_workers

  profile               = var.profile
  accelerometer_consent = var.accelerometer_consent
  step_trainer_consent  = var.step_trainer_consent
  customer_records      = var.customer_records
  shared_serial_number  = var.shared_serial_number
  training_match        = var.training_match
  unmatched_steps       = var.unmatched_steps
  training_subject      = var.training_subject
  curated_identity      = var.curated_identity
  subject_key_version   = var.subject_key_version

  quarantine_limits = var.quarantine_limits
  row_count_change  = var.row_count_change
}
