# Once per account: where the state lives, and what GitHub Actions may do. Applied by an administrator, never by CI, so
# that CI can't widen its own rights.

locals {
  names = { for environment in keys(var.environments) : environment => "${var.name_prefix}-${environment}" }

  partition = data.aws_partition.current.partition
  account   = data.aws_caller_identity.current.account_id

  state_bucket = coalesce(var.state_bucket_name, "${var.name_prefix}-terraform-state-${local.account}")
  # Of the name and not of the resource, so that a plan, and with it the tests, shows the policies in full.
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
