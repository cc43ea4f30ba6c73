# Use of the bucket's customer managed key, if there is one: part of every policy that grants access to objects.
data "aws_iam_policy_document" "bucket_key" {
  dynamic "statement" {
    for_each = var.kms_key_arn != null ? [var.kms_key_arn] : []

    content {
      sid       = "UseKeyForBucket"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = [local.s3_service]
      }

      # The encryption context is the bucket's ARN with a bucket key, the object's ARN without.
      condition {
        test     = "StringLike"
        variable = "kms:EncryptionContext:aws:s3:arn"
        values   = [var.bucket_arn, "${local.root_arn}/*"]
      }
    }
  }
}
