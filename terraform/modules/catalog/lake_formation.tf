# Grants for accounts where Lake Formation controls access. They take effect once IAM_ALLOWED_PRINCIPALS has no grant on
# database and tables. Revoking that grant locks out every principal without a grant of its own, so it is left to the data
# lake administrator (terraform-provider-aws#27295). IAM still controls access to the files in S3: the location is not
# registered.

locals {
  # Jobs read JSON tables and replace the rows of the others. A commit changes the Glue table, which needs ALTER. The erasure
  # job does the same.
  job_permissions = var.lake_formation.enabled ? {
    for name, table in local.tables : name => table.iceberg ? ["ALTER", "DELETE", "DESCRIBE", "INSERT", "SELECT"] : ["DESCRIBE", "SELECT"]
  } : {}
  job_databases = var.lake_formation.enabled ? { lakehouse = local.database.name, audit = aws_glue_catalog_database.audit.name } : {}

  analysts = var.lake_formation.enabled ? var.lake_formation.analyst_principals : toset([])
}

resource "aws_lakeformation_permissions" "job_database" {
  for_each = local.job_databases

  principal   = var.job_role_arn
  permissions = ["DESCRIBE"]

  database {
    name = each.value
  }
}

resource "aws_lakeformation_permissions" "job_tables" {
  for_each = local.job_permissions

  principal   = var.job_role_arn
  permissions = each.value

  table {
    database_name = local.database_of[each.key]
    name          = try(aws_glue_catalog_table.iceberg[each.key].name, aws_glue_catalog_table.json[each.key].name)
  }
}

# The optimizers rewrite and expire the files that the jobs have written.
resource "aws_lakeformation_permissions" "optimizer_database" {
  for_each = var.table_optimizers.enabled ? local.job_databases : {}

  principal   = aws_iam_role.optimizers[0].arn
  permissions = ["DESCRIBE"]

  database {
    name = each.value
  }
}

resource "aws_lakeformation_permissions" "optimizer_tables" {
  for_each = var.table_optimizers.enabled ? { for name, permissions in local.job_permissions : name => permissions if local.tables[name].iceberg } : {}

  principal   = aws_iam_role.optimizers[0].arn
  permissions = each.value

  table {
    database_name = local.database_of[each.key]
    name          = aws_glue_catalog_table.iceberg[each.key].name
  }
}

resource "aws_lakeformation_permissions" "forget_database" {
  for_each = local.job_databases

  principal   = var.forget_role_arn
  permissions = ["DESCRIBE"]

  database {
    name = each.value
  }
}

resource "aws_lakeformation_permissions" "forget_tables" {
  for_each = local.job_permissions

  principal   = var.forget_role_arn
  permissions = each.value

  table {
    database_name = local.database_of[each.key]
    name          = try(aws_glue_catalog_table.iceberg[each.key].name, aws_glue_catalog_table.json[each.key].name)
  }
}

resource "aws_lakeformation_permissions" "analyst_database" {
  for_each = local.analysts

  principal   = each.value
  permissions = ["DESCRIBE"]

  database {
    name = local.database.name
  }
}

# The tables without personal data.
resource "aws_lakeformation_permissions" "analyst_table" {
  for_each = { for pair in setproduct(local.analysts, var.training_tables) : "${pair[0]}/${pair[1]}" => { principal = pair[0], table = pair[1] } }

  principal   = each.value.principal
  permissions = ["DESCRIBE", "SELECT"]

  table {
    database_name = local.database.name
    name          = aws_glue_catalog_table.iceberg[each.value.table].name
  }
}
