# What an apply changes in its environment, beside what it reads. Three policies, since one may have 6,144 characters.

locals {
  # Endpoints and security groups have ids instead of names: the module's tags say whose they are.
  ec2 = "arn:${local.partition}:ec2:${var.region}:${local.account}"

  own_network = ["route-table", "security-group", "subnet", "vpc", "vpc-endpoint"]
}

data "aws_iam_policy_document" "deploy_data" {
  for_each = local.arns

  statement {
    sid = "ManageBuckets"
    actions = [
      "s3:CreateBucket",
      "s3:DeleteBucket",
      "s3:DeleteBucketPolicy",
      "s3:ListBucketVersions",
      "s3:PutBucketLogging",
      "s3:PutBucketOwnershipControls",
      "s3:PutBucketPolicy",
      "s3:PutBucketPublicAccessBlock",
      "s3:PutBucketTagging",
      "s3:PutBucketVersioning",
      "s3:PutEncryptionConfiguration",
      "s3:PutLifecycleConfiguration",
    ]
    resources = [each.value.bucket]
  }

  statement {
    sid       = "UploadCode"
    actions   = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObject"]
    resources = ["${each.value.bucket}/glue/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceAccount"
      values   = [local.account]
    }
  }

  # An apply, and the smoke test until its first job, hold the lease of the lakehouse.
  statement {
    sid       = "HoldLease"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${each.value.bucket}/operations/lease.json"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceAccount"
      values   = [local.account]
    }
  }

  # Glue writes the first metadata file of an Iceberg table as the caller. The smoke test reads the row counts from its
  # successors: they hold schema and totals, no row and no bound of a column, as the manifests do.
  statement {
    sid       = "CreateAndCountIcebergTables"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${each.value.bucket}/warehouse/*/metadata/*.metadata.json"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceAccount"
      values   = [local.account]
    }
  }

  # What the smoke test shows beside them: rows read, published, dropped and quarantined, which are counts.
  statement {
    sid       = "ReadAccounts"
    actions   = ["s3:GetObject"]
    resources = ["${each.value.bucket}/warehouse/${replace(local.names[each.key], "-", "_")}_audit/pipeline_runs/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceAccount"
      values   = [local.account]
    }
  }

  statement {
    sid = "ManageCatalog"
    actions = [
      "glue:CreateDatabase",
      "glue:CreateTable",
      "glue:CreateTableOptimizer",
      "glue:DeleteDatabase",
      "glue:DeleteTable",
      "glue:DeleteTableOptimizer",
      "glue:TagResource",
      "glue:UntagResource",
      "glue:UpdateDatabase",
      "glue:UpdateTable",
      "glue:UpdateTableOptimizer",
    ]
    resources = concat([each.value.catalog], each.value.databases, each.value.tables, each.value.functions)
  }

  statement {
    sid = "ManageQueries"
    actions = [
      "athena:CreateNamedQuery",
      "athena:CreateWorkGroup",
      "athena:DeleteNamedQuery",
      "athena:DeleteWorkGroup",
      "athena:TagResource",
      "athena:UntagResource",
      "athena:UpdateNamedQuery",
      "athena:UpdateWorkGroup",
    ]
    resources = each.value.workgroups
  }

  # Only a role that stays within the boundary: otherwise CI could make itself a role that may do anything.
  statement {
    sid = "CreateBoundedRoles"
    actions = [
      "iam:AttachRolePolicy",
      "iam:CreateRole",
      "iam:PutRolePermissionsBoundary",
      "iam:PutRolePolicy",
    ]
    resources = [each.value.role]

    condition {
      test     = "StringEquals"
      variable = "iam:PermissionsBoundary"
      values   = [each.value.boundary]
    }
  }

  # Nothing here takes a role beyond its boundary.
  statement {
    sid = "MaintainRoles"
    actions = [
      "iam:DeleteRole",
      "iam:DeleteRolePolicy",
      "iam:DetachRolePolicy",
      "iam:TagRole",
      "iam:UntagRole",
      "iam:UpdateAssumeRolePolicy",
      "iam:UpdateRole",
      "iam:UpdateRoleDescription",
    ]
    resources = [each.value.role]
  }

  statement {
    sid = "ManagePolicies"
    actions = [
      "iam:CreatePolicy",
      "iam:CreatePolicyVersion",
      "iam:DeletePolicy",
      "iam:DeletePolicyVersion",
      "iam:TagPolicy",
      "iam:UntagPolicy",
    ]
    resources = [each.value.policy]
  }

  statement {
    sid       = "PassRolesToGlue"
    actions   = ["iam:PassRole"]
    resources = [each.value.role]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["glue.amazonaws.com"]
    }
  }

  dynamic "statement" {
    for_each = length(var.kms_key_arns) > 0 ? [true] : []

    content {
      sid       = "WriteEncrypted"
      actions   = ["kms:GenerateDataKey"]
      resources = var.kms_key_arns
    }
  }
}

data "aws_iam_policy_document" "deploy_runtime" {
  for_each = local.arns

  statement {
    sid = "ManageJobs"
    actions = [
      "glue:CreateJob",
      "glue:CreateTrigger",
      "glue:CreateWorkflow",
      "glue:DeleteJob",
      "glue:DeleteTrigger",
      "glue:DeleteWorkflow",
      "glue:StartTrigger",
      "glue:StopTrigger",
      "glue:TagResource",
      "glue:UntagResource",
      "glue:UpdateJob",
      "glue:UpdateTrigger",
      "glue:UpdateWorkflow",
    ]
    resources = [each.value.job, each.value.trigger, each.value.workflow]
  }

  statement {
    sid       = "RunPipeline"
    actions   = ["glue:GetJobRun", "glue:GetWorkflowRun", "glue:GetWorkflowRuns", "glue:StartWorkflowRun"]
    resources = [each.value.job, each.value.workflow]
  }

  statement {
    sid = "ManageConnections"
    actions = [
      "glue:CreateConnection",
      "glue:DeleteConnection",
      "glue:PassConnection",
      "glue:TagResource",
      "glue:UntagResource",
      "glue:UpdateConnection",
    ]
    resources = [each.value.catalog, each.value.connection]
  }

  statement {
    sid = "ManageLogGroups"
    actions = [
      "logs:AssociateKmsKey",
      "logs:CreateLogGroup",
      "logs:DeleteLogGroup",
      "logs:DeleteRetentionPolicy",
      "logs:DisassociateKmsKey",
      "logs:PutRetentionPolicy",
      "logs:TagResource",
      "logs:UntagResource",
    ]
    resources = each.value.log_groups
  }

  statement {
    sid = "ManageFailureEvents"
    actions = [
      "events:DeleteRule",
      "events:DisableRule",
      "events:EnableRule",
      "events:PutRule",
      "events:PutTargets",
      "events:RemoveTargets",
      "events:TagResource",
      "events:UntagResource",
    ]
    resources = [each.value.rule]
  }

  statement {
    sid       = "ManageTopics"
    actions   = ["sns:CreateTopic", "sns:DeleteTopic", "sns:SetTopicAttributes", "sns:Subscribe", "sns:TagResource", "sns:UntagResource"]
    resources = [each.value.topic]
  }

  statement {
    sid       = "ManageAlarms"
    actions   = ["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource"]
    resources = [each.value.alarm]
  }

  statement {
    sid       = "ManageDashboards"
    actions   = ["cloudwatch:DeleteDashboards", "cloudwatch:PutDashboard"]
    resources = each.value.dashboards
  }

  statement {
    sid = "ManageSubjectKey"
    actions = [
      "secretsmanager:CreateSecret",
      "secretsmanager:DeleteSecret",
      "secretsmanager:PutSecretValue",
      "secretsmanager:TagResource",
      "secretsmanager:UntagResource",
      "secretsmanager:UpdateSecret",
      "secretsmanager:UpdateSecretVersionStage",
    ]
    resources = [each.value.secret]
  }

  statement {
    sid       = "ManageBudgets"
    actions   = ["budgets:ModifyBudget", "budgets:TagResource", "budgets:UntagResource"]
    resources = [each.value.budget]
  }

  # "*" because AWS knows no resource for these: neither subscriptions nor security configurations have an ARN that a
  # policy could name.
  statement {
    sid = "ManageWhatHasNoArn"
    actions = [
      "glue:CreateSecurityConfiguration",
      "glue:DeleteSecurityConfiguration",
      "sns:SetSubscriptionAttributes",
      "sns:Unsubscribe",
    ]
    resources = ["*"]
  }
}

# Made by the module, or in a VPC of somebody else's.
data "aws_iam_policy_document" "deploy_network" {
  for_each = local.arns

  statement {
    sid       = "CreateNetworkWithOwnTags"
    actions   = ["ec2:CreateRouteTable", "ec2:CreateSecurityGroup", "ec2:CreateSubnet", "ec2:CreateVpc", "ec2:CreateVpcEndpoint"]
    resources = [for kind in local.own_network : "${local.ec2}:${kind}/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/Project"
      values   = [var.name_prefix]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/Environment"
      values   = [each.key]
    }
  }

  # Apart from the above, or a tag on the new rule would open any security group.
  statement {
    sid       = "CreateRulesWithOwnTags"
    actions   = ["ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress"]
    resources = ["${local.ec2}:security-group-rule/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/Project"
      values   = [var.name_prefix]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/Environment"
      values   = [each.key]
    }
  }

  # Where they are put: whose VPC that is, the module's variables say.
  statement {
    sid     = "PlaceNetwork"
    actions = ["ec2:CreateSecurityGroup", "ec2:CreateVpcEndpoint", "ec2:ModifyVpcEndpoint"]
    resources = [
      "${local.ec2}:route-table/*",
      "${local.ec2}:subnet/*",
      "${local.ec2}:vpc/*",
    ]
  }

  # Private DNS of an interface endpoint is a hosted zone of AWS's own, whose id nobody knows before.
  statement {
    sid       = "NameEndpoints"
    actions   = ["route53:AssociateVPCWithHostedZone"]
    resources = ["arn:${local.partition}:route53:::hostedzone/*"]
  }

  # A subnet or route table is created in a VPC, an interface endpoint with a security group, that exists already.
  statement {
    sid = "ManageOwnNetwork"
    actions = [
      "ec2:AssociateRouteTable",
      "ec2:AuthorizeSecurityGroupEgress",
      "ec2:AuthorizeSecurityGroupIngress",
      "ec2:CreateRouteTable",
      "ec2:CreateSubnet",
      "ec2:CreateTags",
      "ec2:CreateVpcEndpoint",
      "ec2:DeleteRouteTable",
      "ec2:DeleteSecurityGroup",
      "ec2:DeleteSubnet",
      "ec2:DeleteTags",
      "ec2:DeleteVpc",
      "ec2:DeleteVpcEndpoints",
      "ec2:DisassociateRouteTable",
      "ec2:ModifySecurityGroupRules",
      "ec2:ModifySubnetAttribute",
      "ec2:ModifyVpcAttribute",
      "ec2:ModifyVpcEndpoint",
      "ec2:RevokeSecurityGroupEgress",
      "ec2:RevokeSecurityGroupIngress",
    ]
    resources = [for kind in concat(local.own_network, ["security-group-rule"]) : "${local.ec2}:${kind}/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/Project"
      values   = [var.name_prefix]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/Environment"
      values   = [each.key]
    }
  }

  statement {
    sid       = "TagNetworkOnCreation"
    actions   = ["ec2:CreateTags"]
    resources = [for kind in concat(local.own_network, ["security-group-rule"]) : "${local.ec2}:${kind}/*"]

    condition {
      test     = "StringEquals"
      variable = "ec2:CreateAction"
      values   = ["AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress", "CreateRouteTable", "CreateSecurityGroup", "CreateSubnet", "CreateVpc", "CreateVpcEndpoint"]
    }
  }
}

resource "aws_iam_policy" "deploy_data" {
  for_each = local.names

  name        = "${each.value}-deploy-data"
  path        = "/ci/"
  description = "Change bucket, catalog, queries and roles of ${each.value}."
  policy      = data.aws_iam_policy_document.deploy_data[each.key].json
}

resource "aws_iam_policy" "deploy_runtime" {
  for_each = local.names

  name        = "${each.value}-deploy-runtime"
  path        = "/ci/"
  description = "Change jobs, logs and alarms of ${each.value}, and run its pipeline."
  policy      = data.aws_iam_policy_document.deploy_runtime[each.key].json
}

resource "aws_iam_policy" "deploy_network" {
  for_each = local.names

  name        = "${each.value}-deploy-network"
  path        = "/ci/"
  description = "Change the network of ${each.value}."
  policy      = data.aws_iam_policy_document.deploy_network[each.key].json
}

resource "aws_iam_role_policy_attachment" "deploy_data" {
  for_each = aws_iam_policy.deploy_data

  role       = aws_iam_role.apply[each.key].name
  policy_arn = each.value.arn
}

resource "aws_iam_role_policy_attachment" "deploy_runtime" {
  for_each = aws_iam_policy.deploy_runtime

  role       = aws_iam_role.apply[each.key].name
  policy_arn = each.value.arn
}

resource "aws_iam_role_policy_attachment" "deploy_network" {
  for_each = aws_iam_policy.deploy_network

  role       = aws_iam_role.apply[each.key].name
  policy_arn = each.value.arn
}
