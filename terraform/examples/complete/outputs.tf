output "lakehouse" {
  description = "Every output of the module, by name."
  value       = module.lakehouse
}

output "analyst_role_arn" {
  description = "ARN of the role that may query the training table and nothing else."
  value       = aws_iam_role.analyst.arn
}
