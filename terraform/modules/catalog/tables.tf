# Which columns hold personal data or pseudonyms is published where governance tools look for it, without having to parse
# comments: as table parameters on every table, and as column parameters on the JSON tables. Iceberg columns cannot carry
# them: a commit rewrites the columns with Iceberg's own parameters only, while it keeps the table's (GlueTableOperations and
# IcebergToGlueConverter of Iceberg 1.10).
locals {
  personal_data_columns = {
    for name, table in local.tables :
    name => [for column in table.columns : column.name if endswith(column.comment, "Personal data: yes.")]
  }
  pseudonym_columns = {
    for name, table in local.tables :
    name => [for column in table.columns : column.name if endswith(column.comment, "Personal data: pseudonym.")]
  }
  personal_data_parameters = {
    for name in keys(local.tables) : name => merge(
      { personal_data = length(local.personal_data_columns[name]) > 0 ? "true" : "false" },
      { for key, columns in { personal_data_columns = local.personal_data_columns[name], pseudonym_columns = local.pseudonym_columns[name] } : key => join(",", columns) if length(columns) > 0 },
    )
  }

  # References the resources, so that the tables are created after their database.
  database_of = {
    for name, table in local.tables :
    name => table.audit ? aws_glue_catalog_database.audit.name : local.database.name
  }
}

resource "aws_glue_catalog_table" "json" {
  for_each = { for name, table in local.tables : name => table if !table.iceberg }

  database_name = local.database_of[each.key]
  name          = each.key
  description   = each.value.description
  table_type    = "EXTERNAL_TABLE"
  parameters    = merge({ EXTERNAL = "TRUE", classification = "json" }, each.value.table_properties, local.personal_data_parameters[each.key])

  storage_descriptor {
    location      = each.value.location
    input_format  = "org.apache.hadoop.mapred.TextInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"

    ser_de_info {
      serialization_library = each.value.serde
      parameters            = each.value.serde_properties
    }

    dynamic "columns" {
      for_each = each.value.columns

      content {
        name    = columns.value.name
        type    = columns.value.type
        comment = columns.value.comment
        parameters = {
          personal_data = contains(local.personal_data_columns[each.key], columns.value.name) ? "true" : "false"
        }
      }
    }
  }

  lifecycle {
    precondition {
      condition     = length(local.refused[each.key]) == 0
      error_message = "ddl/${each.key}.sql, ${join("; ", local.refused[each.key])}. Nothing was changed. Correct the file and apply again."
    }

    precondition {
      condition     = each.value.created == "${local.database_of[each.key]}.${each.key}" && each.value.serde != null
      error_message = "ddl/${each.key}.sql must create ${local.database_of[each.key]}.${each.key}, with a SERDE; parsed: ${jsonencode(each.value)}."
    }
  }
}

# The only parameters are the personal-data markers: Glue refuses "reserved parameters table_type or metadata_location" and
# sets them itself, Parquet is Iceberg's default, and the jobs' --conf sets the compression.
resource "aws_glue_catalog_table" "iceberg" {
  for_each = { for name, table in local.tables : name => table if table.iceberg }

  database_name = local.database_of[each.key]
  name          = each.key
  description   = each.value.description
  table_type    = "EXTERNAL_TABLE"
  parameters    = local.personal_data_parameters[each.key]

  open_table_format_input {
    iceberg_input {
      metadata_operation = "CREATE"
      version            = "2"
    }
  }

  storage_descriptor {
    location = each.value.location

    dynamic "columns" {
      for_each = each.value.columns

      content {
        name    = columns.value.name
        type    = columns.value.type
        comment = columns.value.comment
      }
    }
  }

  lifecycle {
    # Every Iceberg commit rewrites parameters and storage_descriptor in Glue (metadata_location, previous_metadata_location,
    # field ids), and provider 5.x can't evolve an Iceberg schema (terraform-provider-aws#36641): Terraform only creates the
    # table, and its schema evolves by ALTER TABLE in Iceberg. The description is ignored too: an update would send the whole
    # table as of the plan, and its metadata_location would undo every commit since.
    ignore_changes = [description, parameters, storage_descriptor]

    precondition {
      condition     = length(local.refused[each.key]) == 0
      error_message = "ddl/${each.key}.sql, ${join("; ", local.refused[each.key])}. Nothing was changed. Correct the file and apply again."
    }

    precondition {
      condition     = each.value.created == "${local.database_of[each.key]}.${each.key}" && each.value.location == "${local.warehouse_uri}/${local.database_of[each.key]}/${each.key}/"
      error_message = "ddl/${each.key}.sql must create ${local.database_of[each.key]}.${each.key}, at ${local.warehouse_uri}/${local.database_of[each.key]}/${each.key}/; parsed: ${jsonencode(each.value)}."
    }
  }
}
