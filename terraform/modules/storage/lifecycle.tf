# One resource holds every rule: a bucket has a single lifecycle configuration, and a second resource would overwrite the
# first.
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

  # Expired Iceberg files and replaced landing files live on as noncurrent versions: personal data is gone only when these are
  # gone too.
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

  # Quarantined rows hold personal data that has not passed the consent check of the trusted zone: they are kept only as long
  # as an investigation may need them.
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

  # Parsed rows are a copy of the landing files, and whom training rows combine follows from them: the jobs delete what has no
  # landing file any longer, and make again what has expired. This rule is for an environment whose pipeline no longer runs.
  rule {
    id     = "expire-parsed-rows"
    status = "Enabled"

    filter {
      prefix = "parsed/"
    }

    expiration {
      days = var.lifecycle_rules.parsed_row_days
    }
  }

  # An erasure request identifies a person: the job deletes it at its end, and `make export` deletes what it has fetched. This
  # rule is for abandoned requests and exports. The reports hold no personal data and stay.
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
