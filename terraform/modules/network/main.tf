data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

# Both are read whether needed or not: a count would fail on ids that are unknown until the VPC, made in the same apply,
# exists.
data "aws_vpc" "this" {
  id      = var.vpc_id
  default = var.vpc_id == null ? true : null
}

data "aws_route_tables" "all" {
  vpc_id = data.aws_vpc.this.id
}

# A gateway endpoint knows no principals but "*"; the account is what the condition holds it to.
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
    resources = ["${var.bucket_arn}/*"]

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

# An effect only on traffic that starts in the VPC: of jobs that run there (jobs.tf), or of other machines in it. Jobs
# outside reach S3 over Glue's own network.
resource "aws_vpc_endpoint" "s3" {
  count = var.s3_endpoint_enabled ? 1 : 0

  vpc_id            = data.aws_vpc.this.id
  service_name      = "com.amazonaws.${data.aws_region.current.name}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = var.route_table_ids != null ? var.route_table_ids : data.aws_route_tables.all.ids
  policy            = data.aws_iam_policy_document.endpoint.json
  tags              = merge(var.tags, { Name = "${var.name}-s3" })
}

moved {
  from = aws_vpc_endpoint.s3
  to   = aws_vpc_endpoint.s3[0]
}
