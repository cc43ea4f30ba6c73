mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  environment = "test"
}

run "every_name_starts_with_prefix_and_environment" {
  command = apply

  variables {
    network = { cidr_block = "10.0.0.0/24" }
  }

  override_module {
    target = module.iam
    outputs = {
      job_role_arn    = "arn:aws:iam::111122223333:role/jobs"
      forget_role_arn = "arn:aws:iam::111122223333:role/forget"
    }
  }

  override_resource {
    target = module.monitoring.aws_sns_topic.job_failures
    values = {
      arn = "arn:aws:sns:eu-central-1:111122223333:failures"
    }
  }

  assert {
    condition     = output.bucket == "stedi-test-lakehouse-111122223333"
    error_message = "The bucket's name carries prefix, environment and account; got ${output.bucket}."
  }

  assert {
    condition     = output.database == "stedi_test"
    error_message = "Athena does not allow hyphens in database names; got ${output.database}."
  }

  assert {
    condition     = output.audit_database == "stedi_test_audit" && output.forget_job == "stedi-test-forget"
    error_message = "Got ${output.audit_database} and ${output.forget_job}."
  }

  assert {
    condition     = output.workflow == "stedi-test-lakehouse" && output.athena_workgroup == "stedi-test"
    error_message = "Got workflow ${output.workflow} and workgroup ${output.athena_workgroup}."
  }

  assert {
    condition     = output.jobs["machine_learning_curated"] == "stedi-test-machine-learning-curated"
    error_message = "Got ${jsonencode(output.jobs)}."
  }

  assert {
    condition     = output.region == "eu-central-1"
    error_message = "Got ${output.region}."
  }

  assert {
    condition     = output.s3_endpoint_id != null && output.vpc_id != null && output.failure_topic_arn == "arn:aws:sns:eu-central-1:111122223333:failures"
    error_message = "Both exist unless disabled."
  }

  assert {
    condition     = output.dashboard == "stedi-test" && output.alarms == ["stedi-test-job-failures-undelivered", "stedi-test-job-delays-undelivered"]
    error_message = "Got ${jsonencode(output.dashboard)} and ${jsonencode(output.alarms)}."
  }

  assert {
    condition     = output.console_links["workflow"] == "https://eu-central-1.console.aws.amazon.com/glue/home?region=eu-central-1#/v2/etl-configuration/workflows/view/stedi-test-lakehouse" && strcontains(output.console_links["dashboard"], "stedi-test")
    error_message = "Got ${jsonencode(output.console_links)}."
  }
}

run "longest_names_fit_into_a_bucket_name" {
  command = plan

  variables {
    name_prefix = "a-20-characters-name"
    environment = "fifteen-letters"
  }

  assert {
    condition     = output.bucket == "a-20-characters-name-fifteen-letters-lakehouse-111122223333" && length(output.bucket) <= 63
    error_message = "S3 allows 63 characters; ${output.bucket} has ${length(output.bucket)}."
  }

  assert {
    condition     = output.database == "a_20_characters_name_fifteen_letters"
    error_message = "Got ${output.database}."
  }
}

run "profile_and_policies_reach_the_jobs" {
  command = plan

  variables {
    profile = "strict"
    policies = {
      accelerometer_consent = "any"
      step_trainer_consent  = "since_consent"
      customer_records      = "each"
      shared_serial_number  = "any_owner"
      training_match        = "timestamp_and_customer"
      unmatched_steps       = "keep"
      training_subject      = "pseudonym"
      curated_identity      = "pseudonym"
    }
  }

  assert {
    condition     = output.job_arguments["--profile"] == "strict"
    error_message = "Got ${output.job_arguments["--profile"]}."
  }

  assert {
    condition = jsondecode(output.job_arguments["--policies"]) == {
      accelerometer_consent = "any"
      step_trainer_consent  = "since_consent"
      customer_records      = "each"
      shared_serial_number  = "any_owner"
      training_match        = "timestamp_and_customer"
      unmatched_steps       = "keep"
      training_subject      = "pseudonym"
      curated_identity      = "pseudonym"
    }
    error_message = "The jobs get what the caller sets; got ${output.job_arguments["--policies"]}."
  }
}

run "table_optimizers_keep_the_history_instead_of_the_jobs" {
  command = plan

  variables {
    table_optimizers = { enabled = true }
  }

  assert {
    condition     = output.job_arguments["--history"] == "null"
    error_message = "Got ${output.job_arguments["--history"]}."
  }
}

run "limits_reach_the_jobs_as_json" {
  command = plan

  variables {
    quarantine_limits = { customer_landing = { share = 0 }, step_trainer_landing = { rows = 5 } }
    row_count_change  = { growth = 2 }
    history           = { runs = 7 }
  }

  assert {
    condition = jsondecode(output.job_arguments["--quarantine_limits"]) == {
      accelerometer_landing = { share = 0.01, rows = 1000 }
      customer_landing      = { share = 0, rows = 1000 }
      step_trainer_landing  = { share = 0.01, rows = 5 }
    }
    error_message = "Limits that are not set have their defaults; got ${output.job_arguments["--quarantine_limits"]}."
  }

  assert {
    condition     = jsondecode(output.job_arguments["--row_count_change"]) == { drop = 0.5, growth = 2 }
    error_message = "Got ${output.job_arguments["--row_count_change"]}."
  }

  assert {
    condition     = jsondecode(output.job_arguments["--history"]) == { runs = 7, days = 90 }
    error_message = "Got ${output.job_arguments["--history"]}."
  }

  assert {
    condition     = !contains(keys(output.job_arguments), "--policies")
    error_message = "A policy that is not set must not override the profile's; got ${jsonencode(keys(output.job_arguments))}."
  }
}

run "bucket_name_can_be_given_and_without_a_network_there_is_no_endpoint" {
  command = plan

  variables {
    bucket_name            = "our-data"
    failure_events_enabled = false
    dashboard_enabled      = false
  }

  assert {
    condition     = length(module.network) == 0 && output.s3_endpoint_id == null && output.vpc_id == null && output.failure_topic_arn == null && length(output.alarms) == 0 && output.dashboard == null
    error_message = "None exists if disabled."
  }

  assert {
    condition     = output.bucket == "our-data"
    error_message = "Got ${output.bucket}."
  }

  assert {
    condition     = output.landing_uris["step_trainer_landing"] == "s3://our-data/step_trainer/landing/"
    error_message = "Landing follows the bucket; got ${jsonencode(output.landing_uris)}."
  }
}
