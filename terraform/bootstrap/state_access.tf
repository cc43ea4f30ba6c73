# Access of the roles to the state bucket.

data "aws_iam_policy_document" "plan_state" {
  # On the whole bucket: otherwise S3 answers 403 instead of 404 for a state that does not exist yet.
  statement {
    sid       = "FindState"
    actions   = ["s3:ListBucket"]
    resources = [local.state_bucket_arn]
  }

  statement {
    sid       = "ReadState"
    actions   = ["s3:GetObject"]
    resources = [for key in values(local.state_keys) : "${local.state_bucket_arn}/${key}"]
  }

  statement {
    sid       = "LockState"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    resources = [for key in values(local.state_keys) : "${local.state_bucket_arn}/${key}.tflock"]
  }

  statement {
    sid       = "SavePlans"
    actions   = ["s3:PutObject"]
    resources = [for environment in keys(var.environments) : "${local.state_bucket_arn}/plans/${environment}/*"]
  }
}

resource "aws_iam_role_policy" "plan_state" {
  name   = "state"
  role   = aws_iam_role.plan.id
  policy = data.aws_iam_policy_document.plan_state.json
}

data "aws_iam_policy_document" "apply_state" {
  for_each = local.state_keys

  statement {
    sid       = "FindState"
    actions   = ["s3:ListBucket"]
    resources = [local.state_bucket_arn]
  }

  statement {
    sid       = "WriteState"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${local.state_bucket_arn}/${each.value}"]
  }

  statement {
    sid       = "LockState"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    resources = ["${local.state_bucket_arn}/${each.value}.tflock"]
  }

  statement {
    sid       = "FetchPlan"
    actions   = ["s3:GetObject"]
    resources = ["${local.state_bucket_arn}/plans/${each.key}/*"]
  }
}

resource "aws_iam_role_policy" "apply_state" {
  for_each = local.names

  name   = "state"
  role   = aws_iam_role.apply[each.key].id
  policy = data.aws_iam_policy_document.apply_state[each.key].json
}
