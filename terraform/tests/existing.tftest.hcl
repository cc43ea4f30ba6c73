# Resources that exist already: the module uses them, creates none of their kind, and keeps to its prefix of the bucket.

mock_provider "aws" {
  source = "./tests/mocks"
}

# Renders the policies; it makes no API call, because every data source that would is overridden.
provider "aws" {
  alias                       = "real"
  region                      = "eu-central-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

variables {
  environment = "test"
}

run "existing_resources_are_used_and_none_of_their_kind_is_created" {
  command = plan

  variables {
    existing_bucket    = { name = "shared", prefix = "teams/stedi" }
    existing_database  = { name = "analytics" }
    existing_roles     = { jobs_arn = "arn:aws:iam::111122223333:role/etl", forget_arn = "arn:aws:iam::111122223333:role/dpo/erase" }
    existing_topic     = { arn = "arn:aws:sns:eu-central-1:111122223333:alerts" }
    existing_workgroup = { name = "primary" }
    existing_secrets = {
      subject_key_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:subject-AbCdEf"
      refusal_key_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:refusal-AbCdEf"
    }
    budget = { monthly_limit = 1 }
  }

  assert {
    condition     = length(module.storage) + length(module.subject_key) + length(module.refusal_key) == 0
    error_message = "Bucket and secrets exist already."
  }

  assert {
    condition     = output.root == "shared/teams/stedi" && output.bucket == "shared" && output.bucket_arn == "arn:aws:s3:::shared"
    error_message = "Got ${output.root}, ${output.bucket} and ${output.bucket_arn}."
  }

  assert {
    condition     = output.job_arguments["--bucket"] == "shared/teams/stedi" && output.job_arguments["--database"] == "analytics" && strcontains(output.job_arguments["--conf"], "warehouse=s3://shared/teams/stedi/warehouse ")
    error_message = "Got ${jsonencode(output.job_arguments)}."
  }

  assert {
    condition     = alltrue([for uri in split(",", "${output.job_arguments["--extra-files"]},${output.job_arguments["--extra-py-files"]}") : startswith(uri, "s3://shared/teams/stedi/glue/")])
    error_message = "The code is below the prefix too; got ${output.job_arguments["--extra-files"]}."
  }

  assert {
    condition     = alltrue([for table in values(output.tables) : startswith(table.location, "s3://shared/teams/stedi/") && contains(["analytics", "analytics_audit"], table.database)]) && output.landing_uris["customer_landing"] == "s3://shared/teams/stedi/customer/landing/"
    error_message = "Got ${jsonencode({ for name, table in output.tables : name => [table.database, table.location] })}."
  }

  assert {
    condition     = output.job_role_arn == "arn:aws:iam::111122223333:role/etl" && output.forget_role_arn == "arn:aws:iam::111122223333:role/dpo/erase"
    error_message = "Got ${output.job_role_arn} and ${output.forget_role_arn}."
  }

  assert {
    condition     = output.failure_topic_arn == "arn:aws:sns:eu-central-1:111122223333:alerts" && output.athena_workgroup == "primary" && output.analyst_workgroup == "stedi-test-analyst"
    error_message = "Got ${output.failure_topic_arn}, ${output.athena_workgroup} and ${output.analyst_workgroup}."
  }

  assert {
    condition     = output.job_arguments["--subject_key_secret"] == output.subject_key_secret_arn && endswith(output.subject_key_secret_arn, "subject-AbCdEf") && endswith(output.job_arguments["--refusal_key_secret"], "refusal-AbCdEf")
    error_message = "Got ${output.subject_key_secret_arn} and ${output.job_arguments["--refusal_key_secret"]}."
  }
}

run "an_existing_topic_keeps_the_policy_of_its_owner" {
  command = plan

  module {
    source = "./modules/monitoring"
  }

  variables {
    name              = "stedi-test"
    global_suffix     = ""
    region            = "eu-central-1"
    jobs              = { only = "stedi-test-only" }
    last_job          = "stedi-test-only"
    max_retries       = 0
    bucket            = "shared"
    workgroup         = "primary"
    error_log_groups  = ["/aws-glue/jobs/stedi-test/error"]
    events_enabled    = true
    topic             = { arn = "arn:aws:sns:eu-central-1:111122223333:alerts" }
    email             = "ops@example.org"
    stale_after_hours = 24
    dashboard_enabled = true
    metrics_enabled   = false
    budget            = { monthly_limit = 1, currency = "USD", alert_percent = [80], emails = [] }
    kms_key_arn       = null
    tags              = {}
  }

  assert {
    condition     = length(aws_sns_topic.job_failures) + length(aws_sns_topic_policy.job_failures) == 0
    error_message = "Neither the topic nor its policy is the module's."
  }

  assert {
    condition = toset(concat(
      values(aws_cloudwatch_event_target.jobs)[*].arn,
      flatten([for alarm in concat(values(aws_cloudwatch_metric_alarm.undelivered), aws_cloudwatch_metric_alarm.stale) : tolist(alarm.alarm_actions)]),
      flatten([for notification in aws_budgets_budget.this[0].notification : tolist(notification.subscriber_sns_topic_arns)]),
      aws_sns_topic_subscription.email[*].topic_arn,
    )) == toset(["arn:aws:sns:eu-central-1:111122223333:alerts"])
    error_message = "Events, alarms, budget and subscription all use the existing topic."
  }
}

run "policies_keep_to_the_prefix_and_existing_roles_get_them_from_their_owner" {
  command = plan

  module {
    source = "./modules/iam"
  }

  providers = {
    aws = aws.real
  }

  override_data {
    target = data.aws_caller_identity.current
    values = {
      account_id = "111122223333"
    }
  }

  variables {
    name                     = "stedi-test"
    global_suffix            = ""
    existing_roles           = { jobs_arn = "arn:aws:iam::111122223333:role/etl", forget_arn = "arn:aws:iam::111122223333:role/erase" }
    path                     = "/"
    permissions_boundary_arn = null
    kms_key_arn              = null
    workflow                 = "stedi-test-lakehouse"
    bucket_arn               = "arn:aws:s3:::shared"
    prefix                   = "teams/stedi/"
    landing_prefixes         = ["customer/landing"]
    database                 = "analytics"
    database_arn             = "arn:aws:glue:eu-central-1:111122223333:database/analytics"
    audit_database           = "analytics_audit"
    audit_database_arn       = "arn:aws:glue:eu-central-1:111122223333:database/analytics_audit"
    subject_key_secret_arn   = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:subject-AbCdEf"
    refusal_key_secret_arn   = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:refusal-AbCdEf"
    landing_table_arns       = { customer_landing = "arn:aws:glue:eu-central-1:111122223333:table/analytics/customer_landing" }
    iceberg_table_arns       = { machine_learning_curated = "arn:aws:glue:eu-central-1:111122223333:table/analytics/machine_learning_curated" }
    metrics_enabled          = false
    tags                     = {}

    placement = {
      connection_arns     = ["arn:aws:glue:eu-central-1:111122223333:connection/stedi-test-vpc-0"]
      subnet_arns         = ["arn:aws:ec2:eu-central-1:111122223333:subnet/subnet-00000000"]
      security_group_arns = ["arn:aws:ec2:eu-central-1:111122223333:security-group/sg-00000000"]
    }

    analysts = {
      workgroup_arn  = "arn:aws:athena:eu-central-1:111122223333:workgroup/stedi-test-analyst"
      results_prefix = "athena-results/analysts"
    }
  }

  assert {
    condition     = length(aws_iam_role.jobs) + length(aws_iam_role.forget) + length(aws_iam_role_policy.data) + length(aws_iam_role_policy.catalog) + length(aws_iam_role_policy.observe) + length(aws_iam_role_policy.lease) + length(aws_iam_role_policy.subject_key) + length(aws_iam_role_policy.forget) + length(aws_iam_role_policy_attachment.network) == 0
    error_message = "Neither the roles nor their policies are the module's."
  }

  assert {
    condition     = keys(output.role_policies.jobs) == ["catalog", "data", "lease", "network", "observe", "subject_key"] && keys(output.role_policies.forget) == ["catalog", "data", "lease", "logs", "network", "observe", "subject_key"]
    error_message = "Got ${jsonencode({ for role, policies in output.role_policies : role => keys(policies) })}."
  }

  # Objects: below the prefix, in every statement of every policy.
  assert {
    condition = alltrue(flatten([
      for policy in concat(values(output.role_policies.jobs), values(output.role_policies.forget), [aws_iam_policy.analyst.policy]) : [
        for statement in jsondecode(policy).Statement : [
          for arn in flatten([statement.Resource]) : startswith(arn, "arn:aws:s3:::shared/teams/stedi/") if startswith(arn, "arn:aws:s3:::") && arn != "arn:aws:s3:::shared"
        ]
      ]
    ]))
    error_message = "Got ${jsonencode(output.role_policies)} and ${aws_iam_policy.analyst.policy}."
  }

  # The bucket: its location, and lists of keys below the prefix.
  assert {
    condition = alltrue(flatten([
      for policy in [output.role_policies.jobs.data, output.role_policies.forget.data, aws_iam_policy.analyst.policy] : [
        for statement in jsondecode(policy).Statement : statement.Action == "s3:GetBucketLocation" || alltrue(flatten([
          for operator in values(try(statement.Condition, { none = { "s3:prefix" = "outside" } })) : [for prefix in flatten([operator["s3:prefix"]]) : startswith(prefix, "teams/stedi/")]
        ])) if contains(flatten([statement.Resource]), "arn:aws:s3:::shared")
      ]
    ]))
    error_message = "Got ${output.role_policies.jobs.data}, ${output.role_policies.forget.data} and ${aws_iam_policy.analyst.policy}."
  }
}

run "the_endpoint_of_an_existing_bucket_carries_the_prefix_only" {
  command = plan

  module {
    source = "./modules/network"
  }

  providers = {
    aws = aws.real
  }

  override_data {
    target = data.aws_caller_identity.current
    values = {
      account_id = "111122223333"
    }
  }

  override_data {
    target = data.aws_availability_zones.available
    values = {
      names = ["eu-central-1a", "eu-central-1b"]
    }
  }

  variables {
    name            = "stedi-test"
    network         = { cidr_block = "10.9.0.0/24", zones = 2, vpc_id = null, route_table_ids = null, s3_endpoint_enabled = true }
    bucket_arn      = "arn:aws:s3:::shared"
    prefix          = "teams/stedi/"
    jobs            = null
    metrics_enabled = false
    tags            = {}
  }

  assert {
    condition     = jsondecode(data.aws_iam_policy_document.endpoint.json).Statement[*].Resource == ["arn:aws:s3:::shared", "arn:aws:s3:::shared/teams/stedi/*"]
    error_message = "Got ${data.aws_iam_policy_document.endpoint.json}."
  }
}

run "the_same_environment_in_two_regions_has_other_global_names" {
  command = plan

  variables {
    regional_names   = true
    budget           = { monthly_limit = 1 }
    table_optimizers = { enabled = true }
  }

  assert {
    condition     = output.bucket == "stedi-test-lakehouse-111122223333-eu-central-1" && output.database == "stedi_test" && output.workflow == "stedi-test-lakehouse"
    error_message = "Only names that are unique beyond the region change; got ${output.bucket}, ${output.database} and ${output.workflow}."
  }
}

run "roles_and_policies_of_a_region_have_its_name" {
  command = plan

  module {
    source = "./modules/iam"
  }

  providers = {
    aws = aws.real
  }

  override_data {
    target = data.aws_caller_identity.current
    values = {
      account_id = "111122223333"
    }
  }

  variables {
    name                     = "stedi-test"
    global_suffix            = "-eu-central-1"
    existing_roles           = null
    path                     = "/"
    permissions_boundary_arn = null
    kms_key_arn              = null
    workflow                 = "stedi-test-lakehouse"
    bucket_arn               = "arn:aws:s3:::our-data"
    prefix                   = ""
    landing_prefixes         = ["customer/landing"]
    database                 = "stedi_test"
    database_arn             = "arn:aws:glue:eu-central-1:111122223333:database/stedi_test"
    audit_database           = "stedi_test_audit"
    audit_database_arn       = "arn:aws:glue:eu-central-1:111122223333:database/stedi_test_audit"
    subject_key_secret_arn   = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:subject-AbCdEf"
    refusal_key_secret_arn   = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:refusal-AbCdEf"
    landing_table_arns       = { customer_landing = "arn:aws:glue:eu-central-1:111122223333:table/stedi_test/customer_landing" }
    iceberg_table_arns       = { machine_learning_curated = "arn:aws:glue:eu-central-1:111122223333:table/stedi_test/machine_learning_curated" }
    metrics_enabled          = false
    tags                     = {}

    placement = {
      connection_arns     = ["arn:aws:glue:eu-central-1:111122223333:connection/stedi-test-vpc-0"]
      subnet_arns         = ["arn:aws:ec2:eu-central-1:111122223333:subnet/subnet-00000000"]
      security_group_arns = ["arn:aws:ec2:eu-central-1:111122223333:security-group/sg-00000000"]
    }

    analysts = {
      workgroup_arn  = "arn:aws:athena:eu-central-1:111122223333:workgroup/stedi-test-analyst"
      results_prefix = "athena-results/analysts"
    }
  }

  assert {
    condition     = [aws_iam_role.jobs[0].name, aws_iam_role.forget[0].name, aws_iam_policy.analyst.name, aws_iam_policy.network[0].name] == ["stedi-test-glue-jobs-eu-central-1", "stedi-test-glue-forget-eu-central-1", "stedi-test-analyst-eu-central-1", "stedi-test-glue-network-eu-central-1"]
    error_message = "Got ${jsonencode([aws_iam_role.jobs[0].name, aws_iam_role.forget[0].name, aws_iam_policy.analyst.name, aws_iam_policy.network[0].name])}."
  }
}

run "the_budget_of_a_region_counts_its_own_costs" {
  command = plan

  module {
    source = "./modules/monitoring"
  }

  variables {
    name              = "stedi-test"
    global_suffix     = "-eu-central-1"
    region            = "eu-central-1"
    jobs              = { only = "stedi-test-only" }
    last_job          = "stedi-test-only"
    max_retries       = 0
    bucket            = "our-data"
    workgroup         = "stedi-test"
    error_log_groups  = ["/aws-glue/jobs/stedi-test/error"]
    events_enabled    = false
    topic             = null
    email             = null
    stale_after_hours = null
    dashboard_enabled = false
    metrics_enabled   = false
    budget            = { monthly_limit = 1, currency = "USD", alert_percent = [80], emails = ["ops@example.org"] }
    kms_key_arn       = null
    tags              = {}
  }

  assert {
    condition     = aws_budgets_budget.this[0].name == "stedi-test-monthly-eu-central-1" && { for filter in aws_budgets_budget.this[0].cost_filter : filter.name => filter.values } == { TagKeyValue = tolist(["user:Lakehouse$stedi-test"]), Region = tolist(["eu-central-1"]) }
    error_message = "Got ${aws_budgets_budget.this[0].name} and ${jsonencode(aws_budgets_budget.this[0].cost_filter)}."
  }
}

run "names_too_long_for_a_region" {
  command = plan

  variables {
    regional_names = true
    name_prefix    = "abcdefghijklmnopqrst"
    environment    = "abcdefghijklmno"
  }

  expect_failures = [var.regional_names]
}

run "existing_resources_that_are_none" {
  command = plan

  variables {
    existing_bucket    = { name = "Shared", prefix = "/teams/stedi" }
    existing_database  = { name = "my-data" }
    existing_roles     = { jobs_arn = "etl", forget_arn = "arn:aws:iam::111122223333:role/erase" }
    existing_topic     = { arn = "alerts" }
    existing_workgroup = { name = "a workgroup" }
    existing_secrets   = { subject_key_arn = "subject", refusal_key_arn = "refusal" }
  }

  expect_failures = [
    var.existing_bucket,
    var.existing_database,
    var.existing_roles,
    var.existing_topic,
    var.existing_workgroup,
    var.existing_secrets,
  ]
}

run "existing_resources_that_contradict_other_inputs" {
  command = plan

  variables {
    existing_bucket        = { name = "shared", prefix = "stedi" }
    bucket_name            = "our-data"
    existing_database      = { name = "analytics" }
    database_name          = "analytics"
    existing_topic         = { arn = "arn:aws:sns:eu-central-1:111122223333:alerts" }
    failure_events_enabled = false
    subject_key_version    = 2
    existing_secrets = {
      subject_key_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:one-AbCdEf"
      refusal_key_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:one-AbCdEf"
    }
  }

  expect_failures = [var.existing_bucket, var.existing_database, var.existing_topic, var.existing_secrets]
}

run "an_existing_bucket_without_a_prefix" {
  command = plan

  variables {
    existing_bucket = { name = "shared", prefix = "" }
  }

  expect_failures = [var.existing_bucket]
}

run "a_database_name_that_is_none" {
  command = plan

  variables {
    database_name = "My-Data"
  }

  expect_failures = [var.database_name]
}

run "a_database_can_have_another_name" {
  command = plan

  variables {
    database_name = "analytics"
  }

  assert {
    condition     = output.database == "analytics" && output.audit_database == "analytics_audit" && output.tables["customer_trusted"].location == "s3://stedi-test-lakehouse-111122223333/warehouse/analytics/customer_trusted/"
    error_message = "Got ${output.database}, ${output.audit_database} and ${output.tables["customer_trusted"].location}."
  }
}
