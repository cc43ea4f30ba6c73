# Grants for accounts where Lake Formation rules. They take effect where IAM_ALLOWED_PRINCIPALS has no grant on database
# and tables; taking that away locks out whoever no grant names, so it stays with the data lake administrator
# (terraform-provider-aws#27295). Who may read the files in S3 remains IAM's business: the location is not registered.

locals {
  # What the jobs do: read landing, and replace the rows of the rest. A commit is a change of the Glue table: ALTER.
  job_permissions = var.lake_formation.enabled ? {
    for name, table in local.tables : name => table.iceberg ? ["ALTER", "DELETE", "DESCRIBE", "INSERT", "SELECT"] : ["DESCRIBE", "SELECT"]
  } : {}

  analysts = var.lake_formation.enabled ? var.lake_formation.analyst_principals : toset([])
}

resource "aws_lakeformation_permissions" "job_database" {
  count = var.lake_formation.enabled ? 1 : 0

  principal   = var.job_role_arn
  permissions = ["DESCRIBE"]

  database {
    name = aws_glue_catalog_database.this.name
  }
}

resource "aws_lakeformation_permissions" "job_tables" {
  for_each = local.job_permissions

  principal   = var.job_role_arn
  permissions = each.value

  table {
    database_name = aws_glue_catalog_database.this.name
    name          = try(aws_glue_catalog_table.iceberg[each.key].name, aws_glue_catalog_table.landing[each.key].name)
  }
}

resource "aws_lakeformation_permissions" "analyst_database" {
  for_each = local.analysts

  principal   = each.value
  permissions = ["DESCRIBE"]

  database {
    name = aws_glue_catalog_database.this.name
  }
}

# The one table without personal data.
resource "aws_lakeformation_permissions" "analyst_table" {
  for_each = local.analysts

  principal   = each.value
  permissions = ["DESCRIBE", "SELECT"]

  table {
    database_name = aws_glue_catalog_database.this.name
    name          = aws_glue_catalog_table.iceberg["machine_learning_curated"].name
  }
}
