# Stands for the bucket of the data platform team, which other teams use too. Where it exists, delete this file, and give its
# name in main.tf. Its owner keeps the settings below.
data "aws_caller_identity" "current" {}

locals {
  prefix = "teams/stedi"
}

resource "aws_s3_bucket" "shared" {
  #checkov:skip=CKV_AWS_18:Access logs are up to the owner of the bucket; examples/complete has some.
  #checkov:skip=CKV_AWS_144:The data of an example needs no copy in another region.
  #checkov:skip=CKV_AWS_145:Encrypted by S3's own key; examples/complete has a KMS key.
  #checkov:skip=CKV2_AWS_61:The lifecycle configuration exists on AWS, and is left out on the embedded AWS.
  bucket        = "shared-data-${data.aws_caller_identity.current.account_id}"
  force_destroy = true
}

resource "aws_s3_bucket_public_access_block" "shared" {
  bucket = aws_s3_bucket.shared.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# Landing files can be restored, and a rollback finds the replaced ones.
resource "aws_s3_bucket_versioning" "shared" {
  bucket = aws_s3_bucket.shared.id

  versioning_configuration {
    status = "Enabled"
  }
}

data "aws_iam_policy_document" "bucket" {
  statement {
    sid       = "DenyPlainHttp"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.shared.arn, "${aws_s3_bucket.shared.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "shared" {
  bucket = aws_s3_bucket.shared.id
  policy = data.aws_iam_policy_document.bucket.json

  # Both at once fail with "OperationAborted: A conflicting conditional operation is currently in progress".
  depends_on = [aws_s3_bucket_public_access_block.shared]
}

# Reports new objects to EventBridge, which starts the workflow. A bucket has one notification configuration, so the owner adds
# this to it.
resource "aws_s3_bucket_notification" "shared" {
  bucket      = aws_s3_bucket.shared.id
  eventbridge = true
}

# The rules that the module sets on a bucket of its own, for the prefix of the lakehouse; unfinished uploads are of no use to
# anyone. A bucket has one lifecycle configuration, so the owner adds them to it.
resource "aws_s3_bucket_lifecycle_configuration" "shared" {
  count = var.embedded ? 0 : 1

  bucket = aws_s3_bucket.shared.id

  rule {
    id     = "abort-incomplete-uploads"
    status = "Enabled"

    filter {
      prefix = ""
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  rule {
    id     = "stedi-noncurrent-versions"
    status = "Enabled"

    filter {
      prefix = "${local.prefix}/"
    }

    noncurrent_version_expiration {
      noncurrent_days = 30
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  dynamic "rule" {
    for_each = { athena-results = 14, quarantine = 90, parsed = 30, "forget/exports" = 7, "forget/requests" = 7 }

    content {
      id     = "stedi-${replace(rule.key, "/", "-")}"
      status = "Enabled"

      filter {
        prefix = "${local.prefix}/${rule.key}/"
      }

      expiration {
        days = rule.value
      }
    }
  }

  # S3 orders versioning before lifecycle rules about versions (provider documentation of this resource).
  depends_on = [aws_s3_bucket_versioning.shared]
}
