# Every rule of variables.tf, broken at least once. One run breaks many variables (a run costs a second), and passes only
# when each of those that it lists is refused, and no other.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  environment = "test"
}

run "values_of_another_shape" {
  command = plan

  variables {
    name_prefix             = "Stedi"
    environment             = "1dev"
    bucket_name             = "my.bucket"
    tags                    = { "AWS:owner" = "me" }
    lifecycle_rules         = { noncurrent_version_days = 0 }
    vpc_id                  = "subnet-0123456789abcdef0"
    glue_version            = "4.0"
    worker_type             = "Standard"
    number_of_workers       = 2.5
    timeout                 = 0
    max_retries             = -1
    profile                 = "lenient"
    accelerometer_consent   = "never"
    step_trainer_consent    = "never"
    customer_records        = "first"
    shared_serial_number    = "some_owners"
    training_match          = "customer"
    unmatched_steps         = ""
    athena_scan_limit_bytes = 1000
    log_retention_days      = 2
    failure_email           = "ops"
  }

  expect_failures = [
    var.name_prefix,
    var.environment,
    var.bucket_name,
    var.tags,
    var.lifecycle_rules,
    var.vpc_id,
    var.glue_version,
    var.worker_type,
    var.number_of_workers,
    var.timeout,
    var.max_retries,
    var.profile,
    var.accelerometer_consent,
    var.step_trainer_consent,
    var.customer_records,
    var.shared_serial_number,
    var.training_match,
    var.unmatched_steps,
    var.athena_scan_limit_bytes,
    var.log_retention_days,
    var.failure_email,
  ]
}

run "values_out_of_range" {
  command = plan

  variables {
    route_table_ids   = ["rtb-xyz"]
    vpc_id            = "vpc-0123456789abcdef0"
    execution_class   = "SPOT"
    name_prefix       = "abcdefghijklmnopqrstu"
    environment       = "abcdefghijklmnop"
    bucket_name       = "ab"
    lifecycle_rules   = { athena_result_days = 1.5 }
    number_of_workers = 1
    timeout           = 10081
    max_retries       = 11
  }

  expect_failures = [
    var.route_table_ids,
    var.execution_class,
    var.name_prefix,
    var.environment,
    var.bucket_name,
    var.lifecycle_rules,
    var.number_of_workers,
    var.timeout,
    var.max_retries,
  ]
}

run "values_that_end_badly_or_are_too_large" {
  command = plan

  variables {
    name_prefix       = "stedi-"
    environment       = "dev-"
    bucket_name       = "data-"
    lifecycle_rules   = { incomplete_upload_days = 0 }
    number_of_workers = 300
    timeout           = 1.5
  }

  expect_failures = [
    var.name_prefix,
    var.environment,
    var.bucket_name,
    var.lifecycle_rules,
    var.number_of_workers,
    var.timeout,
  ]
}

run "values_that_contradict_each_other" {
  command = plan

  variables {
    route_table_ids        = ["rtb-0123456789abcdef0"]
    execution_class        = "FLEX"
    failure_email          = "ops@example.org"
    worker_type            = "G.4X"
    failure_events_enabled = false
  }

  expect_failures = [
    var.route_table_ids,
    var.execution_class,
    var.failure_email,
  ]
}

run "every_rule_kept" {
  command = plan

  variables {
    bucket_name             = "our-data"
    tags                    = { Owner = "research" }
    lifecycle_rules         = { noncurrent_version_days = 1 }
    vpc_id                  = "vpc-0123456789abcdef0"
    route_table_ids         = ["rtb-0123456789abcdef0", "rtb-01234567"]
    glue_version            = "5.0"
    worker_type             = "G.2X"
    number_of_workers       = 299
    timeout                 = 10080
    max_retries             = 0
    execution_class         = "FLEX"
    profile                 = "strict"
    accelerometer_consent   = "any"
    step_trainer_consent    = "since_consent"
    customer_records        = "latest"
    shared_serial_number    = "all_owners"
    training_match          = "timestamp_and_customer"
    unmatched_steps         = "keep"
    athena_scan_limit_bytes = null
    log_retention_days      = 1
    failure_email           = "ops@example.org"
  }

  assert {
    condition     = length(output.jobs) == 5
    error_message = "A valid configuration plans five jobs."
  }
}
