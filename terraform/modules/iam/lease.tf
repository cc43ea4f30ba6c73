# One operation at a time: the jobs hold the lease of the lakehouse, one object, and ask their workflow run whose it is.
# Nobody needs to delete it: a lease is released by writing it.
data "aws_iam_policy_document" "lease" {
  statement {
    sid       = "HoldLease"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${var.bucket_arn}/operations/lease.json"]
  }

  # Whose the run is, and whether a run that holds the lease has ended without releasing it.
  statement {
    sid       = "AskAboutRuns"
    actions   = ["glue:GetJobRun", "glue:GetWorkflowRun", "glue:GetWorkflowRunProperties"]
    resources = ["${local.glue_arn}:workflow/${var.workflow}", "${local.glue_arn}:job/${var.name}-*"]
  }
}

resource "aws_iam_role_policy" "lease" {
  name   = "lease"
  role   = aws_iam_role.jobs.id
  policy = data.aws_iam_policy_document.lease.json
}
