# Breaks every rule of variables.tf at least once. A run breaks many variables, since a run takes a second, and passes only if
# exactly the listed variables are refused.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  environment = "test"
}

run "values_of_another_shape" {
  command = plan

  variables {
    schedule                 = "every day at three"
    table_optimizers         = { snapshot_retention_days = 0 }
    lake_formation           = { enabled = true, analyst_principals = ["analyst"] }
    analyst_role_principals  = ["ann"]
    stale_after_hours        = 0.5
    budget                   = { monthly_limit = 0 }
    name_prefix              = "Stedi"
    environment              = "1dev"
    bucket_name              = "my.bucket"
    kms_key_arn              = "arn:aws:kms:eu-central-1:111122223333:alias/data"
    iam_path                 = "data"
    permissions_boundary_arn = "arn:aws:iam::111122223333:role/boundary"
    network                  = { cidr_block = "10.0.0.0/24" }
    vpc_jobs                 = { subnet_ids = ["vpc-0123456789abcdef0"] }
    tags                     = { "AWS:owner" = "me" }
    lifecycle_rules          = { noncurrent_version_days = 0 }
    glue_version             = "4.0"
    worker_type              = "Standard"
    number_of_workers        = 2.5
    timeout                  = 0
    max_retries              = -1
    profile                  = "lenient"
    policies                 = { consent = "any" }
    athena_scan_limit_bytes  = 1000
    log_retention_days       = 2
    failure_email            = "ops"
    subject_key_version      = 0
    quarantine_limits        = { customers = {} }
    row_count_change         = { drop = 1.5 }
    landing_sources          = [{ bucket = "Seed" }]
    training_split           = { validation = 0.5, test = 0.5 }
    history                  = { runs = 0 }
  }

  expect_failures = [
    var.landing_sources,
    var.name_prefix,
    var.environment,
    var.bucket_name,
    var.kms_key_arn,
    var.iam_path,
    var.permissions_boundary_arn,
    var.analyst_role_principals,
    var.vpc_jobs,
    var.tags,
    var.lifecycle_rules,
    var.glue_version,
    var.worker_type,
    var.number_of_workers,
    var.timeout,
    var.max_retries,
    var.profile,
    var.policies,
    var.athena_scan_limit_bytes,
    var.log_retention_days,
    var.failure_email,
    var.schedule,
    var.table_optimizers,
    var.lake_formation,
    var.stale_after_hours,
    var.budget,
    var.subject_key_version,
    var.quarantine_limits,
    var.row_count_change,
    var.training_split,
    var.history,
  ]
}

run "a_policy_has_declared_values_only" {
  command = plan

  variables {
    policies = { customer_records = "first" }
  }

  expect_failures = [var.policies]
}

run "a_policy_has_a_value" {
  command = plan

  variables {
    policies = { customer_records = null }
  }

  expect_failures = [var.policies]
}

run "values_out_of_range" {
  command = plan

  variables {
    schedule            = "cron(0 3 * * *)"
    table_optimizers    = { snapshots_to_keep = 1.5 }
    stale_after_hours   = 169
    budget              = { monthly_limit = 1, currency = "dollars" }
    execution_class     = "SPOT"
    name_prefix         = "abcdefghijklmnopqrstu"
    environment         = "abcdefghijklmnop"
    bucket_name         = "ab"
    lifecycle_rules     = { athena_result_days = 1.5 }
    iam_path            = "/da ta/"
    network             = { cidr_block = "10.0.0.0/24" }
    vpc_jobs            = { subnet_ids = [] }
    number_of_workers   = 1
    timeout             = 10081
    max_retries         = 11
    subject_key_version = 1.5
    quarantine_limits   = { customer_landing = { share = 1.5 } }
    row_count_change    = { growth = 0.5 }
    landing_sources     = [{ bucket = "seed", prefix = "/starter" }]
  }

  expect_failures = [
    var.landing_sources,
    var.execution_class,
    var.iam_path,
    var.vpc_jobs,
    var.name_prefix,
    var.environment,
    var.bucket_name,
    var.lifecycle_rules,
    var.number_of_workers,
    var.timeout,
    var.max_retries,
    var.schedule,
    var.table_optimizers,
    var.stale_after_hours,
    var.budget,
    var.subject_key_version,
    var.quarantine_limits,
    var.row_count_change,
  ]
}

