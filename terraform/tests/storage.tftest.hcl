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
  require_tls   = true
  tags          = {}

  lifecycle_rules = {
    enabled                 = true
    incomplete_upload_days  = 7
    noncurrent_version_days = 30
    athena_result_days      = 14
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
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "Objects are encrypted with S3's own key."
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
    }
    error_message = "Got ${jsonencode(aws_s3_bucket_lifecycle_configuration.this[0].rule[*].id)}."
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : rule.filter[0].prefix if try(rule.expiration[0].days > 0, false)] == ["athena-results/"]
    error_message = "Only query results expire while they are current: no rule may delete data."
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

run "an_emulator_has_neither_tls_policy_nor_lifecycle" {
  command = plan

  module {
    source = "./modules/storage"
  }

  variables {
    require_tls = false

    lifecycle_rules = {
      enabled                 = false
      incomplete_upload_days  = 7
      noncurrent_version_days = 30
      athena_result_days      = 14
    }
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
