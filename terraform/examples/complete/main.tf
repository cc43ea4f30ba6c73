# Region, credentials and endpoint come from the AWS_* environment variables, so the same code runs on AWS and on the
# embedded AWS.
provider "aws" {}

locals {
  name = "stedi-complete"
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

module "lakehouse" {
  # From another repository: "git::https://<host>/<owner>/<repository>.git//terraform?ref=<tag or commit>"
  source = "../.."

  name_prefix   = "stedi"
  environment   = "complete"
  force_destroy = true # examples are meant to be destroyed
  tags          = { Example = "complete" }

  kms_key_arn     = aws_kms_key.lakehouse.arn
  access_logs     = { bucket = aws_s3_bucket_policy.access_logs.bucket } # S3 validates the bucket policy when logging is enabled
  lifecycle_rules = { enabled = !var.embedded, noncurrent_version_days = 7 }

  network  = { vpc_id = aws_vpc.this.id, route_table_ids = [aws_route_table.private.id] }
  vpc_jobs = { subnet_ids = values(aws_subnet.private)[*].id }

  schedule        = "cron(0 3 * * ? *)"
  execution_class = "FLEX" # no user waits for a nightly run
  timeout         = 60
  max_retries     = 2
  job_settings = {
    machine_learning_curated = { number_of_workers = 4, execution_class = "STANDARD" }
  }

  profile             = "strict"
  policies            = { shared_serial_number = "any_owner", training_subject = "pseudonym" }
  subject_key_version = 1

  quarantine_limits = { customer_landing = { share = 0, rows = 0 } } # an unreadable record may be a withdrawal
  row_count_change  = { drop = 0.2 }

  table_optimizers = { enabled = true }

  metrics_enabled         = true
  log_retention_days      = 90
  failure_email           = var.email
  stale_after_hours       = 26
  athena_scan_limit_bytes = 1073741824

  budget = { monthly_limit = 50 }
}
