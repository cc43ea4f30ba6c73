# The role of the job that erases a person wherever there is data: it writes landing and reaches old versions, which the
# pipeline's role must not. The code is out of its reach, as it is out of the pipeline's.

locals {
  forget_prefixes = concat(var.landing_prefixes, local.warehouse_prefixes, ["athena-results", "forget", "quarantine"])
}

resource "aws_iam_role" "forget" {
  name                 = "${var.name}-glue-forget"
  description          = "Glue job of ${var.name} that forgets people: erases from landing, tables, quarantine and query results."
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  path                 = var.path
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

data "aws_iam_policy_document" "forget_data" {
  source_policy_documents = [data.aws_iam_policy_document.bucket_key.json]

  statement {
    sid       = "FindBucket"
    actions   = ["s3:GetBucketLocation"]
    resources = [var.bucket_arn]
  }

  # To verify that a person is gone is to look into everything.
  statement {
    sid       = "ListEverything"
    actions   = ["s3:ListBucket", "s3:ListBucketVersions"]
    resources = [var.bucket_arn]
  }

  statement {
    sid       = "LookIntoEverything"
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = ["${var.bucket_arn}/*"]
  }

  # An object that is none of the lakehouse's stays, whatever it holds; its replaced versions do not.
  statement {
    sid       = "EraseOldVersions"
    actions   = ["s3:DeleteObjectVersion"]
    resources = ["${var.bucket_arn}/*"]
  }

  statement {
    sid       = "KeepCode"
    effect    = "Deny"
    actions   = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObject"]
    resources = ["${var.bucket_arn}/glue", "${var.bucket_arn}/glue/*"]
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
    resources = flatten([for prefix in local.forget_prefixes : ["${var.bucket_arn}/${prefix}", "${var.bucket_arn}/${prefix}/*"]])
  }
}

# The jobs' logs are looked through too; a stream that holds anything of a person's goes as a whole.
data "aws_iam_policy_document" "forget_logs" {
  statement {
    sid       = "EraseLogs"
    actions   = ["logs:DeleteLogStream", "logs:FilterLogEvents"]
    resources = ["${local.logs_arn}:log-group:/aws-glue/jobs/${var.name}/*"]
  }
}

# What it has beside its own data policy is what the jobs' role has.
resource "aws_iam_role_policy" "forget" {
  for_each = {
    data        = data.aws_iam_policy_document.forget_data.json
    logs        = data.aws_iam_policy_document.forget_logs.json
    catalog     = data.aws_iam_policy_document.catalog.json
    observe     = data.aws_iam_policy_document.observe.json
    lease       = data.aws_iam_policy_document.lease.json
    subject_key = data.aws_iam_policy_document.subject_key.json
  }

  name   = replace(each.key, "_", "-")
  role   = aws_iam_role.forget.id
  policy = each.value
}
