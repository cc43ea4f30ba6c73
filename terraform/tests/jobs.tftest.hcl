mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  prefix                 = ""
  name                   = "stedi-test"
  workflow               = "stedi-test-lakehouse"
  bucket                 = "our-data"
  database               = "stedi_test"
  warehouse_uri          = "s3://our-data/warehouse"
  role_arn               = "arn:aws:iam::111122223333:role/jobs"
  forget_role_arn        = "arn:aws:iam::111122223333:role/forget"
  subject_key_secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:stedi-test-subject-key-AbCdEf"
  refusal_key_secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:stedi-test-refusal-key-AbCdEf"
  scripts_path           = "../glue_jobs"
  ddl_path               = "../ddl"
  arguments              = { profile = "published", policies = null }
  glue_version           = "5.1"
  worker_type            = "G.1X"
  number_of_workers      = 2
  timeout                = 30
  max_retries            = 1
  execution_class        = "STANDARD"
  job_settings           = {}
  connections            = []
  schedule               = null
  landing_prefixes       = []
  kms_key_arn            = null
  metrics_enabled        = false
  log_retention_days     = 30
  tags                   = {}
}

run "a_chain_that_runs_once_at_a_time_and_never_by_itself" {
  command = plan

  module {
    source = "./modules/jobs"
  }

  assert {
    condition     = aws_glue_trigger.start.actions[*].job_name == tolist(["stedi-test-customer-landing-to-trusted"])
    error_message = "The workflow starts with the customers; got ${jsonencode(aws_glue_trigger.start.actions[*].job_name)}."
  }

  assert {
    condition = {
      for trigger in aws_glue_trigger.after : trigger.predicate[0].conditions[0].job_name => join(", ", trigger.actions[*].job_name)
      } == {
      stedi-test-customer-landing-to-trusted      = "stedi-test-accelerometer-landing-to-trusted"
      stedi-test-accelerometer-landing-to-trusted = "stedi-test-customer-trusted-to-curated"
      stedi-test-customer-trusted-to-curated      = "stedi-test-step-trainer-landing-to-trusted"
      stedi-test-step-trainer-landing-to-trusted  = "stedi-test-machine-learning-curated"
    }
    error_message = "Each job starts exactly the next one."
  }

  assert {
    condition     = alltrue([for job in aws_glue_job.this : !contains(keys(job.default_arguments), "--enable-glue-datacatalog")])
    error_message = "Spark's session catalog is not Glue's: the jobs use the catalog of their --conf alone."
  }

  assert {
    condition     = alltrue([for trigger in aws_glue_trigger.after : trigger.predicate[0].conditions[*].state == tolist(["SUCCEEDED"])])
    error_message = "A job starts only when the one before it has succeeded."
  }

  assert {
    condition     = alltrue([for trigger in aws_glue_trigger.after : trigger.type == "CONDITIONAL" && trigger.enabled != false && trigger.start_on_creation])
    error_message = "A conditional trigger that is not activated breaks the chain."
  }

  assert {
    condition     = toset([for trigger in concat([aws_glue_trigger.start], values(aws_glue_trigger.after)) : trigger.workflow_name]) == toset(["stedi-test-lakehouse"])
    error_message = "Every trigger belongs to the workflow."
  }

  assert {
    condition     = aws_glue_trigger.start.type == "ON_DEMAND" && aws_glue_trigger.start.enabled == false
    error_message = "An enabled ON_DEMAND trigger starts a run when it is created."
  }

  assert {
    condition     = length(aws_cloudwatch_event_rule.arrival) + length(aws_iam_role.arrival) + length(aws_cloudwatch_event_target.arrival) + length(aws_glue_trigger.start.event_batching_condition) == 0
    error_message = "No arrival of a file starts anything."
  }

  assert {
    condition     = output.last_job == "stedi-test-machine-learning-curated"
    error_message = "A run is complete with the training table; got ${output.last_job}."
  }

  assert {
    condition     = aws_glue_workflow.this.max_concurrent_runs == 1
    error_message = "Two runs of the workflow would overwrite each other's tables."
  }

  assert {
    condition     = alltrue([for job in aws_glue_job.this : job.execution_property[0].max_concurrent_runs == 1])
    error_message = "Two runs of one job would overwrite each other's table."
  }

  assert {
    condition     = alltrue([for job in aws_glue_job.this : job.security_configuration == null && length(coalesce(job.connections, [])) == 0])
    error_message = "No key or VPC unless given."
  }
}

