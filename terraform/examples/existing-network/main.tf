# Region, credentials and endpoint come from the AWS_* environment variables, so the same code runs on AWS and on the
# embedded AWS.
provider "aws" {}

module "lakehouse" {
  # From another repository: "git::https://<host>/<owner>/<repository>.git//terraform?ref=<tag or commit>"
  source = "../.."

  environment     = "network"
  force_destroy   = true                        # examples are meant to be destroyed
  lifecycle_rules = { enabled = !var.embedded } # the provider polls new ones for 55 s (terraform-provider-aws#41363)

  # The VPC already has an S3 gateway endpoint, and a route table takes only one.
  network = { vpc_id = aws_vpc.this.id, s3_endpoint_enabled = false }

  # It has the interface endpoints too. The jobs reach them at the addresses of their subnets.
  vpc_jobs = {
    subnet_ids          = values(aws_subnet.private)[*].id
    interface_endpoints = []
    egress_cidr_blocks  = values(aws_subnet.private)[*].cidr_block
  }

  # No depends_on: Terraform would then read account and region during the apply, and could not plan the tables ("Invalid
  # for_each argument"). The endpoints only have to exist before the first run.
}
