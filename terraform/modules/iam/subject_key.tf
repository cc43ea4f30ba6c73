# The HMAC keys, for the jobs that make pseudonyms; analysts cannot read them.
data "aws_iam_policy_document" "subject_key" {
  statement {
    sid       = "ReadSubjectKey"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [var.subject_key_secret_arn, var.refusal_key_secret_arn]
  }

  dynamic "statement" {
    for_each = var.kms_key_arn != null ? [var.kms_key_arn] : []

    content {
      sid       = "DecryptSubjectKey"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = [local.secrets_service]
      }

      condition {
        test     = "StringEquals"
        variable = "kms:EncryptionContext:SecretARN"
        values   = [var.subject_key_secret_arn, var.refusal_key_secret_arn]
      }
    }
  }
}

resource "aws_iam_role_policy" "subject_key" {
  count = var.existing_roles == null ? 1 : 0

  name   = "subject-key"
  role   = aws_iam_role.jobs[0].id
  policy = data.aws_iam_policy_document.subject_key.json
}
