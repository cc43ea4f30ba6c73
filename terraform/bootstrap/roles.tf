# Who may be what. A job proves its repository, branch and GitHub environment by a token that GitHub signs; AWS compares
# the claims for equality and hands out credentials that end with the job. There is no key to leak.

locals {
  oidc_host         = "token.actions.githubusercontent.com"
  oidc_provider_arn = var.oidc_provider_arn != null ? var.oidc_provider_arn : one(aws_iam_openid_connect_provider.github[*].arn)

  on_branch = "repo:${var.repository}:ref:refs/heads/${var.branch}"

  # The subject of a job with a GitHub environment names that and no branch, hence the second condition below.
  apply_subjects = {
    for environment, settings in var.environments :
    environment => settings.gated ? "repo:${var.repository}:environment:${environment}" : local.on_branch
  }
}

# No thumbprints: AWS checks GitHub's certificate against its own list of authorities.
resource "aws_iam_openid_connect_provider" "github" {
  count = var.oidc_provider_arn == null ? 1 : 0

  url            = "https://${local.oidc_host}"
  client_id_list = ["sts.amazonaws.com"]
}

# Plans: the jobs of pull requests from the repository itself, and the drift check on the branch.
data "aws_iam_policy_document" "plan_trust" {
  statement {
    sid     = "PullRequestsAndBranch"
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [local.oidc_provider_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.oidc_host}:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.oidc_host}:sub"
      values   = ["repo:${var.repository}:pull_request", local.on_branch]
    }
  }
}

resource "aws_iam_role" "plan" {
  name               = "${var.name_prefix}-plan"
  path               = "/ci/"
  description        = "GitHub Actions of ${var.repository}: read what the lakehouses consist of, and plan."
  assume_role_policy = data.aws_iam_policy_document.plan_trust.json
}

data "aws_iam_policy_document" "apply_trust" {
  for_each = local.apply_subjects

  statement {
    sid     = "BranchOnly"
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [local.oidc_provider_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.oidc_host}:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.oidc_host}:sub"
      values   = [each.value]
    }

    # A GitHub environment can be named by a job of any branch, and its own branch rule is a setting that can be
    # forgotten: this one can't.
    condition {
      test     = "StringEquals"
      variable = "${local.oidc_host}:ref"
      values   = ["refs/heads/${var.branch}"]
    }
  }
}

# The path keeps the roles out of the reach of the policies below, which go by role/<name_prefix>-<environment>-*.
resource "aws_iam_role" "apply" {
  for_each = local.names

  name        = "${each.value}-apply"
  path        = "/ci/"
  description = "GitHub Actions of ${var.repository} on ${var.branch}: apply ${each.value}."

  # As long as the job may take that applies and runs the pipeline (timeout-minutes in .github/workflows/apply.yml).
  max_session_duration = 7200
  assume_role_policy   = data.aws_iam_policy_document.apply_trust[each.key].json
}
