# Stands for the roles of the security team, which alone may create roles: one for the jobs, one for erasure. The module says
# which policies they need, and attaches none itself.
data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "GlueRunsJobs"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["glue.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "this" {
  for_each = toset(["jobs", "forget"])

  name               = "etl-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "jobs" {
  for_each = module.lakehouse.role_policies.jobs

  name   = each.key
  role   = aws_iam_role.this["jobs"].id
  policy = each.value
}

resource "aws_iam_role_policy" "forget" {
  for_each = module.lakehouse.role_policies.forget

  name   = each.key
  role   = aws_iam_role.this["forget"].id
  policy = each.value
}
