# The lakehouse on the embedded AWS: endpoint, region and credentials come from the AWS_* environment variables.
provider "aws" {
  # The embedded AWS's account: with real credentials, or without AWS_ENDPOINT_URL, Terraform stops before it changes anything.
  allowed_account_ids = ["123456789012"]
  max_retries         = 2 # a missing operation of the embedded AWS answers 500, which the provider would retry for minutes
}

module "lakehouse" {
  source = "../.."

  environment     = "local"
  force_destroy   = true
  max_retries     = 0                   # a script that fails here would fail again
  lifecycle_rules = { enabled = false } # the provider polls a new configuration for 55 s (terraform-provider-aws#41363)

  network = { cidr_block = "10.60.0.0/24" }

  analyst_role_principals = ["arn:aws:iam::123456789012:root"] # `make analyst` assumes the role

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

  # Effectively unlimited: data sets of any size replace each other here.
  row_count_change = { drop = 1, growth = 1000000000 }
}
