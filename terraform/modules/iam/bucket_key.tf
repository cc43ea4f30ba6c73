# The customer's key of the bucket, where there is one: a part of every policy that reaches objects.
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

      # The bucket with a bucket key, an object without one.
      condition {
        test     = "StringLike"
        variable = "kms:EncryptionContext:aws:s3:arn"
        values   = [var.bucket_arn, "${var.bucket_arn}/*"]
      }
    }
  }
}
