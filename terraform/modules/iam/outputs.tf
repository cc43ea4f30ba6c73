output "job_role_arn" {
  description = "ARN of the role of the workflow's Glue jobs."
  value       = var.existing_roles != null ? var.existing_roles.jobs_arn : aws_iam_role.jobs[0].arn

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
  value       = var.existing_roles != null ? var.existing_roles.forget_arn : aws_iam_role.forget[0].arn

  # As above.
  depends_on = [aws_iam_role_policy.forget, aws_iam_role_policy_attachment.network]
}

output "role_policies" {
  description = "Policies of the two roles as JSON, by role (jobs, forget) and name."
  value = {
    for role, policies in local.role_policies :
    role => merge(policies, { for policy in data.aws_iam_policy_document.network : "network" => policy.json })
  }
}

output "landing_policy_arn" {
  description = "ARN of the policy that allows to fill the landing zone from landing_sources; null without any."
  value       = one(aws_iam_policy.landing[*].arn)
}

output "analyst_role_arn" {
  description = "ARN of the analysts' role; null without analyst_role_principals."
  value       = one(aws_iam_role.analyst[*].arn)

  # A role without its policy is denied everything.
  depends_on = [aws_iam_role_policy_attachment.analyst]
}

output "analyst_policy_arn" {
  description = "ARN of the policy that allows analysts to query the training table."
  value       = aws_iam_policy.analyst.arn
}
