resource "aws_s3_bucket" "state" {
  #checkov:skip=CKV_AWS_18:A log needs a second bucket that would need one too; CloudTrail of the account records access to the state.
  #checkov:skip=CKV_AWS_144:The state describes resources of one region, and is useless without that region.
  #checkov:skip=CKV_AWS_145:SSE-S3 like the lakehouse's default; the state holds names and settings, no secrets.
  #checkov:skip=CKV2_AWS_62:No process waits for a state change.

  bucket = local.state_bucket

  lifecycle {
    # Without the state, Terraform cannot manage what it created. To tear down, see docs/ci.md.
    prevent_destroy = true
  }
}

# A state that was overwritten by mistake can be restored from its previous version.
resource "aws_s3_bucket_versioning" "state" {
  bucket = aws_s3_bucket.state.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "state" {
  bucket = aws_s3_bucket.state.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "state" {
  bucket = aws_s3_bucket.state.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "state" {
  bucket = aws_s3_bucket.state.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

data "aws_iam_policy_document" "tls_only" {
  count = var.require_tls ? 1 : 0

  statement {
    sid       = "DenyPlainHttp"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [local.state_bucket_arn, "${local.state_bucket_arn}/*"]

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

resource "aws_s3_bucket_policy" "state" {
  count = var.require_tls ? 1 : 0

  bucket = aws_s3_bucket.state.id
  policy = data.aws_iam_policy_document.tls_only[0].json

  # Both at once fail with "OperationAborted: A conflicting conditional operation is currently in progress".
  depends_on = [aws_s3_bucket_public_access_block.state]
}

resource "aws_s3_bucket_lifecycle_configuration" "state" {
  bucket = aws_s3_bucket.state.id

  rule {
    id     = "expire-plans"
    status = "Enabled"

    filter {
      prefix = "plans/"
    }

    expiration {
      days = var.retention_days.plans
    }
  }

  rule {
    id     = "expire-replaced-states"
    status = "Enabled"

    filter {
      prefix = ""
    }

    noncurrent_version_expiration {
      noncurrent_days = var.retention_days.states
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  # S3 orders versioning before lifecycle rules about versions (provider documentation of this resource).
  depends_on = [aws_s3_bucket_versioning.state]
}
