# The lakehouse on the embedded AWS: endpoint, region and credentials come from the AWS_* environment.
provider "aws" {
  # The emulator's account: with real credentials, or without AWS_ENDPOINT_URL, nothing is touched.
  allowed_account_ids = ["123456789012"]
  max_retries         = 2 # an operation that the emulator lacks answers 500, which the provider retries for minutes
}

module "lakehouse" {
  source = "../.."

  environment     = "local"
  force_destroy   = true
  max_retries     = 0                   # a script that fails here fails again
  lifecycle_rules = { enabled = false } # the provider polls a new configuration for 55 s (terraform-provider-aws#41363)

  network = { cidr_block = "10.60.0.0/24" }

  timeout           = var.timeout
  number_of_workers = var.number_of_workers

  profile             = var.profile
  policies            = var.policies
  subject_key_version = var.subject_key_version

  quarantine_limits = var.quarantine_limits

  # Data sets are swapped at will here.
  row_count_change = { drop = 1, growth = 1000000000 }
}
