# Not encrypted: EventBridge can't publish to a topic under the AWS-managed key, and the messages carry job names and
# states, no data.
resource "aws_sns_topic" "job_failures" {
  name = "${var.name}-job-failures"
  tags = var.tags
}

resource "aws_sns_topic_subscription" "email" {
  count = var.email == null ? 0 : 1

  topic_arn = aws_sns_topic.job_failures.arn
  protocol  = "email"
  endpoint  = var.email
}

resource "aws_cloudwatch_event_rule" "job_failures" {
  name        = "${var.name}-job-failures"
  description = "A Glue job of ${var.name} failed or ran into its timeout."
  tags        = var.tags

  event_pattern = jsonencode({
    source      = ["aws.glue"]
    detail-type = ["Glue Job State Change"]
    detail = {
      jobName = var.job_names
      state   = ["FAILED", "TIMEOUT", "ERROR"]
    }
  })
}

data "aws_iam_policy_document" "publish" {
  statement {
    sid       = "EventBridgePublishesFailures"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.job_failures.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.job_failures.arn]
    }
  }
}

resource "aws_sns_topic_policy" "job_failures" {
  arn    = aws_sns_topic.job_failures.arn
  policy = data.aws_iam_policy_document.publish.json
}

resource "aws_cloudwatch_event_target" "job_failures" {
  rule = aws_cloudwatch_event_rule.job_failures.name
  arn  = aws_sns_topic.job_failures.arn

  # Without the policy the first failure would be lost.
  depends_on = [aws_sns_topic_policy.job_failures]
}
