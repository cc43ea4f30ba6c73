# Starting by arrival: what exists with start.on_arrival, and that nothing of it does without.

mock_provider "aws" {
  source = "./tests/mocks"

  mock_resource "aws_cloudwatch_event_rule" {
    defaults = {
      arn = "arn:aws:events:eu-central-1:111122223333:rule/stedi-test-arrival"
    }
  }

  mock_resource "aws_glue_workflow" {
    defaults = {
      arn = "arn:aws:glue:eu-central-1:111122223333:workflow/stedi-test-lakehouse"
    }
  }

  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::111122223333:role/stedi-test-arrival"
    }
  }
}

variables {
  environment = "test"

  # Of modules/jobs.
  prefix                 = ""
  name                   = "stedi-test"
  workflow               = "stedi-test-lakehouse"
  bucket                 = "our-data"
  landing_prefixes       = ["customer/landing", "accelerometer/landing"]
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
  kms_key_arn            = null
  metrics_enabled        = false
  log_retention_days     = 30
  tags                   = {}
}

run "files_that_arrive_start_the_workflow" {
  command = apply

  module {
    source = "./modules/jobs"
  }

  variables {
    start                    = { on_arrival = { files = 50, minutes = 3 } }
    prefix                   = "teams/stedi/"
    global_suffix            = "-eu-central-1"
    iam_path                 = "/data/"
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/boundary"
  }

  assert {
    condition     = aws_glue_trigger.start.type == "EVENT" && one(aws_glue_trigger.start.event_batching_condition).batch_size == 50 && one(aws_glue_trigger.start.event_batching_condition).batch_window == 180
    error_message = "Got ${jsonencode(aws_glue_trigger.start.event_batching_condition)}."
  }

  assert {
    condition     = aws_glue_trigger.start.enabled == false && aws_glue_trigger.start.schedule == null
    error_message = "Glue refuses to create an EVENT trigger that is enabled (terraform-provider-aws#28630)."
  }

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.arrival[0].event_pattern) == {
      source      = ["aws.s3"]
      detail-type = ["Object Created"]
      detail = {
        bucket = { name = ["our-data"] }
        object = { key = [{ prefix = "teams/stedi/customer/landing/" }, { prefix = "teams/stedi/accelerometer/landing/" }] }
      }
    }
    error_message = "Only landing files count; got ${aws_cloudwatch_event_rule.arrival[0].event_pattern}."
  }

  assert {
    condition     = aws_cloudwatch_event_target.arrival[0].arn == aws_glue_workflow.this.arn && aws_cloudwatch_event_target.arrival[0].role_arn == aws_iam_role.arrival[0].arn
    error_message = "The rule notifies the workflow in its own role."
  }

  assert {
    condition     = aws_iam_role.arrival[0].name == "stedi-test-arrival-eu-central-1" && aws_iam_role.arrival[0].path == "/data/" && aws_iam_role.arrival[0].permissions_boundary == "arn:aws:iam::111122223333:policy/boundary"
    error_message = "Got ${aws_iam_role.arrival[0].name} in ${aws_iam_role.arrival[0].path}."
  }

  assert {
    condition     = [for statement in data.aws_iam_policy_document.arrival[0].statement : [statement.actions, statement.resources]] == [[toset(["glue:NotifyEvent"]), toset(["arn:aws:glue:eu-central-1:111122223333:workflow/stedi-test-lakehouse"])]]
    error_message = "The role may notify the workflow and nothing else; got ${jsonencode(data.aws_iam_policy_document.arrival[0].statement)}."
  }

  assert {
    condition     = one(data.aws_iam_policy_document.arrival_trust[0].statement[0].condition) == { test = "ArnEquals", variable = "aws:SourceArn", values = tolist(["arn:aws:events:eu-central-1:111122223333:rule/stedi-test-arrival"]) }
    error_message = "No other rule may use the role; got ${jsonencode(data.aws_iam_policy_document.arrival_trust[0].statement)}."
  }

  # The second run waits for the lease, in its first job alone.
  assert {
    condition = aws_glue_workflow.this.max_concurrent_runs == 2 && { for name, job in aws_glue_job.this : name => one(job.execution_property).max_concurrent_runs } == {
      customer_landing_to_trusted      = 2
      accelerometer_landing_to_trusted = 1
      customer_trusted_to_curated      = 1
      step_trainer_landing_to_trusted  = 1
      machine_learning_curated         = 1
      forget                           = 1
      rollback                         = 1
    }
    error_message = "Got ${jsonencode({ for name, job in aws_glue_job.this : name => job.execution_property })}."
  }
}

run "they_start_the_job_of_all_steps" {
  command = plan

  module {
    source = "./modules/jobs"
  }

  variables {
    start         = { on_arrival = { files = 1, minutes = 1 } }
    orchestration = "single_job"
  }

  assert {
    condition     = aws_glue_trigger.start.type == "EVENT" && aws_glue_trigger.start.actions[*].job_name == tolist(["stedi-test-all-steps"]) && one(aws_glue_job.this["all_steps"].execution_property).max_concurrent_runs == 2
    error_message = "Got ${aws_glue_trigger.start.type} and ${jsonencode(aws_glue_job.this["all_steps"].execution_property)}."
  }
}

run "the_bucket_of_the_module_reports_to_eventbridge" {
  command = plan

  module {
    source = "./modules/storage"
  }

  variables {
    bucket_name    = "our-data"
    force_destroy  = false
    access_logs    = null
    require_tls    = true
    events_enabled = true
    lifecycle_rules = {
      enabled                 = true
      incomplete_upload_days  = 7
      noncurrent_version_days = 30
      athena_result_days      = 14
      quarantine_days         = 90
      parsed_row_days         = 30
      forget_request_days     = 7
    }
  }

  assert {
    condition     = aws_s3_bucket_notification.this[0].eventbridge
    error_message = "Without it no rule gets an event."
  }
}

run "the_notifications_of_an_existing_bucket_are_its_owners" {
  command = plan

  variables {
    start           = { on_arrival = {} }
    existing_bucket = { name = "shared", prefix = "teams/stedi" }
  }

  assert {
    condition     = length(module.storage) == 0
    error_message = "A bucket has one notification configuration, which the module would replace."
  }
}

run "arrival_and_a_schedule" {
  command = plan

  variables {
    start    = { on_arrival = {} }
    schedule = "cron(0 3 * * ? *)"
  }

  expect_failures = [var.start]
}
