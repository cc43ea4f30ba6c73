# The real provider renders the policies; it makes no API call, because every data source that would is overridden.
provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "111122223333" }
}

override_resource {
  target          = aws_iam_openid_connect_provider.github
  override_during = plan
  values          = { arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
}

override_resource {
  target          = aws_iam_policy.boundary
  override_during = plan
  values          = { arn = "arn:aws:iam::111122223333:policy/ci/boundary" }
}

variables {
  repository = "octocat@12/lake@34"
  region     = "eu-central-1"
}

run "the_state_bucket_is_private_encrypted_versioned_and_tls_only" {
  command = plan

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.state.block_public_acls,
      aws_s3_bucket_public_access_block.state.block_public_policy,
      aws_s3_bucket_public_access_block.state.ignore_public_acls,
      aws_s3_bucket_public_access_block.state.restrict_public_buckets,
    ])
    error_message = "Every kind of public access is blocked."
  }

  assert {
    condition     = aws_s3_bucket_versioning.state.versioning_configuration[0].status == "Enabled"
    error_message = "A state that was overwritten can be brought back."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.state.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "States and plans are encrypted."
  }

  assert {
    condition     = aws_s3_bucket_ownership_controls.state.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "ACLs are switched off."
  }

  assert {
    condition = jsondecode(aws_s3_bucket_policy.state[0].policy).Statement == [{
      Sid       = "DenyPlainHttp"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = ["arn:aws:s3:::stedi-terraform-state-111122223333/*", "arn:aws:s3:::stedi-terraform-state-111122223333"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
    error_message = "Got ${aws_s3_bucket_policy.state[0].policy}."
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.state.rule : rule.filter[0].prefix if length(rule.expiration) > 0] == ["plans/"]
    error_message = "Only plans expire while they are current: no rule may delete a state."
  }

  assert {
    condition     = aws_s3_bucket.state.force_destroy != true
    error_message = "The bucket is not destroyed with the states in it."
  }
}

run "outputs_wire_up_the_rest" {
  command = plan

  override_resource {
    target          = aws_iam_role.plan
    override_during = plan
    values          = { arn = "arn:aws:iam::111122223333:role/ci/stedi-plan" }
  }

  override_resource {
    target          = aws_iam_role.apply
    override_during = plan
    values          = { arn = "arn:aws:iam::111122223333:role/ci/apply" }
  }

  assert {
    condition     = output.backend_hcl == "bucket = \"stedi-terraform-state-111122223333\"\nregion = \"eu-central-1\"\n"
    error_message = "Got ${output.backend_hcl}."
  }

  assert {
    condition = { for name, value in output.github_variables : name => value if startswith(name, "PROD_") } == {
      PROD_AWS_REGION               = "eu-central-1"
      PROD_STATE_BUCKET             = "stedi-terraform-state-111122223333"
      PROD_PLAN_ROLE_ARN            = "arn:aws:iam::111122223333:role/ci/stedi-plan"
      PROD_APPLY_ROLE_ARN           = "arn:aws:iam::111122223333:role/ci/apply"
      PROD_PERMISSIONS_BOUNDARY_ARN = "arn:aws:iam::111122223333:policy/ci/boundary"
    }
    error_message = "Got ${jsonencode(output.github_variables)}."
  }
}

run "an_emulator_has_no_tls_policy" {
  command = plan

  variables {
    require_tls = false
  }

  assert {
    condition     = length(aws_s3_bucket_policy.state) == 0
    error_message = "require_tls = false leaves the policy out."
  }
}
