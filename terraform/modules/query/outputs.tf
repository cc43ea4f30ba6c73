output "workgroup" {
  description = "Name of the engineers' Athena workgroup."
  value       = local.engineers
}

output "analysts" {
  description = "Name and ARN of the analysts' workgroup, and the key prefix of its results, without trailing slash."
  value = {
    workgroup      = aws_athena_workgroup.this["analysts"].name
    workgroup_arn  = aws_athena_workgroup.this["analysts"].arn
    results_prefix = local.results_prefixes["analysts"]
  }
}

output "named_query_ids" {
  description = "Id of each saved query, by name."
  value       = { for name, query in aws_athena_named_query.this : name => query.id }
}
