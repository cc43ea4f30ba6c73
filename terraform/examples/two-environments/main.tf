# Region, credentials and endpoint come from the AWS_* environment variables, so the same code runs on AWS and on the
# embedded AWS.
provider "aws" {}

# What differs between the environments, and nothing else. The rest is the same by construction.
locals {
  environments = {
    dev = {
      start              = { on_arrival = { files = 100, minutes = 5 } }
      schedule           = null
      stale_after_hours  = null
      number_of_workers  = 2
      log_retention_days = 7
      budget             = { monthly_limit = 20 }
    }
    prod = {
      start              = {}
      schedule           = "cron(0 3 * * ? *)"
      stale_after_hours  = 26
      number_of_workers  = 10
      log_retention_days = 365
      budget             = { monthly_limit = 200 }
    }
  }
}

module "lakehouse" {
  # From another repository: "git::https://<host>/<owner>/<repository>.git//terraform?ref=<tag or commit>"
  source   = "../.."
  for_each = local.environments

  environment     = each.key
  force_destroy   = true                        # examples are meant to be destroyed; leave it out where the data matters
  lifecycle_rules = { enabled = !var.embedded } # the provider polls new ones for 55 s (terraform-provider-aws#41363)

  profile = "strict" # the same in both, or dev would test another pipeline

  start              = each.value.start
  schedule           = each.value.schedule
  stale_after_hours  = each.value.stale_after_hours
  number_of_workers  = each.value.number_of_workers
  log_retention_days = each.value.log_retention_days
  failure_email      = var.email
  budget             = each.value.budget
}
