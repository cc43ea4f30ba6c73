# The role of the erasure job. Unlike the pipeline's role it writes to the landing zone and reaches noncurrent versions. Like
# the pipeline's role it cannot change the code.

locals {
  forget_prefixes = concat(var.landing_prefixes, local.warehouse_prefixes, ["athena-results", "forget", "parsed", "quarantine"])
}

resource "aws_iam_role" "forget" {
  count = var.existing_roles == null ? 1 : 0

  name                 = "${var.name}-glue-forget${var.global_suffix}"
  description          = "Erasure job of ${var.name}: erases people from landing, tables, quarantine and query results."
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  path                 = var.path
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

data "aws_iam_policy_document" "forget_data" {
  source_policy_documents = [data.aws_iam_policy_document.bucket_key.json, data.aws_iam_policy_document.dataset_card.json]

  statement {
    sid       = "FindBucket"
    actions   = ["s3:GetBucketLocation"]
    resources = [var.bucket_arn]
  }

  # Verifying an erasure means searching every object.
  statement {
    sid       = "ListEverything"
    actions   = ["s3:ListBucket", "s3:ListBucketVersions"]
    resources = [var.bucket_arn]

    # Of an existing bucket only the lakehouse's prefix. IfExists as for the jobs: a request of one object has no prefix.
    dynamic "condition" {
      for_each = var.prefix == "" ? [] : [var.prefix]

      content {
        test     = "StringLikeIfExists"
        variable = "s3:prefix"
        values   = ["${condition.value}*"]
      }
    }
  }

  statement {
    sid       = "LookIntoEverything"
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = ["${local.root_arn}/*"]
  }

  # Current objects outside the lakehouse's own prefixes are never deleted, whatever they hold; noncurrent versions are.
  statement {
    sid       = "EraseOldVersions"
    actions   = ["s3:DeleteObjectVersion"]
    resources = ["${local.root_arn}/*"]
  }

  statement {
    sid       = "KeepCode"
    effect    = "Deny"
    actions   = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObject"]
    resources = ["${local.root_arn}/glue", "${local.root_arn}/glue/*"]
  }

  statement {
    sid = "EraseAndRewriteData"
    actions = [
      "s3:AbortMultipartUpload",
      "s3:DeleteObject",
      "s3:DeleteObjectVersion",
      "s3:ListMultipartUploadParts",
      "s3:PutObject",
    ]
    resources = flatten([for prefix in local.forget_prefixes : ["${local.root_arn}/${prefix}", "${local.root_arn}/${prefix}/*"]])
  }
}

# The jobs' logs are searched too; a log stream with a hit is deleted as a whole.
data "aws_iam_policy_document" "forget_logs" {
  statement {
    sid       = "EraseLogs"
    actions   = ["logs:DeleteLogStream", "logs:FilterLogEvents"]
    resources = ["${local.logs_arn}:log-group:/aws-glue/jobs/${var.name}/*"]
  }
}

locals {
  # Of both roles, by role and name.
  common_policies = {
    catalog     = data.aws_iam_policy_document.catalog.json
    observe     = data.aws_iam_policy_document.observe.json
    lease       = data.aws_iam_policy_document.lease.json
    subject_key = data.aws_iam_policy_document.subject_key.json
  }
  role_policies = {
    jobs   = merge(local.common_policies, { data = data.aws_iam_policy_document.data.json })
    forget = merge(local.common_policies, { data = data.aws_iam_policy_document.forget_data.json, logs = data.aws_iam_policy_document.forget_logs.json })
  }
}

resource "aws_iam_role_policy" "forget" {
  for_each = { for name, policy in local.role_policies.forget : name => policy if var.existing_roles == null }

  name   = replace(each.key, "_", "-")
  role   = aws_iam_role.forget[0].id
  policy = each.value
}
