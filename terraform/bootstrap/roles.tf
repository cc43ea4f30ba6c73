# The roles and who may assume them. A job proves its repository, branch and GitHub environment with a token signed by GitHub;
# AWS compares the claims for equality and issues credentials that expire with the job. There is no key to leak.

locals {
  oidc_host         = "token.actions.githubusercontent.com"
  oidc_provider_arn = var.oidc_provider_arn != null ? var.oidc_provider_arn : one(aws_iam_openid_connect_provider.github[*].arn)

  on_branch = "repo:${var.repository}:ref:refs/heads/${var.branch}"

  # The token subject of a job with a GitHub environment names the environment and no branch, hence the condition on the
  # branch below.
  apply_subjects = {
    for environment, settings in var.environments :
    environment => settings.gated ? "repo:${var.repository}:environment:${environment}" : local.on_branch
  }
}

# No thumbprints: AWS verifies GitHub's certificate with its own list of certificate authorities.
resource "aws_iam_openid_connect_provider" "github" {
  count = var.oidc_provider_arn == null ? 1 : 0

  url            = "https://${local.oidc_host}"
  client_id_list = ["sts.amazonaws.com"]
}

# Plans: jobs of pull requests from the repository itself, and the drift check on the branch.
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

    # A job on any branch can name a GitHub environment, and the environment's own branch rule is a setting that may be
    # missing: this condition always holds.
    condition {
      test     = "StringEquals"
      variable = "${local.oidc_host}:ref"
      values   = ["refs/heads/${var.branch}"]
    }
  }
}

# The path keeps the roles out of the reach of the deploy policies, which cover role/<name_prefix>-<environment>-*.
resource "aws_iam_role" "apply" {
  for_each = local.names

  name        = "${each.value}-apply"
  path        = "/ci/"
  description = "GitHub Actions of ${var.repository} on ${var.branch}: apply ${each.value}."

  # Equals the timeout of the job that applies and runs the pipeline (timeout-minutes in .github/workflows/apply.yml).
  max_session_duration = 7200
  assume_role_policy   = data.aws_iam_policy_document.apply_trust[each.key].json
}
