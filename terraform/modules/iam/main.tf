# The role of the workflow's jobs, the role of the erasure job, and the policy for analysts. Every statement lists its actions
# and, where the action supports it, its resources.

locals {
  athena_arn = "arn:${data.aws_partition.current.partition}:athena:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"
  ec2_arn    = "arn:${data.aws_partition.current.partition}:ec2:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"
  glue_arn   = "arn:${data.aws_partition.current.partition}:glue:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"
  logs_arn   = "arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"

  # Everything that the roles may touch in S3 is below this.
  root_arn = trimsuffix("${var.bucket_arn}/${var.prefix}", "/")

  read_prefixes      = concat(var.landing_prefixes, ["glue"])
  warehouse_prefixes = ["warehouse/${var.database}", "warehouse/${var.audit_database}"]

  s3_service      = "s3.${data.aws_region.current.id}.${data.aws_partition.current.dns_suffix}"
  secrets_service = "secretsmanager.${data.aws_region.current.id}.${data.aws_partition.current.dns_suffix}"
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

# No account condition: a role can't be passed to a service across accounts, and Glue does not document source condition keys
# for job roles.
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
  count = var.existing_roles == null ? 1 : 0

  name                 = "${var.name}-glue-jobs${var.global_suffix}"
  description          = "Glue jobs of ${var.name}: read landing and code, write warehouse, quarantine, parsed rows and dataset card, nothing else."
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  path                 = var.path
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

data "aws_iam_policy_document" "data" {
  source_policy_documents = [data.aws_iam_policy_document.bucket_key.json, data.aws_iam_policy_document.dataset_card.json]

  statement {
    sid       = "FindBucket"
    actions   = ["s3:GetBucketLocation"]
    resources = [var.bucket_arn]
  }

  # IfExists: Hadoop's S3 connector requests the object "customer/landing" before it lists that folder. S3 answers 404 only if
  # the caller may list, and that request has no prefix; otherwise it answers 403, which fails the job.
  statement {
    sid       = "ListOwnPrefixes"
    actions   = ["s3:ListBucket"]
    resources = [var.bucket_arn]

    condition {
      test     = "StringLikeIfExists"
      variable = "s3:prefix"
      values   = flatten([for prefix in concat(local.read_prefixes, local.warehouse_prefixes, ["quarantine", "parsed", "forget/refusals"]) : ["${var.prefix}${prefix}", "${var.prefix}${prefix}/*"]])
    }
  }

  statement {
    sid       = "ReadLandingAndCode"
    actions   = ["s3:GetObject"]
    resources = flatten([for prefix in local.read_prefixes : ["${local.root_arn}/${prefix}", "${local.root_arn}/${prefix}/*"]])
  }

  # Quarantine and parsed rows: Spark writes below _temporary and renames, which on S3 means copy and delete. Their folders
  # themselves are listed because Hadoop's S3 connector requests them as objects first.
  statement {
    sid = "WriteWarehouseQuarantineAndParsedRows"
    actions = [
      "s3:AbortMultipartUpload",
      "s3:DeleteObject",
      "s3:GetObject",
      "s3:ListMultipartUploadParts",
      "s3:PutObject",
    ]
    resources = concat(
      [for prefix in local.warehouse_prefixes : "${local.root_arn}/${prefix}/*"],
      flatten([for prefix in ["quarantine", "parsed"] : ["${local.root_arn}/${prefix}", "${local.root_arn}/${prefix}/*"]]),
    )
  }

  # A withdrawal also removes earlier states of the tables, and in a versioned bucket deleted objects remain as noncurrent
  # versions. Limited to the warehouse: landing data must stay restorable.
  statement {
    sid       = "ListOldVersionsOfTables"
    actions   = ["s3:ListBucketVersions"]
    resources = [var.bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["${var.prefix}warehouse/${var.database}/*"]
    }
  }

  statement {
    sid       = "EraseOldVersionsOfTables"
    actions   = ["s3:DeleteObjectVersion"]
    resources = ["${local.root_arn}/warehouse/${var.database}/*"]
  }
}

resource "aws_iam_role_policy" "data" {
  count = var.existing_roles == null ? 1 : 0

  name   = "data"
  role   = aws_iam_role.jobs[0].id
  policy = data.aws_iam_policy_document.data.json
}

# Glue authorizes catalog, database and table of a request together, so each statement lists all three. Iceberg's GlueCatalog
# requests tables by name and nothing else: `make test-glue-catalog` records the actions that the jobs request.
data "aws_iam_policy_document" "catalog" {
  statement {
    sid       = "ReadLandingTables"
    actions   = ["glue:GetTable"]
    resources = concat(["${local.glue_arn}:catalog", var.database_arn], values(var.landing_table_arns))
  }

  statement {
    sid     = "CommitToTables"
    actions = ["glue:GetTable", "glue:UpdateTable"]
    resources = concat(
      ["${local.glue_arn}:catalog", var.database_arn, var.audit_database_arn],
      values(var.iceberg_table_arns),
    )
  }

  # Spark requests this database from its session catalog (dbt-glue#373) if that catalog is Glue, which these jobs no longer
  # enable (--enable-glue-datacatalog). Harmless; kept until a run on a real account shows that nothing needs it.
  statement {
    sid       = "SparkAsksForDefault"
    actions   = ["glue:GetDatabase"]
    resources = ["${local.glue_arn}:catalog", "${local.glue_arn}:database/default"]
  }
}

resource "aws_iam_role_policy" "catalog" {
  count = var.existing_roles == null ? 1 : 0

  name   = "catalog"
  role   = aws_iam_role.jobs[0].id
  policy = data.aws_iam_policy_document.catalog.json
}
