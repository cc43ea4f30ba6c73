# ../../tests/unit/jobs/test_ddl_contract.py compares the parsed DDL with a SQL parser; these runs check that the catalog declares
# what was parsed.

mock_provider "aws" {
  source = "./tests/mocks"
}

override_resource {
  target = aws_iam_role.optimizers
  values = {
    arn = "arn:aws:iam::111122223333:role/optimizers"
  }
}

variables {
  global_suffix            = ""
  existing_database        = false
  prefix                   = ""
  name                     = "stedi-test"
  bucket                   = "our-data"
  bucket_arn               = "arn:aws:s3:::our-data"
  database                 = "stedi_test"
  ddl_path                 = "../ddl"
  job_role_arn             = "arn:aws:iam::111122223333:role/jobs"
  forget_role_arn          = "arn:aws:iam::111122223333:role/forget"
  kms_key_arn              = null
  iam_path                 = "/"
  permissions_boundary_arn = null
  tags                     = {}

  table_optimizers = {
    enabled                 = false
    compaction              = true
    snapshot_retention_days = 7
    snapshots_to_keep       = 1
    orphan_file_days        = 3
  }

  lake_formation = {
    enabled            = false
    analyst_principals = []
  }
}

run "every_ddl_file_is_a_table" {
  command = plan

  module {
    source = "./modules/catalog"
  }

  assert {
    condition     = keys(aws_glue_catalog_table.json) == ["accelerometer_landing", "customer_landing", "quarantine", "step_trainer_landing"]
    error_message = "Got JSON tables ${jsonencode(keys(aws_glue_catalog_table.json))}."
  }

  assert {
    condition     = keys(aws_glue_catalog_table.iceberg) == ["accelerometer_trusted", "consent_decisions", "customer_trusted", "customers_curated", "machine_learning_curated", "pipeline_runs", "step_trainer_trusted", "training_split", "training_steps"]
    error_message = "Got Iceberg tables ${jsonencode(keys(aws_glue_catalog_table.iceberg))}."
  }

  assert {
    condition = alltrue([
      for name, table in merge(aws_glue_catalog_table.json, aws_glue_catalog_table.iceberg) : jsonencode([
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
      for table in aws_glue_catalog_table.json :
      table.table_type == "EXTERNAL_TABLE" && table.parameters["classification"] == "json" &&
      table.storage_descriptor[0].ser_de_info[0].serialization_library == "org.openx.data.jsonserde.JsonSerDe" &&
      table.storage_descriptor[0].input_format == "org.apache.hadoop.mapred.TextInputFormat"
    ])
    error_message = "JSON tables are external tables over text files, read by the OpenX SerDe."
  }

  assert {
    condition     = aws_glue_catalog_table.json["customer_landing"].storage_descriptor[0].location == "s3://our-data/customer/landing/"
    error_message = "Got ${aws_glue_catalog_table.json["customer_landing"].storage_descriptor[0].location}."
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
    condition     = aws_glue_catalog_database.this[0].location_uri == "${output.warehouse_uri}/stedi_test"
    error_message = "Got ${aws_glue_catalog_database.this[0].location_uri} and ${output.warehouse_uri}."
  }

  assert {
    condition = alltrue([
      for name, table in aws_glue_catalog_table.iceberg :
      table.storage_descriptor[0].location == "${table.database_name == "stedi_test" ? aws_glue_catalog_database.this[0].location_uri : aws_glue_catalog_database.audit.location_uri}/${name}/"
    ])
    error_message = "An Iceberg table lives at <location_uri of the database>/<table>/."
  }

  assert {
    condition = toset([
      for name, table in merge(aws_glue_catalog_table.json, aws_glue_catalog_table.iceberg) : name if table.database_name == "stedi_test_audit"
    ]) == toset(["consent_decisions", "pipeline_runs", "quarantine"]) && aws_glue_catalog_database.audit.name == "stedi_test_audit"
    error_message = "Audit tables are in a database of their own."
  }

  assert {
    condition     = keys(output.landing_prefixes) == ["accelerometer_landing", "customer_landing", "step_trainer_landing"]
    error_message = "Quarantine is no landing table; got ${jsonencode(output.landing_prefixes)}."
  }

  assert {
    condition = alltrue(flatten([
      for table in merge(aws_glue_catalog_table.json, aws_glue_catalog_table.iceberg) :
      [for column in table.storage_descriptor[0].columns :
        can(regex(" Personal data: (yes|no|pseudonym)\\.$", column.comment)) && length(column.comment) <= 255
      ]
    ]))
    error_message = "A comment ends with \"Personal data: yes.\", no or pseudonym, and Glue takes 255 characters."
  }

  assert {
    condition     = contains(output.tables["customer_trusted"].personal_data_columns, "email") && length(output.tables["machine_learning_curated"].personal_data_columns) == 0
    error_message = "Customers have personal data, the training table has none; got ${jsonencode(output.tables)}."
  }
}

run "personal_data_is_marked_for_tools_to_read" {
  command = plan

  module {
    source = "./modules/catalog"
  }

  assert {
    condition = alltrue([
      for name, table in merge(aws_glue_catalog_table.json, aws_glue_catalog_table.iceberg) :
      table.parameters["personal_data"] == (length(output.tables[name].personal_data_columns) > 0 ? "true" : "false") &&
      lookup(table.parameters, "personal_data_columns", "") == join(",", output.tables[name].personal_data_columns) &&
      lookup(table.parameters, "pseudonym_columns", "") == join(",", output.tables[name].pseudonym_columns)
    ])
    error_message = "Every table says whether it holds personal data or pseudonyms, and in which columns."
  }

  assert {
    condition = alltrue(flatten([
      for name, table in aws_glue_catalog_table.json : [
        for column in table.storage_descriptor[0].columns :
        column.parameters["personal_data"] == (endswith(column.comment, "Personal data: yes.") ? "true" : "false")
      ]
    ]))
    error_message = "Every column of a JSON table says what its comment says."
  }

  assert {
    condition     = aws_glue_catalog_table.iceberg["machine_learning_curated"].parameters["personal_data"] == "false" && strcontains(aws_glue_catalog_table.iceberg["customer_trusted"].parameters["personal_data_columns"], "email")
    error_message = "Got ${jsonencode(aws_glue_catalog_table.iceberg["customer_trusted"].parameters)}."
  }

  assert {
    condition     = { for name, table in aws_glue_catalog_table.iceberg : name => table.parameters["pseudonym_columns"] if contains(keys(table.parameters), "pseudonym_columns") } == { consent_decisions = "subjectkey", machine_learning_curated = "subjectkey", training_split = "subject", training_steps = "subject" }
    error_message = "Pseudonyms are distinguished from personal data and from other columns."
  }

  assert {
    condition     = length(aws_glue_catalog_table_optimizer.this) + length(aws_iam_role.optimizers) + length(aws_lakeformation_permissions.job_tables) + length(aws_lakeformation_permissions.job_database) + length(aws_lakeformation_permissions.forget_tables) + length(aws_lakeformation_permissions.forget_database) == 0
    error_message = "Optimizers and Lake Formation grants exist only if enabled."
  }
}

run "optimizers_maintain_every_iceberg_table_within_the_warehouse" {
  command = apply

  module {
    source = "./modules/catalog"
  }

  variables {
    kms_key_arn              = "arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"
    iam_path                 = "/data/"
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/boundary"

    table_optimizers = {
      enabled                 = true
      compaction              = true
      snapshot_retention_days = 9
      snapshots_to_keep       = 2
      orphan_file_days        = 4
    }
  }

  assert {
    condition = toset([for optimizer in aws_glue_catalog_table_optimizer.this : "${optimizer.table_name}/${optimizer.type}"]) == toset(flatten([
      for table in keys(aws_glue_catalog_table.iceberg) : [for type in ["compaction", "orphan_file_deletion", "retention"] : "${table}/${type}"]
    ]))
    error_message = "Got ${jsonencode(keys(aws_glue_catalog_table_optimizer.this))}."
  }

  assert {
    condition     = toset([for optimizer in aws_glue_catalog_table_optimizer.this : optimizer.table_name if optimizer.database_name == "stedi_test_audit"]) == toset(["consent_decisions", "pipeline_runs"])
    error_message = "An optimizer looks for its table in the table's database."
  }

  assert {
    condition = (
      aws_glue_catalog_table_optimizer.this["customer_trusted/retention"].configuration[0].retention_configuration[0].iceberg_configuration[0] ==
      { snapshot_retention_period_in_days = 9, number_of_snapshots_to_retain = 2, clean_expired_files = true } &&
      aws_glue_catalog_table_optimizer.this["customer_trusted/orphan_file_deletion"].configuration[0].orphan_file_deletion_configuration[0].iceberg_configuration[0].orphan_file_retention_period_in_days == 4
    )
    error_message = "Expired snapshots take their files with them, as soon as the variable says."
  }

  assert {
    condition     = aws_iam_role.optimizers[0].path == "/data/" && aws_iam_role.optimizers[0].permissions_boundary == "arn:aws:iam::111122223333:policy/boundary"
    error_message = "The role has the caller's path and boundary."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.optimizers.statement :
      statement.resources == toset(["arn:aws:s3:::our-data/warehouse/stedi_test/*", "arn:aws:s3:::our-data/warehouse/stedi_test_audit/*"])
      if length([for action in statement.actions : action if startswith(action, "s3:") && action != "s3:ListBucket"]) > 0
    ])
    error_message = "Optimizers touch the files of the warehouse only; got ${jsonencode(data.aws_iam_policy_document.optimizers.statement)}."
  }

  assert {
    condition = [
      for statement in data.aws_iam_policy_document.optimizers.statement : one(statement.condition).values
      if contains(statement.actions, "s3:ListBucket")
    ] == [tolist(["warehouse/stedi_test/*", "warehouse/stedi_test_audit/*"])]
    error_message = "Optimizers see the warehouse only; got ${jsonencode(data.aws_iam_policy_document.optimizers.statement)}."
  }

  assert {
    condition = alltrue(flatten([
      for statement in data.aws_iam_policy_document.optimizers.statement :
      [for text in concat(tolist(statement.actions), tolist(statement.resources)) : text != "*" && !endswith(text, ":*") || startswith(text, "arn:aws:logs:")]
    ]))
    error_message = "Every statement names its actions and resources."
  }

  assert {
    condition     = [for statement in data.aws_iam_policy_document.optimizers.statement : statement.resources if contains(statement.actions, "kms:Decrypt")] == [toset(["arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"])]
    error_message = "Optimizers may use the bucket's key and no other."
  }
}

