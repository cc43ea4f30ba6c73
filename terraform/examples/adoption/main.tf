# Region, credentials and endpoint come from the AWS_* environment variables, so the same code runs on AWS and on the
# embedded AWS.
provider "aws" {}

data "aws_caller_identity" "current" {}

module "lakehouse" {
  # From another repository: "git::https://<host>/<owner>/<repository>.git//terraform?ref=<tag or commit>"
  source = "../.."

  environment     = "adopted"
  force_destroy   = true                        # examples are meant to be destroyed; leave it out where the data matters
  lifecycle_rules = { enabled = !var.embedded } # the provider polls new ones for 55 s (terraform-provider-aws#41363)

  # The names that were chosen by hand: another name would be another bucket, database and endpoint.
  bucket_name   = var.bucket
  database_name = var.database
  network       = { vpc_id = var.vpc_id, route_table_ids = var.route_table_ids }
}
