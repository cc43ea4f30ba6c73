# Breaks every rule of variables.tf at least once. A run passes only if exactly the listed variables are refused.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
}

variables {
  repository = "octocat/lake"
}

run "patterns_and_values_of_another_shape" {
  command = plan

  variables {
    repository        = "octocat/*"
    branch            = "release/*"
    environments      = { dev-eu = {} }
    name_prefix       = "Stedi"
    region            = "Frankfurt"
    oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/example.org"
    kms_key_arns      = ["alias/lake"]
    retention_days    = { plans = 0 }
    tags              = { "AWS:owner" = "me" }
  }

  expect_failures = [
    var.repository,
    var.branch,
    var.environments,
    var.name_prefix,
    var.region,
    var.oidc_provider_arn,
    var.kms_key_arns,
    var.retention_days,
    var.tags,
  ]
}

run "half_an_immutable_repository_and_a_whole_ref" {
  command = plan

  variables {
    repository     = "octocat@12/lake"
    branch         = "refs/heads/main"
    environments   = {}
    retention_days = { states = 1.5 }
  }

  expect_failures = [var.repository, var.branch, var.environments, var.retention_days]
}

run "a_whole_organisation_and_a_bucket_that_breaks_tls" {
  command = plan

  variables {
    repository        = "octocat"
    state_bucket_name = "my.bucket"
  }

  expect_failures = [var.repository, var.state_bucket_name]
}

run "an_environment_named_like_the_state_bucket" {
  command = plan

  variables {
    environments = { terraform = {} }
  }

  expect_failures = [var.environments]
}

run "a_state_bucket_named_like_an_environment" {
  command = plan

  variables {
    state_bucket_name = "stedi-dev-states"
  }

  expect_failures = [var.state_bucket_name]
}

run "every_rule_kept" {
  command = plan

  variables {
    repository        = "octo-cat@12/lake.house@34"
    branch            = "release/1.x"
    environments      = { staging = { gated = true } }
    name_prefix       = "lake"
    region            = "us-gov-west-1"
    state_bucket_name = "our-states"
    oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
    kms_key_arns      = ["arn:aws:kms:us-gov-west-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"]
    retention_days    = { plans = 1, states = 1 }
    tags              = { Owner = "research" }
  }

  assert {
    condition     = toset(keys(output.github_variables)) == toset([for name in ["AWS_REGION", "STATE_BUCKET", "PLAN_ROLE_ARN", "APPLY_ROLE_ARN", "PERMISSIONS_BOUNDARY_ARN"] : "STAGING_${name}"])
    error_message = "Got ${jsonencode(keys(output.github_variables))}."
  }
}
