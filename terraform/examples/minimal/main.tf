# Region, credentials and endpoint come from the AWS_* environment variables, so the same code runs on AWS and on the
# embedded AWS.
provider "aws" {}

module "lakehouse" {
  # From another repository: "git::https://<host>/<owner>/<repository>.git//terraform?ref=<tag or commit>"
  source = "../.."

  environment = "minimal"

  # Lets `terraform destroy` delete the bucket: it is never empty, since Glue writes to it even before there is data.
  force_destroy = true

  lifecycle_rules = { enabled = !var.embedded } # the provider polls new ones for 55 s (terraform-provider-aws#41363)
}
