# One resource holds every rule: S3 knows a single lifecycle configuration per bucket, and a second resource would
# overwrite the first.
resource "aws_s3_bucket_lifecycle_configuration" "this" {
  count = var.lifecycle_rules.enabled ? 1 : 0

  bucket = aws_s3_bucket.this.id

  rule {
    id     = "abort-incomplete-uploads"
    status = "Enabled"

    filter {
      prefix = ""
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = var.lifecycle_rules.incomplete_upload_days
    }
  }

  # Files that Iceberg has expired and landing files that were replaced live on as noncurrent versions: personal data
  # is gone for good only when these are.
  rule {
    id     = "expire-noncurrent-versions"
    status = "Enabled"

    filter {
      prefix = ""
    }

    noncurrent_version_expiration {
      noncurrent_days = var.lifecycle_rules.noncurrent_version_days
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  rule {
    id     = "expire-athena-results"
    status = "Enabled"

    filter {
      prefix = "athena-results/"
    }

    expiration {
      days = var.lifecycle_rules.athena_result_days
    }
  }

  # Rows that a job could not use hold personal data without the consent check of the trusted zone: they are kept long
  # enough to be looked into.
  rule {
    id     = "expire-quarantine"
    status = "Enabled"

    filter {
      prefix = "quarantine/"
    }

    expiration {
      days = var.lifecycle_rules.quarantine_days
    }
  }

  # A request names the person to forget, so the job deletes it when it is done, and `make export` what it has fetched;
  # this is for one that no job took up, and for what nobody fetched. The reports beside them hold no personal data and stay.
  dynamic "rule" {
    for_each = toset(["exports", "requests"])

    content {
      id     = "expire-forget-${rule.value}"
      status = "Enabled"

      filter {
        prefix = "forget/${rule.value}/"
      }

      expiration {
        days = var.lifecycle_rules.forget_request_days
      }
    }
  }

  # S3 orders versioning before lifecycle rules about versions (provider documentation of this resource).
  depends_on = [aws_s3_bucket_versioning.this]
}