run "lake_formation_gives_analysts_the_training_tables_only" {
  command = plan

  module {
    source = "./modules/catalog"
  }

  variables {
    lake_formation = {
      enabled            = true
      analyst_principals = ["arn:aws:iam::111122223333:role/analyst"]
    }
    training_tables = ["machine_learning_curated", "training_split"]
  }

  assert {
    condition = [for grant in aws_lakeformation_permissions.analyst_table : [grant.principal, grant.table[0].name, join(",", grant.permissions)]] == [
      ["arn:aws:iam::111122223333:role/analyst", "machine_learning_curated", "DESCRIBE,SELECT"],
      ["arn:aws:iam::111122223333:role/analyst", "training_split", "DESCRIBE,SELECT"],
    ]
    error_message = "Analysts read the tables without personal data."
  }

  assert {
    condition     = [for grant in aws_lakeformation_permissions.analyst_database : [grant.database[0].name, join(",", grant.permissions)]] == [["stedi_test", "DESCRIBE"]]
    error_message = "Of the database, analysts see that it exists; of the other, nothing."
  }

  assert {
    condition = alltrue([for grants in [{ role = "jobs", grants = aws_lakeformation_permissions.job_tables }, { role = "forget", grants = aws_lakeformation_permissions.forget_tables }] : {
      for name, grant in grants.grants : name => join(",", grant.permissions)
      if grant.principal == "arn:aws:iam::111122223333:role/${grants.role}" && grant.table[0].name == name && grant.table[0].database_name == output.tables[name].database
      } == merge(
      { for name in keys(aws_glue_catalog_table.json) : name => "DESCRIBE,SELECT" },
      { for name in keys(aws_glue_catalog_table.iceberg) : name => "ALTER,DELETE,DESCRIBE,INSERT,SELECT" },
    )])
    error_message = "The jobs read JSON and write the rest."
  }

  assert {
    condition     = alltrue([for grants in [aws_lakeformation_permissions.job_database, aws_lakeformation_permissions.forget_database] : toset([for grant in grants : grant.database[0].name]) == toset(["stedi_test", "stedi_test_audit"])])
    error_message = "The jobs see both databases."
  }

  assert {
    condition     = length(aws_lakeformation_permissions.optimizer_database) + length(aws_lakeformation_permissions.optimizer_tables) == 0
    error_message = "No grant to a role that does not exist."
  }
}

