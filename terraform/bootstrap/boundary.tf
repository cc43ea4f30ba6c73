# The permissions boundary of every role that CI creates, whatever the role's policies say: what the Glue jobs and analysts of
# one environment need. It grants nothing by itself.

data "aws_iam_policy_document" "boundary" {
  for_each = local.arns

  statement {
    sid       = "OwnBuckets"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:ListBucketVersions"]
    resources = [each.value.bucket]
  }

  statement {
    sid = "OwnObjects"
    actions = [
      "s3:AbortMultipartUpload",
      "s3:DeleteObject",
      "s3:DeleteObjectVersion",
      "s3:GetObject",
      "s3:GetObjectVersion",
      "s3:ListMultipartUploadParts",
      "s3:PutObject",
    ]
    resources = ["${each.value.bucket}/*"]
  }

  # For the database "default" see modules/iam.
  statement {
    sid = "OwnCatalog"
    actions = [
      "glue:GetDatabase",
      "glue:GetDatabases",
      "glue:GetPartition",
      "glue:GetPartitions",
      "glue:GetTable",
      "glue:GetTables",
      "glue:UpdateTable",
    ]
    resources = concat(
      [each.value.catalog, "arn:${local.partition}:glue:${var.region}:${local.account}:database/default"],
      each.value.databases,
      each.value.tables,
    )
  }

  statement {
    sid       = "OwnSubjectKey"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [each.value.secret]
  }

  statement {
    sid = "OwnQueries"
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
    resources = each.value.workgroups
  }

  statement {
    sid = "BrowseCatalog"
    actions = [
      "athena:GetDataCatalog",
      "athena:GetDatabase",
      "athena:GetTableMetadata",
      "athena:ListDatabases",
      "athena:ListTableMetadata",
    ]
    resources = ["arn:${local.partition}:athena:${var.region}:${local.account}:datacatalog/AwsDataCatalog"]
  }

  statement {
    sid       = "GlueLogs"
    actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:AssociateKmsKey"]
    resources = ["arn:${local.partition}:logs:${var.region}:${local.account}:log-group:/aws-glue/*"]
  }

  # Only of its own jobs: an erasure searches their logs.
  statement {
    sid       = "EraseOwnLogs"
    actions   = ["logs:DeleteLogStream", "logs:FilterLogEvents"]
    resources = each.value.log_groups
  }

  # PutMetricData supports no resource-level permissions; only its namespace can be restricted.
  statement {
    sid       = "GlueMetrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = ["Glue"]
    }
  }

  # EventBridge starts the workflow by arrival.
  statement {
    sid       = "OwnArrivals"
    actions   = ["glue:NotifyEvent"]
    resources = [each.value.workflow]
  }

  statement {
    sid       = "OwnRuns"
    actions   = ["glue:GetJobRun", "glue:GetWorkflowRun", "glue:GetWorkflowRunProperties"]
    resources = [each.value.job, each.value.workflow]
  }

  statement {
    sid       = "OwnConnections"
    actions   = ["glue:GetConnection"]
    resources = [each.value.catalog, each.value.connection]
  }

  # Jobs in a VPC: Glue sets up the network interfaces as the job's role.
  statement {
    sid       = "NetworkInterfaces"
    actions   = ["ec2:CreateNetworkInterface", "ec2:CreateTags", "ec2:DeleteNetworkInterface", "ec2:DeleteTags"]
    resources = ["${local.ec2}:network-interface/*", "${local.ec2}:security-group/*", "${local.ec2}:subnet/*"]
  }

  statement {
    sid       = "VpcAttributes"
    actions   = ["ec2:DescribeVpcAttribute"]
    resources = ["${local.ec2}:vpc/*"]
  }

  # "*" because none of these actions supports resource-level permissions.
  statement {
    sid = "LookUpWhatHasNoArn"
    actions = [
      "athena:ListDataCatalogs",
      "athena:ListWorkGroups",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribeRouteTables",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets",
      "ec2:DescribeVpcEndpoints",
      "glue:GetSecurityConfiguration",
      "lakeformation:GetDataAccess",
    ]
    resources = ["*"]
  }

  dynamic "statement" {
    for_each = length(var.kms_key_arns) > 0 ? [true] : []

    content {
      sid       = "Encrypted"
      actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
      resources = var.kms_key_arns
    }
  }
}

# The path keeps it out of the apply role's reach, which covers policy/<name_prefix>-<environment>-*.
resource "aws_iam_policy" "boundary" {
  for_each = local.names

  name        = "${each.value}-boundary"
  path        = "/ci/"
  description = "Permissions boundary of the roles that CI creates for ${each.value}."
  policy      = data.aws_iam_policy_document.boundary[each.key].json
}
