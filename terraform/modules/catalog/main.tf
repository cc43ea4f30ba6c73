# The Glue databases and tables, as ddl/*.sql declares them; on request Glue's table optimizers and Lake Formation grants.

resource "aws_glue_catalog_database" "this" {
  name        = var.database
  description = "STEDI lakehouse: landing, trusted and curated tables of human balance data."

  # An Iceberg table lives at <location_uri>/<table> in a Glue catalog and at <warehouse>/<database>/<table> in a
  # Hadoop one: with this location both agree.
  location_uri = "${local.warehouse_uri}/${var.database}"
  tags         = var.tags
}

# Apart from the data: who may see what runs did need not see the tables, nor the other way round.
resource "aws_glue_catalog_database" "audit" {
  name         = local.audit_database
  description  = "STEDI lakehouse: what the runs did, which consent decided, and which records could not be used."
  location_uri = "${local.warehouse_uri}/${local.audit_database}"
  tags         = var.tags
}
