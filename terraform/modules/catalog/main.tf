# The Glue databases and tables that ddl/*.sql declares; optionally Glue's table optimizers and Lake Formation grants.

locals {
  # References the resource, if there is one, so that the tables are created after it.
  database = {
    name = var.existing_database ? var.database : aws_glue_catalog_database.this[0].name
    arn  = var.existing_database ? "${local.glue_arn}:database/${var.database}" : aws_glue_catalog_database.this[0].arn
  }
}

resource "aws_glue_catalog_database" "this" {
  count = var.existing_database ? 0 : 1

  name        = var.database
  description = "STEDI lakehouse: landing, trusted and curated tables of human balance data."

  # A Glue catalog puts an Iceberg table at <location_uri>/<table>, a Hadoop catalog at <warehouse>/<database>/<table>: this
  # location makes both agree.
  location_uri = "${local.warehouse_uri}/${var.database}"
  tags         = var.tags
}

moved {
  from = aws_glue_catalog_database.this
  to   = aws_glue_catalog_database.this[0]
}

# Separate from the data, so that access to audit tables and to data can be granted independently.
resource "aws_glue_catalog_database" "audit" {
  name         = local.audit_database
  description  = "STEDI lakehouse: what the runs did, which consent decided, and which records could not be used."
  location_uri = "${local.warehouse_uri}/${local.audit_database}"
  tags         = var.tags
}
