# Once per account: the state bucket, and the roles of GitHub Actions. Applied by an administrator, never by CI, so that CI
# can't widen its own permissions.

locals {
  names = { for environment in keys(var.environments) : environment => "${var.name_prefix}-${environment}" }

  partition = data.aws_partition.current.partition
  account   = data.aws_caller_identity.current.account_id

  state_bucket = coalesce(var.state_bucket_name, "${var.name_prefix}-terraform-state-${local.account}")
  # Built from the name rather than the resource, so that plans and tests show the policies in full.
  state_bucket_arn = "arn:${local.partition}:s3:::${local.state_bucket}"
  state_keys       = { for environment in keys(var.environments) : environment => "stedi-lakehouse/${environment}/terraform.tfstate" }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = merge({ Project = var.name_prefix, ManagedBy = "terraform" }, var.tags)
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}
