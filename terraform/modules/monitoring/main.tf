# Notifications of failed and slow job runs, undelivered announcements, missing runs and spending; a dashboard.

locals {
  # An event does not say whether a retry follows, and a retry that succeeds sends no message: the text explains that.
  look    = " Look at it: aws glue get-job-run --region ${var.region} --job-name <job> --run-id <run>"
  retried = var.max_retries == 0 ? "" : " Glue repeats a FAILED run up to ${var.max_retries} times, as <run>_attempt_1 and so on: no message about the next attempt means that it succeeded."

  # The Glue events that EventBridge selects. `completed` is only counted, for the alarm on missing runs.
  events = {
    failed = {
      name        = "${var.name}-job-failures"
      description = "A Glue job of ${var.name} failed or ran into its timeout."
      announced   = true
      message     = "Glue job <job> of ${var.name}, run <run>: <state>.${local.retried}${local.look}"
      pattern     = { detail-type = "Glue Job State Change", jobs = values(var.jobs), states = ["FAILED", "TIMEOUT", "ERROR"] }
    }
    slow = {
      name        = "${var.name}-job-delays"
      description = "A Glue job of ${var.name} has used four fifths of its timeout and still runs."
      announced   = true
      message     = "Glue job <job> of ${var.name}, run <run>: <state>. It has used four fifths of its timeout and still runs.${local.look}"
      pattern     = { detail-type = "Glue Job Run Status", jobs = values(var.jobs), states = ["STARTING", "RUNNING"] }
    }
    completed = {
      name        = "${var.name}-completed-runs"
      description = "The last Glue job of ${var.name} succeeded: all tables are up to date."
      announced   = false
      message     = null
      pattern     = { detail-type = "Glue Job State Change", jobs = [var.last_job], states = ["SUCCEEDED"] }
    }
  }
}

locals {
  # Depends on no ARN: that of an existing topic may be unknown when Terraform evaluates count ("Invalid count argument").
  creates_topic = var.events_enabled && var.topic == null
  topic_arn     = local.creates_topic ? one(aws_sns_topic.job_failures[*].arn) : try(var.topic.arn, null)
  topic_arns    = var.events_enabled ? [local.topic_arn] : []
}

resource "aws_sns_topic" "job_failures" {
  count = local.creates_topic ? 1 : 0

  #checkov:skip=CKV_AWS_26:Encrypted with kms_key_arn if given, otherwise not: EventBridge can't publish to a topic under the AWS managed key, and messages hold job names and states, no data.
  name              = "${var.name}-job-failures"
  kms_master_key_id = var.kms_key_arn
  tags              = var.tags
}

resource "aws_sns_topic_subscription" "email" {
  count = var.events_enabled && var.email != null ? 1 : 0

  topic_arn = local.topic_arn
  protocol  = "email"
  endpoint  = var.email
}

resource "aws_cloudwatch_event_rule" "jobs" {
  for_each = { for event, rule in local.events : event => rule if var.events_enabled }

  name        = each.value.name
  description = each.value.description
  tags        = var.tags

  event_pattern = jsonencode({
    source      = ["aws.glue"]
    detail-type = [each.value.pattern.detail-type]
    detail = {
      jobName = each.value.pattern.jobs
      state   = each.value.pattern.states
    }
  })
}

data "aws_caller_identity" "current" {}

# CloudWatch and Budgets would publish on behalf of any account, so each is restricted to this account's alarms and budget.
data "aws_iam_policy_document" "publish" {
  count = var.events_enabled ? 1 : 0

  statement {
    sid       = "EventBridgePublishesFailures"
    actions   = ["sns:Publish"]
    resources = [local.topic_arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [for event, rule in aws_cloudwatch_event_rule.jobs : rule.arn if local.events[event].announced]
    }
  }

  statement {
    sid       = "AlarmsPublish"
    actions   = ["sns:Publish"]
    resources = [local.topic_arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = concat(values(aws_cloudwatch_metric_alarm.undelivered)[*].arn, aws_cloudwatch_metric_alarm.stale[*].arn)
    }
  }

  dynamic "statement" {
    for_each = var.budget == null ? [] : [true]

    content {
      sid       = "BudgetPublishes"
      actions   = ["sns:Publish"]
      resources = [local.topic_arn]

      principals {
        type        = "Service"
        identifiers = ["budgets.amazonaws.com"]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [data.aws_caller_identity.current.account_id]
      }
    }
  }
}

# An existing topic has a policy of its owner, which this one would replace.
resource "aws_sns_topic_policy" "job_failures" {
  count = local.creates_topic ? 1 : 0

  arn    = aws_sns_topic.job_failures[0].arn
  policy = data.aws_iam_policy_document.publish[0].json
}

resource "aws_cloudwatch_event_target" "jobs" {
  for_each = { for event, rule in local.events : event => rule if var.events_enabled && rule.announced }

  rule = aws_cloudwatch_event_rule.jobs[each.key].name
  arn  = local.topic_arn

  # The template is a JSON string, so values that may contain quotes, such as the error message, are left out.
  input_transformer {
    input_paths = {
      job   = "$.detail.jobName"
      run   = "$.detail.jobRunId"
      state = "$.detail.state"
    }

    input_template = "\"${each.value.message}\""
  }

  # Without the topic policy, the first failures would not be delivered.
  depends_on = [aws_sns_topic_policy.job_failures]
}
