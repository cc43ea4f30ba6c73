output "topic_arn" {
  description = "ARN of the topic that announces failed and slow job runs; null if events are disabled."
  value       = one(aws_sns_topic.job_failures[*].arn)
}

output "alarms" {
  description = "Names of the alarms."
  value       = concat(values(aws_cloudwatch_metric_alarm.undelivered)[*].alarm_name, aws_cloudwatch_metric_alarm.stale[*].alarm_name)
}

output "dashboard" {
  description = "Name of the dashboard; null if it is disabled."
  value       = one(aws_cloudwatch_dashboard.this[*].dashboard_name)
}
