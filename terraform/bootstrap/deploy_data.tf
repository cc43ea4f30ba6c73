# What an apply changes in its environment, beyond what it reads (read.tf): bucket, catalog, queries and roles. The changes
# are spread over three policies (deploy_*.tf), since IAM limits one to 6,144 characters.

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
      "s3:PutBucketNotification",
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

  # The lease is held by an apply, and by the smoke test until its first job takes it over.
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

  # Glue writes the first metadata file of an Iceberg table as the caller. The smoke test reads the row counts from later
  # metadata files: unlike manifests they hold schema and totals only, no rows and no column bounds.
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

  # The smoke test also shows the rows read, published, dropped and quarantined, which are counts.
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

  # Only roles with the boundary: otherwise CI could create itself an unrestricted role.
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

  # None of these actions takes a role beyond its boundary.
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

  statement {
    sid       = "PassArrivalRoleToEvents"
    actions   = ["iam:PassRole"]
    resources = ["arn:${local.partition}:iam::${local.account}:role/${local.names[each.key]}-arrival*"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["events.amazonaws.com"]
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

resource "aws_iam_policy" "deploy_data" {
  for_each = local.names

  name        = "${each.value}-deploy-data"
  path        = "/ci/"
  description = "Change bucket, catalog, queries and roles of ${each.value}."
  policy      = data.aws_iam_policy_document.deploy_data[each.key].json
}

resource "aws_iam_role_policy_attachment" "deploy_data" {
  for_each = aws_iam_policy.deploy_data

  role       = aws_iam_role.apply[each.key].name
  policy_arn = each.value.arn
}
