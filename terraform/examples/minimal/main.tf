# Region, credentials and endpoint come from the AWS_* environment, so that the same lines serve an account and the
# embedded AWS.
provider "aws" {}

module "lakehouse" {
  # From another repository: "git::https://<host>/<owner>/<repository>.git//terraform?ref=<tag or commit>"
  source = "../.."

  environment = "minimal"

  # So that an example can be tried and thrown away: Glue has written to the bucket before there is any data.
  force_destroy = true

  lifecycle_rules = { enabled = !var.embedded } # the provider polls new ones for 55 s (terraform-provider-aws#41363)
}
