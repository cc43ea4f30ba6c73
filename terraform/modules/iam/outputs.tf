output "job_role_arn" {
  description = "ARN of the role of the workflow's Glue jobs."
  value       = aws_iam_role.jobs.arn

  # A job that starts before its role has its policies fails with AccessDenied.
  depends_on = [
    aws_iam_role_policy.data,
    aws_iam_role_policy.catalog,
    aws_iam_role_policy.observe,
    aws_iam_role_policy.lease,
    aws_iam_role_policy_attachment.network,
    aws_iam_role_policy.subject_key,
  ]
}

output "forget_role_arn" {
  description = "ARN of the role of the erasure job."
  value       = aws_iam_role.forget.arn

  # As above.
  depends_on = [aws_iam_role_policy.forget, aws_iam_role_policy_attachment.network]
}

output "analyst_policy_arn" {
  description = "ARN of the policy that allows analysts to query the training table."
  value       = aws_iam_policy.analyst.arn
}
