# Glue maintains the Iceberg tables. Retention is a matter of privacy, not only of cost: every run replaces whole tables, and
# earlier snapshots still hold the rows of people who have withdrawn their consent since.

locals {
  glue_arn = "arn:${data.aws_partition.current.partition}:glue:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"
  logs_arn = "arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"

  databases = [local.database, { name = aws_glue_catalog_database.audit.name, arn = aws_glue_catalog_database.audit.arn }]

  optimizer_types = concat(["retention", "orphan_file_deletion"], var.table_optimizers.compaction ? ["compaction"] : [])
  optimizers = {
    for pair in setproduct(keys(local.tables), local.optimizer_types) :
    "${pair[0]}/${pair[1]}" => { table = pair[0], type = pair[1] } if var.table_optimizers.enabled && local.tables[pair[0]].iceberg
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

data "aws_iam_policy_document" "optimizers_trust" {
  statement {
    sid     = "GlueMaintainsTables"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["glue.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "optimizers" {
  count = var.table_optimizers.enabled ? 1 : 0

  name                 = "${var.name}-table-optimizers${var.global_suffix}"
  path                 = var.iam_path
  description          = "Glue's table optimizers of ${var.database}: rewrite and delete files of the warehouse, nothing else."
  assume_role_policy   = data.aws_iam_policy_document.optimizers_trust.json
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

data "aws_iam_policy_document" "optimizers" {
  statement {
    sid       = "ListWarehouse"
    actions   = ["s3:ListBucket"]
    resources = [var.bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = [for database in local.databases : "${var.prefix}warehouse/${database.name}/*"]
    }
  }

  statement {
    sid       = "RewriteWarehouse"
    actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = [for database in local.databases : "${var.bucket_arn}/${var.prefix}warehouse/${database.name}/*"]
  }

  statement {
    sid     = "CommitToTables"
    actions = ["glue:GetTable", "glue:UpdateTable"]
    resources = concat(
      ["${local.glue_arn}:catalog"],
      local.databases[*].arn,
      [for table in aws_glue_catalog_table.iceberg : table.arn],
    )
  }

  statement {
    sid     = "WriteLogs"
    actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    resources = [
      for optimizer in ["compaction", "retention", "orphan-file-deletion"] :
      "${local.logs_arn}:log-group:/aws-glue/iceberg-${optimizer}/logs:*"
    ]
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "UseKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}

resource "aws_iam_role_policy" "optimizers" {
  count = var.table_optimizers.enabled ? 1 : 0

  name   = "maintain"
  role   = aws_iam_role.optimizers[0].id
  policy = data.aws_iam_policy_document.optimizers.json
}

resource "aws_glue_catalog_table_optimizer" "this" {
  for_each = local.optimizers

  catalog_id    = data.aws_caller_identity.current.account_id
  database_name = local.database_of[each.value.table]
  table_name    = aws_glue_catalog_table.iceberg[each.value.table].name
  type          = each.value.type

  configuration {
    enabled  = true
    role_arn = aws_iam_role.optimizers[0].arn

    dynamic "retention_configuration" {
      for_each = each.value.type == "retention" ? [true] : []

      content {
        iceberg_configuration {
          snapshot_retention_period_in_days = var.table_optimizers.snapshot_retention_days
          number_of_snapshots_to_retain     = var.table_optimizers.snapshots_to_keep
          clean_expired_files               = true
        }
      }
    }

    dynamic "orphan_file_deletion_configuration" {
      for_each = each.value.type == "orphan_file_deletion" ? [true] : []

      content {
        iceberg_configuration {
          orphan_file_retention_period_in_days = var.table_optimizers.orphan_file_days
        }
      }
    }
  }

  # Glue validates the role when an optimizer is created.
  depends_on = [aws_iam_role_policy.optimizers]
}
