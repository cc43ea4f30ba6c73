data "aws_iam_policy_document" "observe" {
  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.logs_arn}:log-group:/aws-glue/*"]
  }

  # Under a security configuration, Glue associates the key with the log groups as the job's role.
  dynamic "statement" {
    for_each = var.kms_key_arn != null ? [true] : []

    content {
      sid       = "EncryptLogs"
      actions   = ["logs:AssociateKmsKey"]
      resources = ["${local.logs_arn}:log-group:/aws-glue/*"]
    }
  }

  dynamic "statement" {
    for_each = var.metrics_enabled ? [true] : []

    # PutMetricData supports no resource-level permissions; only its namespace can be restricted.
    content {
      sid       = "WriteMetrics"
      actions   = ["cloudwatch:PutMetricData"]
      resources = ["*"]

      condition {
        test     = "StringEquals"
        variable = "cloudwatch:namespace"
        values   = ["Glue"]
      }
    }
  }
}

resource "aws_iam_role_policy" "observe" {
  count = var.existing_roles == null ? 1 : 0

  name   = "observe"
  role   = aws_iam_role.jobs[0].id
  policy = data.aws_iam_policy_document.observe.json
}