run "lake_formation_lets_the_optimizers_maintain_what_they_maintain" {
  command = plan

  module {
    source = "./modules/catalog"
  }

  variables {
    lake_formation   = { enabled = true, analyst_principals = [] }
    table_optimizers = { enabled = true, compaction = true, snapshot_retention_days = 7, snapshots_to_keep = 1, orphan_file_days = 3 }
  }

  assert {
    condition = { for name, grant in aws_lakeformation_permissions.optimizer_tables : name => join(",", grant.permissions) } == {
      for name in keys(aws_glue_catalog_table.iceberg) : name => "ALTER,DELETE,DESCRIBE,INSERT,SELECT"
    }
    error_message = "Without a grant they would stop, and snapshots with withdrawn customers would stay."
  }

  assert {
    condition     = toset([for grant in aws_lakeformation_permissions.optimizer_database : grant.database[0].name]) == toset(["stedi_test", "stedi_test_audit"])
    error_message = "They see both databases."
  }
}

run "incomplete_ddl_is_refused" {
  command = plan

  module {
    source = "./modules/catalog"
  }

  variables {
    ddl_path = "./tests/fixtures/ddl_without_comments"
  }

  expect_failures = [aws_glue_catalog_table.json]
}

run "ddl_with_a_type_that_iceberg_lacks_is_refused" {
  command = plan

  module {
    source = "./modules/catalog"
  }

  variables {
    ddl_path = "./tests/fixtures/ddl_with_an_unknown_type"
  }

  expect_failures = [aws_glue_catalog_table.iceberg]
}
