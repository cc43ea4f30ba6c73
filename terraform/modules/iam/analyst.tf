# Analysts query the training table, and those that go with it, in their own workgroup and reach nothing else: no other table, no landing file, no query
# result of other workgroups, no HMAC key. The role has the policy and no other; attach the policy to roles of your own too.

locals {
  training_prefixes = concat([for table in var.training_tables : "warehouse/${var.database}/${table}"], ["training"]) # with the dataset card
  analyst_prefixes  = concat(local.training_prefixes, [var.analysts.results_prefix])
}

data "aws_iam_policy_document" "analyst" {
  source_policy_documents = [data.aws_iam_policy_document.bucket_key.json]

  statement {
    sid = "QueryInOwnWorkgroup"
    actions = [
      "athena:BatchGetNamedQuery",
      "athena:BatchGetQueryExecution",
      "athena:GetNamedQuery",
      "athena:GetQueryExecution",
      "athena:GetQueryResults",
      "athena:GetQueryResultsStream",
      "athena:GetQueryRuntimeStatistics",
      "athena:GetWorkGroup",
      "athena:ListNamedQueries",
      "athena:ListQueryExecutions",
      "athena:StartQueryExecution",
      "athena:StopQueryExecution",
    ]
    resources = [var.analysts.workgroup_arn]
  }

  # Shows only what the Glue statements below allow.
  statement {
    sid = "BrowseCatalog"
    actions = [
      "athena:GetDataCatalog",
      "athena:GetDatabase",
      "athena:GetTableMetadata",
      "athena:ListDatabases",
      "athena:ListTableMetadata",
    ]
    resources = ["${local.athena_arn}:datacatalog/AwsDataCatalog"]
  }

  # The console's query editor needs these lists of workgroup and catalog names; the actions support no resource-level
  # permissions.
  statement {
    sid       = "OpenConsole"
    actions   = ["athena:ListDataCatalogs", "athena:ListWorkGroups"]
    resources = ["*"]
  }

  # GetDatabases and GetTables return only the resources in the policy.
  statement {
    sid     = "DescribeTrainingTable"
    actions = ["glue:GetDatabase", "glue:GetDatabases", "glue:GetTable", "glue:GetTables"]
    resources = concat(
      ["${local.glue_arn}:catalog", var.database_arn],
      [for table in var.training_tables : var.iceberg_table_arns[table]],
    )
  }

  # Athena requests the database `default` for every query.
  statement {
    sid       = "AthenaAsksForDefault"
    actions   = ["glue:GetDatabase"]
    resources = ["${local.glue_arn}:catalog", "${local.glue_arn}:database/default"]
  }

  statement {
    sid       = "FindBucket"
    actions   = ["s3:GetBucketLocation"]
    resources = [var.bucket_arn]
  }

  statement {
    sid       = "ListTrainingDataAndOwnResults"
    actions   = ["s3:ListBucket"]
    resources = [var.bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = flatten([for prefix in local.analyst_prefixes : ["${var.prefix}${prefix}", "${var.prefix}${prefix}/*"]])
    }
  }

  statement {
    sid       = "ReadTrainingDataAndOwnResults"
    actions   = ["s3:GetObject"]
    resources = [for prefix in local.analyst_prefixes : "${local.root_arn}/${prefix}/*"]
  }

  statement {
    sid       = "WriteOwnResults"
    actions   = ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject"]
    resources = ["${local.root_arn}/${var.analysts.results_prefix}/*"]
  }
}

resource "aws_iam_policy" "analyst" {
  name        = "${var.name}-analyst${var.global_suffix}"
  path        = var.path
  description = "Queries of the training table of ${var.name}, which holds no personal data, in the analysts' workgroup."
  policy      = data.aws_iam_policy_document.analyst.json
  tags        = var.tags
}

data "aws_iam_policy_document" "analyst_trust" {
  count = length(var.analyst_role_principals) > 0 ? 1 : 0

  statement {
    sid     = "PeopleAssume"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = var.analyst_role_principals
    }
  }
}

resource "aws_iam_role" "analyst" {
  count = length(var.analyst_role_principals) > 0 ? 1 : 0

  name                 = "${var.name}-analyst${var.global_suffix}"
  description          = "Analysts of ${var.name}: the training table and queries in their own workgroup, nothing else."
  assume_role_policy   = data.aws_iam_policy_document.analyst_trust[0].json
  max_session_duration = 43200 # a working day
  path                 = var.path
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy_attachment" "analyst" {
  count = length(var.analyst_role_principals) > 0 ? 1 : 0

  role       = aws_iam_role.analyst[0].name
  policy_arn = aws_iam_policy.analyst.arn
}
