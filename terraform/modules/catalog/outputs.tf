output "database" {
  description = "Name of the Glue database."
  value       = local.database.name
}

output "database_arn" {
  description = "ARN of the Glue database."
  value       = local.database.arn
}

output "audit_database" {
  description = "Name of the Glue database with the audit tables."
  value       = aws_glue_catalog_database.audit.name
}

output "audit_database_arn" {
  description = "ARN of the Glue database with the audit tables."
  value       = aws_glue_catalog_database.audit.arn
}

output "landing_table_arns" {
  description = "ARN of each landing table, by table name."
  value       = { for name, table in aws_glue_catalog_table.json : name => table.arn if !local.tables[name].audit }
}

output "iceberg_table_arns" {
  description = "ARN of each trusted, curated and audit table that the jobs commit to, by table name."
  value       = { for name, table in aws_glue_catalog_table.iceberg : name => table.arn }
}

output "landing_prefixes" {
  description = "Key prefix of each landing table's files, below that of the lakehouse and without trailing slash, by table name."
  value = {
    for name, table in local.tables :
    name => trimsuffix(trimprefix(table.location, "s3://${local.root}/"), "/") if !table.iceberg && !table.audit
  }
}

output "warehouse_uri" {
  description = "S3 URI of the warehouse, which holds <database>/<table>."
  value       = local.warehouse_uri
}

output "ddl" {
  description = "Athena DDL of each table with database and bucket filled in, by table name."
  value       = local.ddl
}

output "tables" {
  description = "Each table by name, as its DDL declares it: database, S3 location, whether it is an Iceberg table, columns, and which columns hold personal data or pseudonyms."
  value = {
    for name, table in local.tables : name => {
      database              = local.database_of[name]
      location              = table.location
      iceberg               = table.iceberg
      columns               = table.columns
      personal_data_columns = local.personal_data_columns[name]
      pseudonym_columns     = local.pseudonym_columns[name]
    }
  }
}

output "optimizer_role_arn" {
  description = "ARN of the role of Glue's table optimizers; null if they are disabled."
  value       = one(aws_iam_role.optimizers[*].arn)
}
