mock_provider "aws" {
  source = "./tests/mocks"

  mock_resource "aws_s3_bucket" {
    defaults = {
      arn = "arn:aws:s3:::our-data"
    }
  }
}

variables {
  bucket_name   = "our-data"
  force_destroy = false
  kms_key_arn   = null
  access_logs   = null
  require_tls   = true
  tags          = {}

  events_enabled = false

  lifecycle_rules = {
    enabled                 = true
    incomplete_upload_days  = 7
    noncurrent_version_days = 30
    athena_result_days      = 14
    quarantine_days         = 90
    parsed_row_days         = 30
    forget_request_days     = 7
  }
}

run "bucket_is_private_encrypted_versioned_and_tls_only" {
  command = apply

  module {
    source = "./modules/storage"
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "Every kind of public access is blocked."
  }

  assert {
    condition     = length(aws_s3_bucket_notification.this) == 0
    error_message = "Only a workflow that starts by arrival needs the bucket's events."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "Objects are encrypted with S3's own key."
  }

  assert {
    condition     = length(aws_s3_bucket_logging.this) == 0
    error_message = "Access logs are kept when there is a bucket for them."
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "What is overwritten can be brought back."
  }

  assert {
    condition     = aws_s3_bucket_ownership_controls.this.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "ACLs are switched off."
  }

  assert {
    condition     = aws_s3_bucket.this.force_destroy == false
    error_message = "A bucket with data is not destroyed unless asked."
  }

  assert {
    condition = { for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : rule.id => rule.status } == {
      abort-incomplete-uploads   = "Enabled"
      expire-noncurrent-versions = "Enabled"
      expire-athena-results      = "Enabled"
      expire-quarantine          = "Enabled"
      expire-parsed-rows         = "Enabled"
      expire-forget-exports      = "Enabled"
      expire-forget-requests     = "Enabled"
    }
    error_message = "Got ${jsonencode(aws_s3_bucket_lifecycle_configuration.this[0].rule[*].id)}."
  }

  assert {
    condition = {
      for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule :
      rule.filter[0].prefix => rule.expiration[0].days if try(rule.expiration[0].days > 0, false)
    } == { "athena-results/" = 14, "quarantine/" = 90, "parsed/" = 30, "forget/exports/" = 7, "forget/requests/" = 7 }
    error_message = "Only query results, quarantined rows, parsed rows and requests to forget expire while they are current: no rule may delete data."
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : rule.noncurrent_version_expiration[0].noncurrent_days if length(rule.noncurrent_version_expiration) > 0] == [30]
    error_message = "Noncurrent versions expire as the variable says."
  }

  assert {
    condition = (
      data.aws_iam_policy_document.tls_only[0].statement[0].effect == "Deny" &&
      data.aws_iam_policy_document.tls_only[0].statement[0].actions == toset(["s3:*"]) &&
      data.aws_iam_policy_document.tls_only[0].statement[0].resources == toset(["arn:aws:s3:::our-data", "arn:aws:s3:::our-data/*"]) &&
      one(data.aws_iam_policy_document.tls_only[0].statement[0].condition) == { test = "Bool", variable = "aws:SecureTransport", values = tolist(["false"]) }
    )
    error_message = "Every request to bucket and objects over plain HTTP is denied; got ${jsonencode(data.aws_iam_policy_document.tls_only[0].statement)}."
  }

  assert {
    condition     = aws_s3_bucket_policy.this[0].policy == data.aws_iam_policy_document.tls_only[0].json
    error_message = "The bucket carries that policy."
  }
}

run "own_key_and_access_logs_and_neither_tls_policy_nor_lifecycle_on_an_emulator" {
  command = plan

  module {
    source = "./modules/storage"
  }

  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"
    access_logs = { bucket = "our-logs", prefix = null }
    require_tls = false

    lifecycle_rules = {
      enabled                 = false
      incomplete_upload_days  = 7
      noncurrent_version_days = 30
      athena_result_days      = 14
      quarantine_days         = 90
      parsed_row_days         = 30
      forget_request_days     = 7
    }
  }

  assert {
    condition = (
      one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default) == { sse_algorithm = "aws:kms", kms_master_key_id = var.kms_key_arn } &&
      one(aws_s3_bucket_server_side_encryption_configuration.this.rule).bucket_key_enabled
    )
    error_message = "Objects are encrypted with the given key, through a bucket key."
  }

  assert {
    condition     = [for logging in aws_s3_bucket_logging.this : [logging.target_bucket, logging.target_prefix]] == [["our-logs", "our-data/"]]
    error_message = "Access logs go to the given bucket; got ${jsonencode(aws_s3_bucket_logging.this)}."
  }

  assert {
    condition     = length(aws_s3_bucket_policy.this) == 0
    error_message = "require_tls = false leaves the policy out."
  }

  assert {
    condition     = length(aws_s3_bucket_lifecycle_configuration.this) == 0
    error_message = "enabled = false leaves the lifecycle configuration out."
  }
}