run "the_erasure_job_runs_on_request_only" {
  command = plan

  module {
    source = "./modules/jobs"
  }

  assert {
    condition     = output.forget_job == "stedi-test-forget" && aws_glue_job.this["forget"].role_arn == var.forget_role_arn
    error_message = "Got ${output.forget_job} with ${aws_glue_job.this["forget"].role_arn}."
  }

  assert {
    condition     = output.rollback_job == "stedi-test-rollback" && aws_glue_job.this["rollback"].role_arn == var.role_arn
    error_message = "Got ${output.rollback_job} with ${aws_glue_job.this["rollback"].role_arn}."
  }

  assert {
    condition     = alltrue([for job in keys(output.jobs) : aws_glue_job.this[job].role_arn == var.role_arn]) && keys(output.jobs) == keys(output.job_tables) && length(setintersection(keys(output.jobs), ["forget", "rollback"])) == 0
    error_message = "Only that job can erase; got ${jsonencode(output.jobs)}."
  }

  assert {
    condition     = length(setintersection(flatten([for trigger in concat([aws_glue_trigger.start], values(aws_glue_trigger.after)) : concat(trigger.actions[*].job_name, flatten(trigger.predicate[*].conditions[*].job_name))]), ["stedi-test-forget", "stedi-test-rollback"])) == 0
    error_message = "No trigger starts it or waits for it."
  }
}

run "every_job_knows_iceberg_and_gets_its_files_and_arguments" {
  command = plan

  module {
    source = "./modules/jobs"
  }

  assert {
    condition = alltrue([
      for job in aws_glue_job.this : toset(split(" --conf ", job.default_arguments["--conf"])) == toset([
        "spark.sql.extensions=org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.catalog.glue_catalog=org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.glue_catalog.catalog-impl=org.apache.iceberg.aws.glue.GlueCatalog",
        "spark.sql.catalog.glue_catalog.io-impl=org.apache.iceberg.aws.s3.S3FileIO",
        "spark.sql.catalog.glue_catalog.warehouse=s3://our-data/warehouse",
        "spark.sql.catalog.glue_catalog.cache-enabled=false",
        "spark.sql.iceberg.compression-codec=zstd",
        "spark.sql.session.timeZone=UTC",
      ])
    ])
    error_message = "The single --conf carries the whole catalog; got ${aws_glue_job.this["machine_learning_curated"].default_arguments["--conf"]}."
  }

  assert {
    condition     = alltrue([for job in aws_glue_job.this : job.default_arguments["--datalake-formats"] == "iceberg"])
    error_message = "Without --datalake-formats there is no Iceberg on the class path."
  }

  assert {
    condition     = alltrue([for job in aws_glue_job.this : job.command[0].name == "glueetl" && job.command[0].python_version == "3"])
    error_message = "Every job is a Spark job in Python 3."
  }

  assert {
    condition     = alltrue([for name, job in aws_glue_job.this : job.command[0].script_location == "s3://our-data/glue/scripts/${name}.py"])
    error_message = "A job runs the script of its own name."
  }

  assert {
    condition = alltrue([
      for job in aws_glue_job.this : toset(split(",", job.default_arguments["--extra-py-files"])) == toset([
        for file in fileset("../glue_jobs", "*/*.py") : "s3://our-data/glue/scripts/${basename(file)}"
      ])
    ])
    error_message = "Every file of glue_jobs/ reaches every job; got ${aws_glue_job.this["machine_learning_curated"].default_arguments["--extra-py-files"]}."
  }

  assert {
    condition = alltrue([
      for job in aws_glue_job.this : toset(split(",", job.default_arguments["--extra-files"])) == toset([
        for file in concat(tolist(fileset("../ddl", "*.sql")), ["pipeline.json", "policies.json"]) : "s3://our-data/glue/${endswith(file, ".sql") ? "ddl" : "scripts"}/${file}"
      ])
    ])
    error_message = "Every DDL file, every audit, and what is declared of tables and policies reaches every job."
  }

  assert {
    condition     = alltrue([for table in values(local.workflow_jobs)[*].table : contains(keys(aws_s3_object.ddl), "${table}.audit.sql")])
    error_message = "Every table that a job publishes has its rules among them."
  }

  assert {
    condition     = alltrue([for job in aws_glue_job.this : job.default_arguments["--subject_key_secret"] == var.subject_key_secret_arn && job.default_arguments["--refusal_key_secret"] == var.refusal_key_secret_arn])
    error_message = "Every job knows where the keys of the pseudonyms are."
  }

  assert {
    condition = alltrue([
      for file, object in merge(aws_s3_object.script, aws_s3_object.ddl, aws_s3_object.declaration) : object.source_hash == filemd5(object.source)
    ])
    error_message = "A changed file is uploaded again."
  }

  assert {
    condition     = alltrue([for job in aws_glue_job.this : length(setintersection(["--enable-metrics", "--enable-observability-metrics"], keys(job.default_arguments))) == 0])
    error_message = "Glue treats the key as true whatever its value."
  }

  assert {
    condition     = alltrue([for job in aws_glue_job.this : job.default_arguments["--profile"] == "published"])
    error_message = "Every job gets the profile."
  }

  assert {
    condition     = alltrue([for job in aws_glue_job.this : !contains(keys(job.default_arguments), "--policies")])
    error_message = "A policy that is not set must not override the profile's."
  }
}

