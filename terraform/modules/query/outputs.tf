output "workgroup" {
  description = "Name of the Athena workgroup."
  value       = aws_athena_workgroup.this.name
}

output "named_query_ids" {
  description = "Id of each named query, by its name."
  value       = { for name, query in aws_athena_named_query.this : name => query.id }
}
