# The VPC of the S3 gateway endpoint, created here or given by the caller; optionally the jobs run in it.

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

data "aws_partition" "current" {}

locals {
  # Depends on cidr_block, never on an id: if the same apply creates the VPC, its id is unknown when Terraform evaluates count
  # ("Invalid count argument").
  made = var.network.cidr_block != null

  vpc = {
    id         = local.made ? one(aws_vpc.this[*].id) : one(data.aws_vpc.named[*].id)
    cidr_block = local.made ? var.network.cidr_block : one(data.aws_vpc.named[*].cidr_block)
  }
  route_table_ids = local.made ? aws_route_table.private[*].id : var.network.route_table_ids != null ? var.network.route_table_ids : data.aws_route_tables.named[0].ids

  # In China some endpoint services have another name prefix, and AWS does not document which.
  region        = data.aws_region.current.id
  name_prefixes = data.aws_partition.current.partition == "aws-cn" ? ["com.amazonaws.${local.region}", "cn.com.amazonaws.${local.region}"] : ["com.amazonaws.${local.region}"]
}

# A gateway endpoint's policy supports no principal but "*"; the condition restricts it to this account.
data "aws_iam_policy_document" "endpoint" {
  statement {
    sid       = "ListLakehouse"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketVersions"]
    resources = [var.bucket_arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }

  statement {
    sid = "ReadAndWriteLakehouse"
    actions = [
      "s3:AbortMultipartUpload",
      "s3:DeleteObject",
      "s3:DeleteObjectVersion",
      "s3:GetObject",
      "s3:GetObjectVersion",
      "s3:ListMultipartUploadParts",
      "s3:PutObject",
    ]
    resources = ["${var.bucket_arn}/${var.prefix}*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

# Carries only traffic that starts in the VPC: of jobs that run there (jobs.tf) or of other machines in it. Other jobs reach S3
# through Glue's own network.
resource "aws_vpc_endpoint" "s3" {
  count = var.network.s3_endpoint_enabled ? 1 : 0

  vpc_id            = local.vpc.id
  service_name      = "com.amazonaws.${local.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = local.route_table_ids
  policy            = data.aws_iam_policy_document.endpoint.json
  tags              = merge(var.tags, { Name = "${var.name}-s3" })
}
