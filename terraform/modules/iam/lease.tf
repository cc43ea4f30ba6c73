# One operation at a time: the jobs hold the lease of the lakehouse, a single object, and look up its holder in their workflow
# run. No role may delete it: a lease is released by writing the object.
data "aws_iam_policy_document" "lease" {
  statement {
    sid       = "HoldLease"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${local.root_arn}/operations/lease.json"]
  }

  # To find the holder of a run, and runs that ended without releasing the lease.
  statement {
    sid       = "AskAboutRuns"
    actions   = ["glue:GetJobRun", "glue:GetWorkflowRun", "glue:GetWorkflowRunProperties"]
    resources = ["${local.glue_arn}:workflow/${var.workflow}", "${local.glue_arn}:job/${var.name}-*"]
  }
}

resource "aws_iam_role_policy" "lease" {
  count = var.existing_roles == null ? 1 : 0

  name   = "lease"
  role   = aws_iam_role.jobs[0].id
  policy = data.aws_iam_policy_document.lease.json
}
