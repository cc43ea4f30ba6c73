# That the DDL is read as a SQL parser reads it is tested in ../../tests/unit/test_ddl_contract.py; here, that the catalog
# declares what was read.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  bucket   = "our-data"
  database = "stedi_test"
  ddl_path = "../ddl"
  tags     = {}
}

run "every_ddl_file_is_a_table" {
  command = plan

  module {
    source = "./modules/catalog"
  }

  assert {
    condition     = keys(aws_glue_catalog_table.landing) == ["accelerometer_landing", "customer_landing", "step_trainer_landing"]
    error_message = "Got landing tables ${jsonencode(keys(aws_glue_catalog_table.landing))}."
  }

  assert {
    condition     = keys(aws_glue_catalog_table.iceberg) == ["accelerometer_trusted", "customer_trusted", "customers_curated", "machine_learning_curated", "step_trainer_trusted"]
    error_message = "Got Iceberg tables ${jsonencode(keys(aws_glue_catalog_table.iceberg))}."
  }

  assert {
    condition = alltrue([
      for name, table in merge(aws_glue_catalog_table.landing, aws_glue_catalog_table.iceberg) : jsonencode([
        for column in table.storage_descriptor[0].columns : { name = column.name, type = column.type, comment = column.comment }
      ]) == jsonencode(output.tables[name].columns)
    ])
    error_message = "Every table has the columns of its DDL, in order, with type and comment."
  }

  assert {
    condition     = startswith(aws_glue_catalog_table.iceberg["machine_learning_curated"].description, "One row per ")
    error_message = "The grain is the description; got ${aws_glue_catalog_table.iceberg["machine_learning_curated"].description}."
  }

  assert {
    condition = alltrue([
      for table in aws_glue_catalog_table.landing :
      table.table_type == "EXTERNAL_TABLE" && table.parameters["classification"] == "json" &&
      table.storage_descriptor[0].ser_de_info[0].serialization_library == "org.openx.data.jsonserde.JsonSerDe" &&
      table.storage_descriptor[0].input_format == "org.apache.hadoop.mapred.TextInputFormat"
    ])
    error_message = "Landing tables are external tables over text files, read by the OpenX SerDe."
  }

  assert {
    condition     = aws_glue_catalog_table.landing["customer_landing"].storage_descriptor[0].location == "s3://our-data/customer/landing/"
    error_message = "Got ${aws_glue_catalog_table.landing["customer_landing"].storage_descriptor[0].location}."
  }

  assert {
    condition = alltrue([
      for table in aws_glue_catalog_table.iceberg :
      table.table_type == "EXTERNAL_TABLE" &&
      table.open_table_format_input[0].iceberg_input[0].metadata_operation == "CREATE" &&
      table.open_table_format_input[0].iceberg_input[0].version == "2"
    ])
    error_message = "Glue writes the first Iceberg metadata, version 2."
  }

  assert {
    condition     = alltrue([for table in aws_glue_catalog_table.iceberg : length(setintersection(["table_type", "metadata_location"], keys(coalesce(table.parameters, {})))) == 0])
    error_message = "Glue refuses the reserved parameters table_type and metadata_location."
  }

  assert {
    condition     = aws_glue_catalog_database.this.location_uri == "${output.warehouse_uri}/stedi_test"
    error_message = "Got ${aws_glue_catalog_database.this.location_uri} and ${output.warehouse_uri}."
  }

  assert {
    condition = alltrue([
      for name, table in aws_glue_catalog_table.iceberg :
      table.storage_descriptor[0].location == "${aws_glue_catalog_database.this.location_uri}/${name}/"
    ])
    error_message = "An Iceberg table lives at <location_uri of the database>/<table>/."
  }

  assert {
    condition = alltrue(flatten([
      for table in merge(aws_glue_catalog_table.landing, aws_glue_catalog_table.iceberg) :
      [for column in table.storage_descriptor[0].columns :
        can(regex(" Personal data: (yes|no)\\.$", column.comment)) && length(column.comment) <= 255
      ]
    ]))
    error_message = "A comment ends with \"Personal data: yes.\" or \"Personal data: no.\", and Glue takes 255 characters."
  }

  assert {
    condition     = contains(output.tables["customer_trusted"].personal_data_columns, "email") && length(output.tables["machine_learning_curated"].personal_data_columns) == 0
    error_message = "Customers have personal data, the training table has none; got ${jsonencode(output.tables)}."
  }
}

run "ddl_that_says_too_little_is_refused" {
  command = plan

  module {
    source = "./modules/catalog"
  }

  variables {
    ddl_path = "./tests/fixtures/ddl_without_comments"
  }

  expect_failures = [aws_glue_catalog_table.landing]
}