run "values_that_end_badly_or_are_too_large" {
  command = plan

  variables {
    table_optimizers  = { orphan_file_days = 0 }
    budget            = { monthly_limit = 1, alert_percent = [0] }
    job_settings      = { machine_learning_curated = { timeout = 10081 } }
    name_prefix       = "stedi-"
    environment       = "dev-"
    bucket_name       = "data-"
    lifecycle_rules   = { incomplete_upload_days = 0 }
    kms_key_arn       = "arn:aws:kms:eu-west-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"
    iam_path          = "/data"
    network           = { cidr_block = "10.0.0.0/24" }
    vpc_jobs          = { subnet_ids = ["subnet-0123456789abcdef0"], interface_endpoints = ["glue", "logs", "secretsmanager", "sqs"] }
    number_of_workers = 300
    timeout           = 1.5
    quarantine_limits = { step_trainer_landing = { rows = 0.5 } }
    row_count_change  = { drop = -0.1 }
    start             = { on_arrival = { minutes = 16 } }
    landing_sources   = [{ bucket = "seed", kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:alias/seed" }]
  }

  expect_failures = [
    var.landing_sources,
    var.start,
    var.name_prefix,
    var.environment,
    var.bucket_name,
    var.lifecycle_rules,
    var.kms_key_arn,
    var.iam_path,
    var.vpc_jobs,
    var.number_of_workers,
    var.timeout,
    var.table_optimizers,
    var.budget,
    var.job_settings,
    var.quarantine_limits,
    var.row_count_change,
  ]
}

run "values_that_contradict_each_other" {
  command = plan

  variables {
    lake_formation         = { analyst_principals = ["arn:aws:iam::111122223333:role/analyst"] }
    stale_after_hours      = 24
    budget                 = { monthly_limit = 1 }
    bucket_name            = "our-data"
    access_logs            = { bucket = "our-data" }
    lifecycle_rules        = { quarantine_days = 0 }
    network                = { cidr_block = "10.0.0.0/24" }
    vpc_jobs               = { subnet_ids = ["subnet-0123456789abcdef0"], interface_endpoints = ["logs"] }
    execution_class        = "FLEX"
    failure_email          = "ops@example.org"
    start                  = { on_arrival = { minutes = 0.5 } }
    worker_type            = "G.4X"
    failure_events_enabled = false
  }

  expect_failures = [
    var.start,
    var.access_logs,
    var.lifecycle_rules,
    var.vpc_jobs,
    var.execution_class,
    var.failure_email,
    var.lake_formation,
    var.stale_after_hours,
    var.budget,
  ]
}

run "names_and_addresses_that_are_none" {
  command = plan

  variables {
    quarantine_limits = { accelerometer_landing = { rows = -1 } }
    budget            = { monthly_limit = 1, emails = ["boss"] }
    job_settings      = { machine_learning_curated = { worker_type = "Standard" } }
    access_logs       = { bucket = "Our_Logs" }
    network           = { cidr_block = "10.0.0.0/24" }
    start             = { on_arrival = { files = 101 } }
    vpc_jobs          = { subnet_ids = ["subnet-0123456789abcdef0"], interface_endpoints = [], egress_cidr_blocks = ["10.0.0.0"] }
  }

  expect_failures = [
    var.start,
    var.budget,
    var.job_settings,
    var.access_logs,
    var.vpc_jobs,
    var.quarantine_limits,
  ]
}

run "a_single_job_that_contradicts_the_others" {
  command = plan

  variables {
    execution_class = "FLEX"
    job_settings    = { machine_learning_curated = { worker_type = "G.4X" } }
  }

  expect_failures = [var.job_settings]
}

run "a_vpc_that_is_none" {
  command = plan

  variables {
    network = { vpc_id = "subnet-0123456789abcdef0" }
  }

  expect_failures = [var.network]
}

run "route_tables_that_are_none" {
  command = plan

  variables {
    network = { vpc_id = "vpc-0123456789abcdef0", route_table_ids = ["rtb-xyz"] }
  }

  expect_failures = [var.network]
}

run "route_tables_with_a_network_that_is_created" {
  command = plan

  variables {
    network = { cidr_block = "10.0.0.0/24", route_table_ids = ["rtb-0123456789abcdef0"] }
  }

  expect_failures = [var.network]
}

run "a_network_both_made_and_named" {
  command = plan

  variables {
    network = { cidr_block = "10.0.0.0/24", vpc_id = "vpc-0123456789abcdef0" }
  }

  expect_failures = [var.network]
}

run "a_network_neither_made_nor_named" {
  command = plan

  variables {
    network = {}
  }

  expect_failures = [var.network]
}

run "a_network_too_small_for_its_subnets" {
  command = plan

  variables {
    network = { cidr_block = "10.0.0.0/27" }
  }

  expect_failures = [var.network]
}

run "a_network_in_half_a_zone" {
  command = plan

  variables {
    network = { cidr_block = "10.0.0.0/24", zones = 1.5 }
  }

  expect_failures = [var.network]
}

run "jobs_in_no_network" {
  command = plan

  variables {
    vpc_jobs = { subnet_ids = ["subnet-0123456789abcdef0"] }
  }

  expect_failures = [var.vpc_jobs]
}

run "jobs_somewhere_in_a_named_network" {
  command = plan

  variables {
    network  = { vpc_id = "vpc-0123456789abcdef0" }
    vpc_jobs = {}
  }

  expect_failures = [var.vpc_jobs]
}

run "code_that_is_not_where_it_is_looked_for" {
  command = plan

  variables {
    ddl_path     = "./modules"
    scripts_path = "./modules"
  }

  expect_failures = [var.ddl_path, var.scripts_path]
}

# Without the jobs: provider 5.100 does not support these workers, later versions do.
run "workers_that_glue_has_got_since" {
  command = plan

  override_module {
    target = module.jobs
    outputs = {
      jobs          = {}
      forget_job    = "forget"
      job_arguments = {}
      job_tables    = {}
      workflow      = "workflow"
      last_job      = "last"
      max_retries   = 1
      log_groups    = { error = "/error", output = "/output", forget_error = "/error", forget_output = "/output" }
    }
  }

  variables {
    worker_type  = "G.12X"
    job_settings = { machine_learning_curated = { worker_type = "R.8X" } }
  }

  assert {
    condition     = output.workflow == "workflow"
    error_message = "Both are workers of Glue."
  }
}

run "glue_6_is_accepted_and_5_1_is_the_default" {
  command = plan

  variables {
    glue_version = "6.0"
  }

  assert {
    condition     = var.glue_version == "6.0" && length(output.jobs) == 5
    error_message = "Got ${var.glue_version}."
  }
}

run "every_rule_kept" {
  command = plan

  override_data {
    target = module.network[0].data.aws_subnet.jobs
    values = {
      vpc_id = "vpc-0123456789abcdef0"
    }
  }

  variables {
    schedule                 = "cron(15 2 ? * MON-FRI *)"
    table_optimizers         = { enabled = true, compaction = false }
    lake_formation           = { enabled = true, analyst_principals = ["arn:aws:iam::111122223333:role/data/analyst"] }
    stale_after_hours        = 168
    budget                   = { monthly_limit = 0.5, emails = ["boss@example.org"] }
    job_settings             = { customer_landing_to_trusted = { worker_type = "G.8X", execution_class = "STANDARD" }, machine_learning_curated = { worker_type = "G.1X", execution_class = "STANDARD", number_of_workers = 2, timeout = 1, max_retries = 10 } }
    bucket_name              = "our-data"
    kms_key_arn              = "arn:aws:kms:eu-central-1:111122223333:key/mrk-0123456789abcdef0123456789abcdef"
    iam_path                 = "/data/lake/"
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/data/boundary"
    access_logs              = { bucket = "our-logs", prefix = "" }
    vpc_jobs                 = { subnet_ids = ["subnet-0123456789abcdef0"], interface_endpoints = ["kms", "sts"], egress_cidr_blocks = ["10.0.0.0/16"] }
    tags                     = { Owner = "research" }
    lifecycle_rules          = { noncurrent_version_days = 1 }
    network                  = { vpc_id = "vpc-0123456789abcdef0", route_table_ids = ["rtb-0123456789abcdef0", "rtb-01234567"] }
    glue_version             = "5.0"
    worker_type              = "G.2X"
    number_of_workers        = 299
    timeout                  = 10080
    max_retries              = 0
    execution_class          = "FLEX"
    profile                  = "strict"
    policies = {
      accelerometer_consent = "any"
      step_trainer_consent  = "since_consent"
      customer_records      = "latest"
      shared_serial_number  = "all_owners"
      training_match        = "timestamp_and_customer"
      unmatched_steps       = "keep"
      training_subject      = "pseudonym"
      curated_identity      = "pseudonym"
    }
    subject_key_version     = 2
    quarantine_limits       = { customer_landing = { share = 0, rows = 0 }, step_trainer_landing = { share = 1 } }
    row_count_change        = { drop = 0, growth = 1 }
    athena_scan_limit_bytes = null
    log_retention_days      = 1
    failure_email           = "ops@example.org"
  }

  assert {
    condition     = length(output.jobs) == 5
    error_message = "A valid configuration plans five jobs."
  }
}
