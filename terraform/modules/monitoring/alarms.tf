# Events announce failures, so no alarm repeats them. Alarms cover what no event reports: an announcement that could not be
# delivered, and a run that never happened.

resource "aws_cloudwatch_metric_alarm" "undelivered" {
  for_each = { for event, rule in local.events : event => rule if var.events_enabled && rule.announced }

  alarm_name          = "${each.value.name}-undelivered"
  alarm_description   = "EventBridge could not deliver an event of ${each.value.name} to the topic: look at the topic's policy and its key's."
  namespace           = "AWS/Events"
  metric_name         = "FailedInvocations"
  dimensions          = { RuleName = aws_cloudwatch_event_rule.jobs[each.key].name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching" # EventBridge reports this metric only when it isn't zero
  alarm_actions       = local.topic_arns
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "stale" {
  count = var.events_enabled && var.stale_after_hours != null ? 1 : 0

  alarm_name          = "${var.name}-stale"
  alarm_description   = "No run of ${var.name} was completed for ${var.stale_after_hours} hours."
  namespace           = "AWS/Events"
  metric_name         = "MatchedEvents"
  dimensions          = { RuleName = aws_cloudwatch_event_rule.jobs["completed"].name }
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = var.stale_after_hours
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching" # no event, no data
  alarm_actions       = local.topic_arns
  ok_actions          = local.topic_arns
  tags                = var.tags
}
