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

variables {
  repository = "octocat@12/lake@34"
  region     = "eu-central-1"
}

run "pull_requests_and_the_branch_may_plan" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_role.plan.assume_role_policy).Statement == [{
      Sid       = "PullRequestsAndBranch"
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
      Condition = {
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = [
            "repo:octocat@12/lake@34:pull_request",
            "repo:octocat@12/lake@34:ref:refs/heads/main",
          ]
        }
      }
    }]
    error_message = "Got ${aws_iam_role.plan.assume_role_policy}."
  }
}

run "only_the_branch_may_apply_and_only_through_the_gate_where_there_is_one" {
  command = plan

  assert {
    condition = { for environment, role in aws_iam_role.apply : environment => jsondecode(role.assume_role_policy).Statement[*].Condition } == {
      dev = [{
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:ref" = "refs/heads/main"
          "token.actions.githubusercontent.com:sub" = "repo:octocat@12/lake@34:ref:refs/heads/main"
        }
      }]
      prod = [{
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:ref" = "refs/heads/main"
          "token.actions.githubusercontent.com:sub" = "repo:octocat@12/lake@34:environment:prod"
        }
      }]
    }
    error_message = "Got ${jsonencode({ for environment, role in aws_iam_role.apply : environment => role.assume_role_policy })}."
  }
}

run "another_branch_and_an_old_repository" {
  command = plan

  variables {
    repository        = "octocat/lake.house_2"
    branch            = "release/1.x"
    oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
  }

  assert {
    condition     = jsondecode(aws_iam_role.apply["dev"].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == "repo:octocat/lake.house_2:ref:refs/heads/release/1.x"
    error_message = "Got ${aws_iam_role.apply["dev"].assume_role_policy}."
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0
    error_message = "An account holds one provider for GitHub: a given one is used."
  }
}
