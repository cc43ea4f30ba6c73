# The real provider renders the policies; it makes no call, because every data source that would is overridden.
provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

override_data {
  target = data.aws_caller_identity.current
  values = {
    account_id = "111122223333"
  }
}

variables {
  name               = "stedi-test"
  bucket_arn         = "arn:aws:s3:::our-data"
  landing_prefixes   = ["customer/landing", "step_trainer/landing"]
  database           = "stedi_test"
  database_arn       = "arn:aws:glue:eu-central-1:111122223333:database/stedi_test"
  landing_table_arns = { customer_landing = "arn:aws:glue:eu-central-1:111122223333:table/stedi_test/customer_landing" }
  iceberg_table_arns = { customer_trusted = "arn:aws:glue:eu-central-1:111122223333:table/stedi_test/customer_trusted" }
  metrics_enabled    = false
  tags               = {}
}

run "jobs_read_landing_and_code_and_write_their_warehouse_only" {
  command = plan

  module {
    source = "./modules/iam"
  }

  assert {
    condition     = jsondecode(aws_iam_role.jobs.assume_role_policy).Statement[*].Principal == [{ Service = "glue.amazonaws.com" }]
    error_message = "Got ${aws_iam_role.jobs.assume_role_policy}."
  }

  assert {
    condition = toset([
      for statement in jsondecode(aws_iam_role_policy.data.policy).Statement : statement.Resource
      if length(setintersection(flatten([statement.Action]), ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"])) > 0
    ]) == toset(["arn:aws:s3:::our-data/warehouse/stedi_test/*"])
    error_message = "Landing, scripts and query results are out of the jobs' reach; got ${aws_iam_role_policy.data.policy}."
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_role_policy.catalog.policy).Statement : statement.Resource
      if contains(flatten([statement.Action]), "glue:UpdateTable")
      ])) == toset([
      "arn:aws:glue:eu-central-1:111122223333:catalog",
      "arn:aws:glue:eu-central-1:111122223333:database/stedi_test",
      "arn:aws:glue:eu-central-1:111122223333:table/stedi_test/customer_trusted",
    ])
    error_message = "Landing tables can't be changed; got ${aws_iam_role_policy.catalog.policy}."
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_role_policy.data.policy).Statement : statement.Resource
      if contains(flatten([statement.Action]), "s3:GetObject")
      ])) == toset([
      "arn:aws:s3:::our-data/customer/landing",
      "arn:aws:s3:::our-data/customer/landing/*",
      "arn:aws:s3:::our-data/step_trainer/landing",
      "arn:aws:s3:::our-data/step_trainer/landing/*",
      "arn:aws:s3:::our-data/glue",
      "arn:aws:s3:::our-data/glue/*",
      "arn:aws:s3:::our-data/warehouse/stedi_test/*",
    ])
    error_message = "Got ${aws_iam_role_policy.data.policy}."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.data.policy).Statement : toset(statement.Condition.StringLikeIfExists["s3:prefix"])
      if contains(flatten([statement.Action]), "s3:ListBucket")
      ] == [toset([
        "customer/landing", "customer/landing/*", "step_trainer/landing", "step_trainer/landing/*",
        "glue", "glue/*", "warehouse/stedi_test", "warehouse/stedi_test/*",
    ])]
    error_message = "Listing is held to the jobs' own prefixes; got ${aws_iam_role_policy.data.policy}."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.catalog.policy).Statement : statement.Action
      if contains(flatten([statement.Resource]), "arn:aws:glue:eu-central-1:111122223333:database/default")
    ] == ["glue:GetDatabase"]
    error_message = "Of the database default, Spark may see that it exists and no more; got ${aws_iam_role_policy.catalog.policy}."
  }

  assert {
    condition = alltrue(flatten([
      for policy in [aws_iam_role_policy.data.policy, aws_iam_role_policy.catalog.policy, aws_iam_role_policy.observe.policy] : [
        for statement in jsondecode(policy).Statement : [
          !contains(flatten([statement.Resource]), "*"),
          [for action in flatten([statement.Action]) : !endswith(action, "*")],
        ]
      ]
    ]))
    error_message = "Every statement names its actions and resources."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.observe.policy).Statement[*].Resource == ["arn:aws:logs:eu-central-1:111122223333:log-group:/aws-glue/*"]
    error_message = "Got ${aws_iam_role_policy.observe.policy}."
  }
}

run "metrics_are_written_to_glues_namespace_only" {
  command = plan

  module {
    source = "./modules/iam"
  }

  variables {
    metrics_enabled = true
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.observe.policy).Statement : statement.Condition
      if statement.Action == "cloudwatch:PutMetricData"
    ] == [{ StringEquals = { "cloudwatch:namespace" = "Glue" } }]
    error_message = "PutMetricData knows no resource, so its namespace is what narrows it; got ${aws_iam_role_policy.observe.policy}."
  }
}
