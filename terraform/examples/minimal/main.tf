# Region, credentials and endpoint come from the AWS_* environment, so that the same lines serve an account and the
# embedded AWS, which has neither TLS nor host names for buckets.
provider "aws" {
  s3_use_path_style           = var.embedded
  skip_region_validation      = var.embedded
  skip_metadata_api_check     = var.embedded
  skip_credentials_validation = var.embedded
}

module "lakehouse" {
  # From another repository: "git::https://<host>/<owner>/<repository>.git//terraform?ref=<tag or commit>"
  source = "../.."

  environment = "minimal"

  # So that an example can be tried and thrown away: Glue has written to the bucket before there is any data.
  force_destroy = true

  require_tls     = !var.embedded
  lifecycle_rules = { enabled = !var.embedded }
}
