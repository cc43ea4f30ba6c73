# What a plan reads of an environment: settings, never data. The plan role has this policy for every environment, an apply
# role for its own.

data "aws_iam_policy_document" "read" {
  for_each = local.arns

  statement {
    sid = "ReadBuckets"
    actions = [
      "s3:GetAccelerateConfiguration",
      "s3:GetBucketAcl",
      "s3:GetBucketCORS",
      "s3:GetBucketLocation",
      "s3:GetBucketLogging",
      "s3:GetBucketNotification",
      "s3:GetBucketObjectLockConfiguration",
      "s3:GetBucketOwnershipControls",
      "s3:GetBucketPolicy",
      "s3:GetBucketPublicAccessBlock",
      "s3:GetBucketRequestPayment",
      "s3:GetBucketTagging",
      "s3:GetBucketVersioning",
      "s3:GetBucketWebsite",
      "s3:GetEncryptionConfiguration",
      "s3:GetLifecycleConfiguration",
      "s3:GetReplicationConfiguration",
      "s3:ListBucket",
    ]
    resources = [each.value.bucket]

    # Bucket names contain no account id, so a bucket of another account could have the prefix.
    condition {
      test     = "StringEquals"
      variable = "aws:ResourceAccount"
      values   = [local.account]
    }
  }

  # Scripts and DDL. Landing and warehouse hold personal data and are not needed for a plan.
  statement {
    sid       = "ReadCode"
    actions   = ["s3:GetObject", "s3:GetObjectTagging"]
    resources = ["${each.value.bucket}/glue/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceAccount"
      values   = [local.account]
    }
  }

  statement {
    sid       = "ReadCatalog"
    actions   = ["glue:GetDatabase", "glue:GetPartitionIndexes", "glue:GetTable", "glue:GetTableOptimizer", "glue:GetTags"]
    resources = concat([each.value.catalog], each.value.databases, each.value.tables)
  }

  statement {
    sid       = "ReadConnections"
    actions   = ["glue:GetConnection", "glue:GetTags"]
    resources = [each.value.catalog, each.value.connection]
  }

  statement {
    sid       = "ReadJobs"
    actions   = ["glue:GetJob", "glue:GetTags", "glue:GetTrigger", "glue:GetWorkflow"]
    resources = [each.value.job, each.value.trigger, each.value.workflow]
  }

  statement {
    sid       = "ReadQueries"
    actions   = ["athena:GetNamedQuery", "athena:GetWorkGroup", "athena:ListTagsForResource"]
    resources = each.value.workgroups
  }

  statement {
    sid = "ReadRoles"
    actions = [
      "iam:GetRole",
      "iam:GetRolePolicy",
      "iam:ListAttachedRolePolicies",
      "iam:ListInstanceProfilesForRole",
      "iam:ListRolePolicies",
      "iam:ListRoleTags",
    ]
    resources = [each.value.role]
  }

  statement {
    sid       = "ReadPolicies"
    actions   = ["iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListPolicyTags", "iam:ListPolicyVersions"]
    resources = [each.value.policy]
  }

  statement {
    sid       = "ReadLogGroups"
    actions   = ["logs:ListTagsForResource"]
    resources = each.value.log_groups
  }

  statement {
    sid       = "ReadFailureEvents"
    actions   = ["events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule"]
    resources = [each.value.rule]
  }

  statement {
    sid       = "ReadTopics"
    actions   = ["sns:GetTopicAttributes", "sns:ListTagsForResource"]
    resources = [each.value.topic]
  }

  statement {
    sid       = "ReadAlarms"
    actions   = ["cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource"]
    resources = [each.value.alarm]
  }

  statement {
    sid       = "ReadDashboards"
    actions   = ["cloudwatch:GetDashboard"]
    resources = each.value.dashboards
  }

  # A refresh of the secret reads its value too, although Terraform does not store it (terraform-provider-aws#42383; provider
  # 6.x no longer does). The key alone reveals nothing: its pseudonyms are in tables that no CI role can read.
  statement {
    sid       = "ReadSubjectKey"
    actions   = ["secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy", "secretsmanager:GetSecretValue"]
    resources = [each.value.secret]
  }

  statement {
    sid       = "ReadBudgets"
    actions   = ["budgets:ListTagsForResource", "budgets:ViewBudget"]
    resources = [each.value.budget]
  }

  # Any VPC, since the module's variables may name an existing one; the prefix list of S3 belongs to AWS.
  statement {
    sid     = "ReadNetwork"
    actions = ["ec2:DescribeVpcAttribute", "ec2:GetManagedPrefixListEntries"]
    resources = [
      "arn:${local.partition}:ec2:${var.region}:${local.account}:vpc/*",
      "arn:${local.partition}:ec2:${var.region}:aws:prefix-list/*",
    ]
  }

  # "*" because none of these actions supports resource-level permissions: EC2 describes all or nothing, log groups are found
  # by listing them, and subscriptions and security configurations have no ARN for a policy to name.
  statement {
    sid = "ReadWhatHasNoArn"
    actions = [
      "ec2:DescribeAvailabilityZones",
      "ec2:DescribeManagedPrefixLists",
      "ec2:DescribeNetworkAcls",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribePrefixLists",
      "ec2:DescribeRouteTables",
      "ec2:DescribeSecurityGroupRules",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets",
      "ec2:DescribeVpcEndpointServices",
      "ec2:DescribeVpcEndpoints",
      "ec2:DescribeVpcs",
      "glue:GetSecurityConfiguration",
      "logs:DescribeLogGroups",
      "sns:GetSubscriptionAttributes",
    ]
    resources = ["*"]
  }

  dynamic "statement" {
    for_each = length(var.kms_key_arns) > 0 ? [true] : []

    content {
      sid       = "ReadEncrypted"
      actions   = ["kms:Decrypt", "kms:DescribeKey"]
      resources = var.kms_key_arns
    }
  }
}

resource "aws_iam_policy" "read" {
  for_each = local.names

  name        = "${each.value}-read"
  path        = "/ci/"
  description = "Read what ${each.value} consists of, but not its data."
  policy      = data.aws_iam_policy_document.read[each.key].json
}

resource "aws_iam_role_policy_attachment" "plan_read" {
  for_each = aws_iam_policy.read

  role       = aws_iam_role.plan.name
  policy_arn = each.value.arn
}

resource "aws_iam_role_policy_attachment" "apply_read" {
  for_each = aws_iam_policy.read

  role       = aws_iam_role.apply[each.key].name
  policy_arn = each.value.arn
}
