# Starting by arrival: S3 reports new objects to EventBridge, a rule selects those in the landing zone, and Glue collects them
# until the condition of the start trigger holds. The bucket must report to EventBridge: modules/storage enables it; on an
# existing bucket that is up to its owner, since a bucket has one notification configuration.

resource "aws_cloudwatch_event_rule" "arrival" {
  count = var.start.on_arrival == null ? 0 : 1

  name        = "${var.name}-arrival"
  description = "A file has arrived in the landing zone of ${var.name}."
  tags        = var.tags

  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = { name = [var.bucket] }
      object = { key = [for prefix in var.landing_prefixes : { prefix = "${var.prefix}${prefix}/" }] }
    }
  })
}

data "aws_iam_policy_document" "arrival_trust" {
  count = var.start.on_arrival == null ? 0 : 1

  statement {
    sid     = "RuleStartsWorkflow"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.arrival[0].arn]
    }
  }
}

resource "aws_iam_role" "arrival" {
  count = var.start.on_arrival == null ? 0 : 1

  name                 = "${var.name}-arrival${var.global_suffix}"
  path                 = var.iam_path
  description          = "EventBridge tells the workflow of ${var.name} which files have arrived, nothing else."
  assume_role_policy   = data.aws_iam_policy_document.arrival_trust[0].json
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

data "aws_iam_policy_document" "arrival" {
  count = var.start.on_arrival == null ? 0 : 1

  statement {
    sid       = "NotifyWorkflow"
    actions   = ["glue:NotifyEvent"]
    resources = [aws_glue_workflow.this.arn]
  }
}

resource "aws_iam_role_policy" "arrival" {
  count = var.start.on_arrival == null ? 0 : 1

  name   = "notify"
  role   = aws_iam_role.arrival[0].id
  policy = data.aws_iam_policy_document.arrival[0].json
}

resource "aws_cloudwatch_event_target" "arrival" {
  count = var.start.on_arrival == null ? 0 : 1

  rule     = aws_cloudwatch_event_rule.arrival[0].name
  arn      = aws_glue_workflow.this.arn
  role_arn = aws_iam_role.arrival[0].arn

  # Events of the first seconds would be refused without the policy.
  depends_on = [aws_iam_role_policy.arrival]
}
