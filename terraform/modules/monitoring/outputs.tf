output "topic_arn" {
  description = "ARN of the topic that announces failed jobs."
  value       = aws_sns_topic.job_failures.arn
}
