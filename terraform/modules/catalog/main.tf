# The Glue databases and tables that ddl/*.sql declares; optionally Glue's table optimizers and Lake Formation grants.

resource "aws_glue_catalog_database" "this" {
  name        = var.database
  description = "STEDI lakehouse: landing, trusted and curated tables of human balance data."

  # A Glue catalog puts an Iceberg table at <location_uri>/<table>, a Hadoop catalog at <warehouse>/<database>/<table>: this
  # location makes both agree.
  location_uri = "${local.warehouse_uri}/${var.database}"
  tags         = var.tags
}

# Separate from the data, so that access to audit tables and to data can be granted independently.
resource "aws_glue_catalog_database" "audit" {
  name         = local.audit_database
  description  = "STEDI lakehouse: what the runs did, which consent decided, and which records could not be used."
  location_uri = "${local.warehouse_uri}/${local.audit_database}"
  tags         = var.tags
}