run "variables_reach_every_job" {
  command = plan

  module {
    source = "./modules/jobs"
  }

  variables {
    timeout            = 7
    max_retries        = 2
    worker_type        = "G.2X"
    number_of_workers  = 3
    execution_class    = "FLEX"
    glue_version       = "5.0"
    metrics_enabled    = true
    log_retention_days = 14
    arguments          = { profile = "strict", policies = "{\"customer_records\":\"latest\"}" }
  }

  assert {
    condition     = alltrue([for name, job in aws_glue_job.this : job.timeout == 7 && job.max_retries == (contains(["forget", "rollback"], name) ? 0 : 2)])
    error_message = "Timeout and retries are the variables', not Glue's 48 hours."
  }

  assert {
    condition     = alltrue([for job in aws_glue_job.this : job.worker_type == "G.2X" && job.number_of_workers == 3 && job.execution_class == "FLEX" && job.glue_version == "5.0"])
    error_message = "Workers, execution class and Glue version are the variables'."
  }

  assert {
    condition     = alltrue([for job in aws_glue_job.this : job.default_arguments["--profile"] == "strict" && jsondecode(job.default_arguments["--policies"]) == { customer_records = "latest" }])
    error_message = "Every job gets the profile, and the policy that is set."
  }

  assert {
    condition     = alltrue([for job in aws_glue_job.this : job.default_arguments["--database"] == "stedi_test" && job.default_arguments["--bucket"] == "our-data"])
    error_message = "Every job knows database and bucket."
  }

  assert {
    condition     = alltrue([for job in aws_glue_job.this : job.default_arguments["--enable-metrics"] == "true" && job.default_arguments["--enable-observability-metrics"] == "true"])
    error_message = "Both kinds of metrics are on."
  }

  assert {
    condition     = output.log_groups == { for key, stream in { error = "error", output = "output", forget_error = "error", forget_output = "output" } : key => "${aws_glue_job.this["machine_learning_curated"].default_arguments["--custom-logGroup-prefix"]}/${stream}" }
    error_message = "Glue writes to <prefix>/error and <prefix>/output; got ${jsonencode(output.log_groups)}."
  }

  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.jobs : group.retention_in_days == 14])
    error_message = "Logs are kept as long as the variable says."
  }
}

