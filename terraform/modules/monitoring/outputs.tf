output "topic_arn" {
  description = "ARN of the topic that announces failed and slow job runs; null if events are disabled."
  value       = one(local.topic_arns)
}

output "topic_policy" {
  description = "Policy that lets events, alarms and the budget publish on the topic, as JSON; null if events are disabled."
  value       = one(data.aws_iam_policy_document.publish[*].json)
}

output "alarms" {
  description = "Names of the alarms."
  value       = concat(values(aws_cloudwatch_metric_alarm.undelivered)[*].alarm_name, aws_cloudwatch_metric_alarm.stale[*].alarm_name)
}

output "dashboard" {
  description = "Name of the dashboard; null if it is disabled."
  value       = one(aws_cloudwatch_dashboard.this[*].dashboard_name)
}
