# What `make landing DATA=s3://...` needs, for the role of the operators: S3 copies only for a caller who may read the source and
# write the target. So no job gets access to a bucket outside the lakehouse. The boundary does not concern this policy: CI
# creates no role that has it.

locals {
  sources = [
    for source in var.landing_sources : {
      arn  = "arn:${data.aws_partition.current.partition}:s3:::${source.bucket}"
      keys = source.prefix == "" ? "*" : "${source.prefix}/*"
    }
  ]
}

data "aws_iam_policy_document" "landing" {
  count = length(local.sources) > 0 ? 1 : 0

  source_policy_documents = [data.aws_iam_policy_document.bucket_key.json]

  dynamic "statement" {
    for_each = local.sources

    content {
      actions   = ["s3:ListBucket"]
      resources = [statement.value.arn]

      condition {
        test     = "StringLike"
        variable = "s3:prefix"
        values   = [statement.value.keys]
      }
    }
  }

  statement {
    sid       = "ReadSources"
    actions   = ["s3:GetObject"]
    resources = [for source in local.sources : "${source.arn}/${source.keys}"]
  }

  dynamic "statement" {
    for_each = length(compact(var.landing_sources[*].kms_key_arn)) > 0 ? [true] : []

    content {
      sid       = "DecryptSources"
      actions   = ["kms:Decrypt"]
      resources = distinct(compact(var.landing_sources[*].kms_key_arn))
    }
  }

  statement {
    sid       = "ListLandingZone"
    actions   = ["s3:ListBucket"]
    resources = [var.bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = [for prefix in var.landing_prefixes : "${var.prefix}${prefix}/*"]
    }
  }

  statement {
    sid       = "ReplaceLandingZone"
    actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"]
    resources = [for prefix in var.landing_prefixes : "${local.root_arn}/${prefix}/*"]
  }

  statement {
    sid       = "HoldLease"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${local.root_arn}/operations/lease.json"]
  }

  statement {
    sid       = "AskAboutRuns"
    actions   = ["glue:GetJobRun", "glue:GetWorkflowRun", "glue:GetWorkflowRuns"]
    resources = ["${local.glue_arn}:workflow/${var.workflow}", "${local.glue_arn}:job/${var.name}-*"]
  }
}

resource "aws_iam_policy" "landing" {
  count = length(local.sources) > 0 ? 1 : 0

  name        = "${var.name}-landing${var.global_suffix}"
  path        = var.path
  description = "Fills the landing zone of ${var.name} from the buckets in landing_sources, nothing else."
  policy      = data.aws_iam_policy_document.landing[0].json
  tags        = var.tags
}