run "single_jobs_differ_a_schedule_starts_them_and_key_and_vpc_hold_for_all" {
  command = plan

  module {
    source = "./modules/jobs"
  }

  variables {
    schedule        = "cron(0 3 * * ? *)"
    connections     = ["stedi-test-a", "stedi-test-b"]
    kms_key_arn     = "arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"
    role_arn        = "arn:aws:iam::111122223333:role/data/jobs"
    forget_role_arn = "arn:aws:iam::111122223333:role/data/forget"
    job_settings = {
      machine_learning_curated    = { worker_type = "G.2X", number_of_workers = 5, timeout = 90, max_retries = 0, execution_class = "FLEX" }
      customer_landing_to_trusted = { timeout = 6 }
    }
  }

  assert {
    condition     = aws_glue_trigger.start.type == "SCHEDULED" && aws_glue_trigger.start.schedule == "cron(0 3 * * ? *)" && aws_glue_trigger.start.enabled && aws_glue_trigger.start.start_on_creation
    error_message = "A scheduled trigger that is not activated never fires."
  }

  assert {
    condition = { for name, job in aws_glue_job.this : name => [job.worker_type, job.number_of_workers, job.timeout, job.max_retries, job.execution_class] } == {
      customer_landing_to_trusted      = ["G.1X", 2, 6, 1, "STANDARD"]
      accelerometer_landing_to_trusted = ["G.1X", 2, 30, 1, "STANDARD"]
      customer_trusted_to_curated      = ["G.1X", 2, 30, 1, "STANDARD"]
      step_trainer_landing_to_trusted  = ["G.1X", 2, 30, 1, "STANDARD"]
      machine_learning_curated         = ["G.2X", 5, 90, 0, "FLEX"]
      forget                           = ["G.1X", 2, 30, 0, "STANDARD"]
      rollback                         = ["G.1X", 2, 30, 0, "STANDARD"]
    }
    error_message = "A setting of a single job is for that job alone."
  }

  assert {
    condition     = [aws_glue_job.this["machine_learning_curated"].notification_property[0].notify_delay_after, aws_glue_job.this["customer_landing_to_trusted"].notification_property[0].notify_delay_after] == [72, 5]
    error_message = "A run is announced as slow after four fifths of its timeout."
  }

  assert {
    condition     = alltrue([for job in aws_glue_job.this : job.connections == tolist(["stedi-test-a", "stedi-test-b"])])
    error_message = "Every job runs in the VPC."
  }

  assert {
    condition     = alltrue([for job in aws_glue_job.this : job.security_configuration == aws_glue_security_configuration.this.name])
    error_message = "Every job has the security configuration."
  }

  assert {
    condition = jsonencode(aws_glue_security_configuration.this.encryption_configuration[0]) == jsonencode({
      cloudwatch_encryption    = [{ cloudwatch_encryption_mode = "SSE-KMS", kms_key_arn = var.kms_key_arn }]
      job_bookmarks_encryption = [{ job_bookmarks_encryption_mode = "CSE-KMS", kms_key_arn = var.kms_key_arn }]
      s3_encryption            = [{ kms_key_arn = var.kms_key_arn, s3_encryption_mode = "SSE-KMS" }]
    })
    error_message = "What the jobs write and log is encrypted with the key; got ${jsonencode(aws_glue_security_configuration.this.encryption_configuration)}."
  }

  assert {
    condition = output.log_groups == {
      error         = "/aws-glue/jobs/stedi-test/stedi-test-role/data/jobs/error"
      output        = "/aws-glue/jobs/stedi-test/stedi-test-role/data/jobs/output"
      forget_error  = "/aws-glue/jobs/stedi-test/stedi-test-role/data/forget/error"
      forget_output = "/aws-glue/jobs/stedi-test/stedi-test-role/data/forget/output"
    }
    error_message = "Under a security configuration Glue puts its name and the role's path and name into those of the log groups; got ${jsonencode(output.log_groups)}."
  }

  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.jobs : group.retention_in_days == 30])
    error_message = "All log groups have the retention."
  }

  assert {
    condition     = output.max_retries == 1
    error_message = "One retry is the most; got ${output.max_retries}."
  }

  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.jobs : group.kms_key_id == var.kms_key_arn])
    error_message = "The log groups are encrypted with the key."
  }
}

run "glue_6_decodes_text_that_is_not_utf_8_as_before" {
  command = plan

  module {
    source = "./modules/jobs"
  }

  variables {
    glue_version = "6.0"
  }

  assert {
    condition     = alltrue([for job in aws_glue_job.this : job.glue_version == "6.0" && strcontains(job.default_arguments["--conf"], "spark.sql.legacy.codingErrorAction=true")])
    error_message = "Got ${aws_glue_job.this["forget"].default_arguments["--conf"]}."
  }
}

run "one_job_for_all_steps" {
  command = plan

  module {
    source = "./modules/jobs"
  }

  variables {
    orchestration = "single_job"
  }

  assert {
    condition     = output.jobs.all_steps == output.last_job && join(",", keys(output.jobs)) == "all_steps" && join(",", keys(aws_glue_job.this)) == "all_steps,forget,rollback"
    error_message = "Got ${jsonencode(output.jobs)}."
  }

  assert {
    condition     = aws_glue_trigger.start.actions[*].job_name == tolist(["stedi-test-all-steps"]) && length(aws_glue_trigger.after) == 0
    error_message = "It starts with the workflow, and nothing follows it."
  }

  assert {
    condition     = aws_glue_job.this["all_steps"].command[0].script_location == "s3://our-data/glue/scripts/all_steps.py" && jsonencode(aws_glue_job.this["all_steps"].default_arguments) == jsonencode(output.job_arguments)
    error_message = "It has its script and the arguments of every job."
  }

  assert {
    condition     = length(output.job_tables) == 5
    error_message = "The steps are those of the workflow; got ${jsonencode(output.job_tables)}."
  }
}

run "settings_of_a_job_that_does_not_exist_are_refused" {
  command = plan

  module {
    source = "./modules/jobs"
  }

  variables {
    job_settings = { customer_curated = { timeout = 5 } }
  }

  expect_failures = [var.job_settings]
}

run "a_profile_sets_declared_values_only" {
  command = plan

  module {
    source = "./modules/jobs"
  }

  variables {
    scripts_path = "./tests/fixtures/profile_with_an_unknown_value"
  }

  expect_failures = [aws_s3_object.declaration]
}
