# The role of the jobs, the role of the job that forgets people, and the policy for analysts: each statement names its
# actions and, where AWS knows any, its resources.

locals {
  athena_arn = "arn:${data.aws_partition.current.partition}:athena:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"
  ec2_arn    = "arn:${data.aws_partition.current.partition}:ec2:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"
  glue_arn   = "arn:${data.aws_partition.current.partition}:glue:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"
  logs_arn   = "arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"

  read_prefixes      = concat(var.landing_prefixes, ["glue"])
  warehouse_prefixes = ["warehouse/${var.database}", "warehouse/${var.audit_database}"]

  s3_service      = "s3.${data.aws_region.current.id}.${data.aws_partition.current.dns_suffix}"
  secrets_service = "secretsmanager.${data.aws_region.current.id}.${data.aws_partition.current.dns_suffix}"
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

# No account condition: a role can't be passed to a service across accounts, and Glue does not document the source
# keys for its job roles.
data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "GlueRunsJobs"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["glue.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "jobs" {
  name                 = "${var.name}-glue-jobs"
  description          = "Glue jobs of ${var.name}: read landing and code, write warehouse and quarantine, nothing else."
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  path                 = var.path
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

data "aws_iam_policy_document" "data" {
  source_policy_documents = [data.aws_iam_policy_document.bucket_key.json]

  statement {
    sid       = "FindBucket"
    actions   = ["s3:GetBucketLocation"]
    resources = [var.bucket_arn]
  }

  # IfExists: Hadoop's S3 connector asks for the object "customer/landing" before it lists that folder. The answer is 404
  # only to those who may list, and such a request carries no prefix; all others get 403, which fails the job.
  statement {
    sid       = "ListOwnPrefixes"
    actions   = ["s3:ListBucket"]
    resources = [var.bucket_arn]

    condition {
      test     = "StringLikeIfExists"
      variable = "s3:prefix"
      values   = flatten([for prefix in concat(local.read_prefixes, local.warehouse_prefixes, ["quarantine", "forget/refusals"]) : [prefix, "${prefix}/*"]])
    }
  }

  statement {
    sid       = "ReadLandingAndCode"
    actions   = ["s3:GetObject"]
    resources = flatten([for prefix in local.read_prefixes : ["${var.bucket_arn}/${prefix}", "${var.bucket_arn}/${prefix}/*"]])
  }

  statement {
    sid = "WriteWarehouse"
    actions = [
      "s3:AbortMultipartUpload",
      "s3:DeleteObject",
      "s3:GetObject",
      "s3:ListMultipartUploadParts",
      "s3:PutObject",
    ]
    resources = [for prefix in local.warehouse_prefixes : "${var.bucket_arn}/${prefix}/*"]
  }

  # A withdrawal takes effect on the earlier states of the tables, and in a versioned bucket what is deleted stays. Below
  # the warehouse only: landing data can be restored from its versions.
  statement {
    sid       = "ListOldVersionsOfTables"
    actions   = ["s3:ListBucketVersions"]
    resources = [var.bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["warehouse/${var.database}/*"]
    }
  }

  statement {
    sid       = "EraseOldVersionsOfTables"
    actions   = ["s3:DeleteObjectVersion"]
    resources = ["${var.bucket_arn}/warehouse/${var.database}/*"]
  }

  # Spark writes below _temporary and renames: on S3 a copy and a deletion. The folder itself for Hadoop's S3 connector,
  # which asks for it as an object first.
  statement {
    sid = "WriteQuarantine"
    actions = [
      "s3:AbortMultipartUpload",
      "s3:DeleteObject",
      "s3:GetObject",
      "s3:ListMultipartUploadParts",
      "s3:PutObject",
    ]
    resources = ["${var.bucket_arn}/quarantine", "${var.bucket_arn}/quarantine/*"]
  }
}

resource "aws_iam_role_policy" "data" {
  name   = "data"
  role   = aws_iam_role.jobs.id
  policy = data.aws_iam_policy_document.data.json
}

# Glue checks catalog, database and table of one request together, so each statement names all three. Iceberg's GlueCatalog
# asks for tables by their names and for nothing else: `make test-glue-catalog` says what the jobs ask for.
data "aws_iam_policy_document" "catalog" {
  statement {
    sid     = "ReadTables"
    actions = ["glue:GetTable"]
    resources = concat(
      ["${local.glue_arn}:catalog", var.database_arn, var.audit_database_arn],
      values(var.landing_table_arns),
      values(var.iceberg_table_arns),
    )
  }

  statement {
    sid     = "CommitToTables"
    actions = ["glue:UpdateTable"]
    resources = concat(
      ["${local.glue_arn}:catalog", var.database_arn, var.audit_database_arn],
      values(var.iceberg_table_arns),
    )
  }

  # Spark asks its session catalog for this database (dbt-glue#373), where Glue is that catalog, which these jobs no longer
  # ask for (--enable-glue-datacatalog). Harmless, and here until a run on a real account has shown that nothing needs it.
  statement {
    sid       = "SparkAsksForDefault"
    actions   = ["glue:GetDatabase"]
    resources = ["${local.glue_arn}:catalog", "${local.glue_arn}:database/default"]
  }
}

resource "aws_iam_role_policy" "catalog" {
  name   = "catalog"
  role   = aws_iam_role.jobs.id
  policy = data.aws_iam_policy_document.catalog.json
}
