# The real provider renders the policies; it makes no API call, because every data source that would is overridden.
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
  global_suffix            = ""
  existing_roles           = null
  prefix                   = ""
  name                     = "stedi-test"
  path                     = "/"
  permissions_boundary_arn = null
  kms_key_arn              = null
  workflow                 = "stedi-test-lakehouse"
  bucket_arn               = "arn:aws:s3:::our-data"
  landing_prefixes         = ["customer/landing", "step_trainer/landing"]
  database                 = "stedi_test"
  database_arn             = "arn:aws:glue:eu-central-1:111122223333:database/stedi_test"
  audit_database           = "stedi_test_audit"
  audit_database_arn       = "arn:aws:glue:eu-central-1:111122223333:database/stedi_test_audit"
  subject_key_secret_arn   = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:stedi-test-subject-key-AbCdEf"
  refusal_key_secret_arn   = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:stedi-test-refusal-key-AbCdEf"
  landing_table_arns       = { customer_landing = "arn:aws:glue:eu-central-1:111122223333:table/stedi_test/customer_landing" }
  placement                = null
  metrics_enabled          = false
  tags                     = {}

  iceberg_table_arns = {
    customer_trusted         = "arn:aws:glue:eu-central-1:111122223333:table/stedi_test/customer_trusted"
    machine_learning_curated = "arn:aws:glue:eu-central-1:111122223333:table/stedi_test/machine_learning_curated"
    pipeline_runs            = "arn:aws:glue:eu-central-1:111122223333:table/stedi_test_audit/pipeline_runs"
  }

  analysts = {
    workgroup_arn  = "arn:aws:athena:eu-central-1:111122223333:workgroup/stedi-test-analyst"
    results_prefix = "athena-results/analysts"
  }
}

run "jobs_read_landing_and_code_and_write_warehouse_and_quarantine_only" {
  command = plan

  module {
    source = "./modules/iam"
  }

  assert {
    condition     = jsondecode(aws_iam_role.jobs[0].assume_role_policy).Statement[*].Principal == [{ Service = "glue.amazonaws.com" }]
    error_message = "Got ${aws_iam_role.jobs[0].assume_role_policy}."
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_role_policy.data[0].policy).Statement : statement.Resource
      if length(setintersection(flatten([statement.Action]), ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"])) > 0
      ])) == toset([
      "arn:aws:s3:::our-data/parsed",
      "arn:aws:s3:::our-data/parsed/*",
      "arn:aws:s3:::our-data/quarantine",
      "arn:aws:s3:::our-data/quarantine/*",
      "arn:aws:s3:::our-data/training/dataset_card.json",
      "arn:aws:s3:::our-data/training/dataset_card.md",
      "arn:aws:s3:::our-data/warehouse/stedi_test/*",
      "arn:aws:s3:::our-data/warehouse/stedi_test_audit/*",
    ])
    error_message = "Landing, scripts, query results and erasure requests are out of the jobs' reach; got ${aws_iam_role_policy.data[0].policy}."
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_role_policy.catalog[0].policy).Statement : statement.Resource
      if contains(flatten([statement.Action]), "glue:UpdateTable")
      ])) == toset([
      "arn:aws:glue:eu-central-1:111122223333:catalog",
      "arn:aws:glue:eu-central-1:111122223333:database/stedi_test",
      "arn:aws:glue:eu-central-1:111122223333:database/stedi_test_audit",
      "arn:aws:glue:eu-central-1:111122223333:table/stedi_test/customer_trusted",
      "arn:aws:glue:eu-central-1:111122223333:table/stedi_test/machine_learning_curated",
      "arn:aws:glue:eu-central-1:111122223333:table/stedi_test_audit/pipeline_runs",
    ])
    error_message = "Landing tables can't be changed; got ${aws_iam_role_policy.catalog[0].policy}."
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_role_policy.data[0].policy).Statement : statement.Resource
      if contains(flatten([statement.Action]), "s3:GetObject")
      ])) == toset([
      "arn:aws:s3:::our-data/customer/landing",
      "arn:aws:s3:::our-data/customer/landing/*",
      "arn:aws:s3:::our-data/step_trainer/landing",
      "arn:aws:s3:::our-data/step_trainer/landing/*",
      "arn:aws:s3:::our-data/glue",
      "arn:aws:s3:::our-data/glue/*",
      "arn:aws:s3:::our-data/parsed",
      "arn:aws:s3:::our-data/parsed/*",
      "arn:aws:s3:::our-data/quarantine",
      "arn:aws:s3:::our-data/quarantine/*",
      "arn:aws:s3:::our-data/training/dataset_card.json",
      "arn:aws:s3:::our-data/training/dataset_card.md",
      "arn:aws:s3:::our-data/warehouse/stedi_test/*",
      "arn:aws:s3:::our-data/warehouse/stedi_test_audit/*",
    ])
    error_message = "Got ${aws_iam_role_policy.data[0].policy}."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.data[0].policy).Statement : [statement.Resource]
      if length(setintersection(flatten([statement.Action]), ["s3:DeleteObjectVersion"])) > 0
    ] == [["arn:aws:s3:::our-data/warehouse/stedi_test/*"]]
    error_message = "Noncurrent versions are deleted only of tables; got ${aws_iam_role_policy.data[0].policy}."
  }

  assert {
    condition = toset(flatten([for policy in [aws_iam_role_policy.data[0], aws_iam_role_policy.catalog[0]] : jsondecode(policy.policy).Statement[*].Action])) == toset([
      "glue:GetDatabase", "glue:GetTable", "glue:UpdateTable",
      "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket", "s3:ListBucketVersions", "s3:ListMultipartUploadParts", "s3:PutObject",
    ])
    error_message = "Jobs work with data and tables and administer neither; got ${aws_iam_role_policy.data[0].policy} and ${aws_iam_role_policy.catalog[0].policy}."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.data[0].policy).Statement : toset(statement.Condition.StringLikeIfExists["s3:prefix"])
      if contains(flatten([statement.Action]), "s3:ListBucket")
      ] == [toset([
        "customer/landing", "customer/landing/*", "step_trainer/landing", "step_trainer/landing/*",
        "glue", "glue/*", "quarantine", "quarantine/*", "parsed", "parsed/*", "forget/refusals", "forget/refusals/*",
        "warehouse/stedi_test", "warehouse/stedi_test/*", "warehouse/stedi_test_audit", "warehouse/stedi_test_audit/*",
    ])]
    error_message = "Listing is held to the jobs' own prefixes; got ${aws_iam_role_policy.data[0].policy}."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.catalog[0].policy).Statement : statement.Action
      if contains(flatten([statement.Resource]), "arn:aws:glue:eu-central-1:111122223333:database/default")
    ] == ["glue:GetDatabase"]
    error_message = "Of the database default, Spark may see that it exists and no more; got ${aws_iam_role_policy.catalog[0].policy}."
  }

  assert {
    condition = alltrue(flatten([
      for policy in concat([aws_iam_role_policy.data[0].policy, aws_iam_role_policy.catalog[0].policy, aws_iam_role_policy.observe[0].policy, aws_iam_role_policy.subject_key[0].policy, aws_iam_role_policy.lease[0].policy], values(aws_iam_role_policy.forget)[*].policy) : [
        for statement in jsondecode(policy).Statement : [
          !contains(flatten([statement.Resource]), "*"),
          [for action in flatten([statement.Action]) : !endswith(action, "*")],
        ]
      ]
    ]))
    error_message = "Every statement names its actions and resources."
  }

  assert {
    condition     = aws_iam_role.jobs[0].permissions_boundary == null && aws_iam_role.jobs[0].path == "/" && length(aws_iam_policy.network) + length(aws_iam_role_policy_attachment.network) == 0
    error_message = "No boundary, path or network unless given."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.observe[0].policy).Statement[*].Resource == ["arn:aws:logs:eu-central-1:111122223333:log-group:/aws-glue/*"]
    error_message = "Got ${aws_iam_role_policy.observe[0].policy}."
  }
}

run "the_key_of_the_pseudonyms_is_for_the_jobs" {
  command = plan

  module {
    source = "./modules/iam"
  }

  assert {
    condition = alltrue([
      for policy in [aws_iam_role_policy.subject_key[0].policy, aws_iam_role_policy.forget["subject_key"].policy] : [
        for statement in jsondecode(policy).Statement : [statement.Action, statement.Resource]
      ] == [["secretsmanager:GetSecretValue", [var.subject_key_secret_arn, var.refusal_key_secret_arn]]]
    ])
    error_message = "The jobs read these secrets and no other; got ${aws_iam_role_policy.subject_key[0].policy}."
  }

  assert {
    condition = alltrue([
      for policy in [aws_iam_policy.analyst.policy, aws_iam_role_policy.data[0].policy, aws_iam_role_policy.catalog[0].policy, aws_iam_role_policy.observe[0].policy] :
      !strcontains(policy, "secretsmanager")
    ])
    error_message = "No other policy mentions secrets; got ${aws_iam_policy.analyst.policy}."
  }
}

run "the_erasure_role_erases_data_and_its_versions_but_no_code" {
  command = plan

  module {
    source = "./modules/iam"
  }

  assert {
    condition     = jsondecode(aws_iam_role.forget[0].assume_role_policy).Statement[*].Principal == [{ Service = "glue.amazonaws.com" }] && aws_iam_role.forget[0].name == "stedi-test-glue-forget"
    error_message = "Got ${aws_iam_role.forget[0].name}, ${aws_iam_role.forget[0].assume_role_policy}."
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_role_policy.forget["data"].policy).Statement : statement.Resource
      if statement.Effect == "Allow" && length(setintersection(flatten([statement.Action]), ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"])) > 0
      ])) == toset(flatten([
      ["arn:aws:s3:::our-data/training/dataset_card.json", "arn:aws:s3:::our-data/training/dataset_card.md"],
      [
        for prefix in ["athena-results", "customer/landing", "forget", "parsed", "quarantine", "step_trainer/landing", "warehouse/stedi_test", "warehouse/stedi_test_audit"] :
        ["arn:aws:s3:::our-data/${prefix}", "arn:aws:s3:::our-data/${prefix}/*"]
      ],
    ]))
    error_message = "All prefixes with data, the dataset card, and no others; got ${aws_iam_role_policy.forget["data"].policy}."
  }

  assert {
    condition = toset(flatten(jsondecode(aws_iam_role_policy.forget["data"].policy).Statement[*].Action)) == toset([
      "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetBucketLocation", "s3:GetObject", "s3:GetObjectVersion",
      "s3:ListBucket", "s3:ListBucketVersions", "s3:ListMultipartUploadParts", "s3:PutObject",
    ])
    error_message = "It works with objects and their versions and administers no bucket; got ${aws_iam_role_policy.forget["data"].policy}."
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_role_policy.forget["data"].policy).Statement : statement.Action
      if statement.Effect == "Allow" && contains(flatten([statement.Resource]), "arn:aws:s3:::our-data/*")
    ])) == toset(["s3:DeleteObjectVersion", "s3:GetObject", "s3:GetObjectVersion"])
    error_message = "Verification searches everything; got ${aws_iam_role_policy.forget["data"].policy}."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.forget["data"].policy).Statement : toset(flatten([statement.Action]))
      if statement.Effect == "Deny" && contains(flatten([statement.Resource]), "arn:aws:s3:::our-data/glue/*")
    ] == [toset(["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObject"])]
    error_message = "Scripts are read, never written; got ${aws_iam_role_policy.forget["data"].policy}."
  }

  assert {
    condition     = aws_iam_role_policy.forget["catalog"].policy == aws_iam_role_policy.catalog[0].policy && aws_iam_role_policy.forget["observe"].policy == aws_iam_role_policy.observe[0].policy && aws_iam_role_policy.forget["lease"].policy == aws_iam_role_policy.lease[0].policy
    error_message = "Catalog, logs and lease are the same as for the other jobs."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.forget["logs"].policy).Statement[*].Resource == ["arn:aws:logs:eu-central-1:111122223333:log-group:/aws-glue/jobs/stedi-test/*"]
    error_message = "Logs are erased of its own jobs; got ${aws_iam_role_policy.forget["logs"].policy}."
  }

  assert {
    condition     = keys(aws_iam_role_policy.forget) == ["catalog", "data", "lease", "logs", "observe", "subject_key"] && aws_iam_role.forget[0].permissions_boundary == null && aws_iam_role.forget[0].path == "/"
    error_message = "No boundary, path or network unless given."
  }
}

run "jobs_hold_the_lease_and_reach_no_other_object_of_operations" {
  command = plan

  module {
    source = "./modules/iam"
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.lease[0].policy).Statement : [statement.Effect, toset(flatten([statement.Action])), toset(flatten([statement.Resource]))]
      ] == [
      ["Allow", toset(["s3:GetObject", "s3:PutObject"]), toset(["arn:aws:s3:::our-data/operations/lease.json"])],
      ["Allow", toset(["glue:GetJobRun", "glue:GetWorkflowRun", "glue:GetWorkflowRunProperties"]), toset(["arn:aws:glue:eu-central-1:111122223333:workflow/stedi-test-lakehouse", "arn:aws:glue:eu-central-1:111122223333:job/stedi-test-*"])],
    ]
    error_message = "Got ${aws_iam_role_policy.lease[0].policy}."
  }
}

run "analysts_reach_the_training_table_and_their_own_results_only" {
  command = plan

  module {
    source = "./modules/iam"
  }

  assert {
    condition = {
      for statement in jsondecode(aws_iam_policy.analyst.policy).Statement : statement.Sid => toset(flatten([statement.Resource]))
      } == {
      QueryInOwnWorkgroup           = toset(["arn:aws:athena:eu-central-1:111122223333:workgroup/stedi-test-analyst"])
      BrowseCatalog                 = toset(["arn:aws:athena:eu-central-1:111122223333:datacatalog/AwsDataCatalog"])
      OpenConsole                   = toset(["*"])
      FindBucket                    = toset(["arn:aws:s3:::our-data"])
      ListTrainingDataAndOwnResults = toset(["arn:aws:s3:::our-data"])
      WriteOwnResults               = toset(["arn:aws:s3:::our-data/athena-results/analysts/*"])
      DescribeTrainingTable = toset([
        "arn:aws:glue:eu-central-1:111122223333:catalog",
        "arn:aws:glue:eu-central-1:111122223333:database/stedi_test",
        "arn:aws:glue:eu-central-1:111122223333:table/stedi_test/machine_learning_curated",
      ])
      AthenaAsksForDefault = toset([
        "arn:aws:glue:eu-central-1:111122223333:catalog",
        "arn:aws:glue:eu-central-1:111122223333:database/default",
      ])
      ReadTrainingDataAndOwnResults = toset([
        "arn:aws:s3:::our-data/warehouse/stedi_test/machine_learning_curated/*",
        "arn:aws:s3:::our-data/training/*",
        "arn:aws:s3:::our-data/athena-results/analysts/*",
      ])
    }
    error_message = "No other table, object, workgroup or result; got ${aws_iam_policy.analyst.policy}."
  }

  assert {
    condition = {
      for statement in jsondecode(aws_iam_policy.analyst.policy).Statement : statement.Sid => toset(flatten([statement.Action]))
      if contains(["OpenConsole", "DescribeTrainingTable"], statement.Sid)
      } == {
      OpenConsole           = toset(["athena:ListDataCatalogs", "athena:ListWorkGroups"])
      DescribeTrainingTable = toset(["glue:GetDatabase", "glue:GetDatabases", "glue:GetTable", "glue:GetTables"])
    }
    error_message = "The console's query editor needs its lists: workgroups, catalogs, databases; got ${aws_iam_policy.analyst.policy}."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_policy.analyst.policy).Statement : statement.Condition
      if contains(flatten([statement.Action]), "s3:ListBucket")
      ] == [{
        StringLike = {
          "s3:prefix" = [
            "warehouse/stedi_test/machine_learning_curated",
            "warehouse/stedi_test/machine_learning_curated/*",
            "training",
            "training/*",
            "athena-results/analysts",
            "athena-results/analysts/*",
          ]
        }
    }]
    error_message = "Names of other objects stay hidden; got ${aws_iam_policy.analyst.policy}."
  }

  assert {
    condition = alltrue([
      for action in flatten(jsondecode(aws_iam_policy.analyst.policy).Statement[*].Action) :
      can(regex("^(athena|glue|s3):(BatchGet|Get|List)[A-Za-z]+$", action)) ||
      contains(["athena:StartQueryExecution", "athena:StopQueryExecution", "s3:AbortMultipartUpload", "s3:PutObject"], action)
    ])
    error_message = "Analysts read, query and keep results; got ${aws_iam_policy.analyst.policy}."
  }

  assert {
    condition = flatten([
      for statement in jsondecode(aws_iam_policy.analyst.policy).Statement : statement.Resource
      if contains(flatten([statement.Action]), "s3:PutObject")
    ]) == ["arn:aws:s3:::our-data/athena-results/analysts/*"]
    error_message = "The training data itself is read-only; got ${aws_iam_policy.analyst.policy}."
  }
}

run "without_principals_analysts_have_a_policy_and_no_role" {
  command = plan

  module {
    source = "./modules/iam"
  }

  assert {
    condition     = length(aws_iam_role.analyst) == 0 && output.analyst_role_arn == null
    error_message = "Got ${jsonencode(aws_iam_role.analyst)}."
  }
}

run "analysts_reach_the_tables_that_go_with_the_training_table" {
  command = plan

  module {
    source = "./modules/iam"
  }

  variables {
    training_tables = ["machine_learning_curated", "training_split"]
    iceberg_table_arns = {
      customer_trusted         = "arn:aws:glue:eu-central-1:111122223333:table/stedi_test/customer_trusted"
      machine_learning_curated = "arn:aws:glue:eu-central-1:111122223333:table/stedi_test/machine_learning_curated"
      training_split           = "arn:aws:glue:eu-central-1:111122223333:table/stedi_test/training_split"
    }
  }

  assert {
    condition = {
      for statement in jsondecode(aws_iam_policy.analyst.policy).Statement : statement.Sid => toset(statement.Resource)
      if contains(["DescribeTrainingTable", "ReadTrainingDataAndOwnResults"], statement.Sid)
      } == {
      DescribeTrainingTable = toset([
        "arn:aws:glue:eu-central-1:111122223333:catalog",
        "arn:aws:glue:eu-central-1:111122223333:database/stedi_test",
        "arn:aws:glue:eu-central-1:111122223333:table/stedi_test/machine_learning_curated",
        "arn:aws:glue:eu-central-1:111122223333:table/stedi_test/training_split",
      ])
      ReadTrainingDataAndOwnResults = toset([
        "arn:aws:s3:::our-data/warehouse/stedi_test/machine_learning_curated/*",
        "arn:aws:s3:::our-data/warehouse/stedi_test/training_split/*",
        "arn:aws:s3:::our-data/training/*",
        "arn:aws:s3:::our-data/athena-results/analysts/*",
      ])
    }
    error_message = "Got ${aws_iam_policy.analyst.policy}."
  }
}

run "the_role_of_analysts_has_their_policy_and_trusts_the_given_principals_only" {
  command = plan

  module {
    source = "./modules/iam"
  }

  variables {
    path                     = "/data/"
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/boundary"
    analyst_role_principals  = ["arn:aws:iam::111122223333:role/data-scientists"]
  }

  assert {
    condition     = jsondecode(aws_iam_role.analyst[0].assume_role_policy).Statement == [{ Sid = "PeopleAssume", Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = "arn:aws:iam::111122223333:role/data-scientists" } }]
    error_message = "Got ${aws_iam_role.analyst[0].assume_role_policy}."
  }

  assert {
    condition     = aws_iam_role_policy_attachment.analyst[0].role == "stedi-test-analyst" && aws_iam_role.analyst[0].permissions_boundary == var.permissions_boundary_arn && aws_iam_role.analyst[0].path == "/data/"
    error_message = "Got ${jsonencode(aws_iam_role.analyst[0])}."
  }
}

run "operators_fill_the_landing_zone_from_their_sources_only" {
  command = plan

  module {
    source = "./modules/iam"
  }

  variables {
    landing_sources = [
      { bucket = "seed", prefix = "starter", kms_key_arn = "arn:aws:kms:eu-central-1:444455556666:key/01234567-89ab-cdef-0123-456789abcdef" },
      { bucket = "partner", prefix = "", kms_key_arn = null },
    ]
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_policy.landing[0].policy).Statement : [statement.Action, statement.Resource, try(statement.Condition.StringLike["s3:prefix"], "")]
      ] == [
      ["s3:ListBucket", "arn:aws:s3:::seed", "starter/*"],
      ["s3:ListBucket", "arn:aws:s3:::partner", "*"],
      ["s3:GetObject", ["arn:aws:s3:::seed/starter/*", "arn:aws:s3:::partner/*"], ""],
      ["kms:Decrypt", "arn:aws:kms:eu-central-1:444455556666:key/01234567-89ab-cdef-0123-456789abcdef", ""],
      ["s3:ListBucket", "arn:aws:s3:::our-data", ["customer/landing/*", "step_trainer/landing/*"]],
      [["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"], ["arn:aws:s3:::our-data/step_trainer/landing/*", "arn:aws:s3:::our-data/customer/landing/*"], ""],
      [["s3:PutObject", "s3:GetObject"], "arn:aws:s3:::our-data/operations/lease.json", ""],
      [["glue:GetWorkflowRuns", "glue:GetWorkflowRun", "glue:GetJobRun"], ["arn:aws:glue:eu-central-1:111122223333:workflow/stedi-test-lakehouse", "arn:aws:glue:eu-central-1:111122223333:job/stedi-test-*"], ""],
    ]
    error_message = "Got ${aws_iam_policy.landing[0].policy}."
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.data[0].policy, "seed") && alltrue([for policy in aws_iam_role_policy.forget : !strcontains(policy.policy, "seed")])
    error_message = "No job reaches a bucket outside the lakehouse."
  }
}

run "without_a_source_there_is_no_such_policy" {
  command = plan

  module {
    source = "./modules/iam"
  }

  assert {
    condition     = length(aws_iam_policy.landing) == 0 && output.landing_policy_arn == null
    error_message = "The landing zone is filled from folders, with the operator's own permissions."
  }
}

run "metrics_key_network_boundary_and_path_are_granted_when_given" {
  command = plan

  module {
    source = "./modules/iam"
  }

  variables {
    metrics_enabled          = true
    path                     = "/data/"
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/boundary"
    kms_key_arn              = "arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"

    placement = {
      connection_arns     = ["arn:aws:glue:eu-central-1:111122223333:connection/stedi-test-vpc-0"]
      subnet_arns         = ["arn:aws:ec2:eu-central-1:111122223333:subnet/subnet-00000000"]
      security_group_arns = ["arn:aws:ec2:eu-central-1:111122223333:security-group/sg-00000000"]
    }
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.observe[0].policy).Statement : statement.Condition
      if statement.Action == "cloudwatch:PutMetricData"
    ] == [{ StringEquals = { "cloudwatch:namespace" = "Glue" } }]
    error_message = "PutMetricData has no resource-level permissions, so the namespace restricts it; got ${aws_iam_role_policy.observe[0].policy}."
  }

  assert {
    condition     = aws_iam_role.jobs[0].permissions_boundary == var.permissions_boundary_arn && aws_iam_role.forget[0].permissions_boundary == var.permissions_boundary_arn && aws_iam_role.jobs[0].path == "/data/" && aws_iam_role.forget[0].path == "/data/" && aws_iam_policy.analyst.path == "/data/"
    error_message = "Got ${jsonencode(aws_iam_role.jobs[0].permissions_boundary)}, ${aws_iam_role.jobs[0].path} and ${aws_iam_policy.analyst.path}."
  }

  assert {
    condition = alltrue([
      for policy in [aws_iam_role_policy.data[0].policy, aws_iam_policy.analyst.policy, aws_iam_role_policy.forget["data"].policy] : [
        for statement in jsondecode(policy).Statement : [toset(statement.Action), statement.Resource, statement.Condition]
        if anytrue([for action in flatten([statement.Action]) : startswith(action, "kms:")])
        ] == [[
          toset(["kms:Decrypt", "kms:GenerateDataKey"]),
          var.kms_key_arn,
          {
            StringEquals = { "kms:ViaService" = "s3.eu-central-1.amazonaws.com" }
            StringLike   = { "kms:EncryptionContext:aws:s3:arn" = ["arn:aws:s3:::our-data", "arn:aws:s3:::our-data/*"] }
          },
      ]]
    ])
    error_message = "The key serves S3, for this bucket; got ${aws_iam_role_policy.data[0].policy} and ${aws_iam_policy.analyst.policy}."
  }

  assert {
    condition = alltrue([
      for policy in [aws_iam_role_policy.subject_key[0].policy, aws_iam_role_policy.forget["subject_key"].policy] : [
        for statement in jsondecode(policy).Statement : [statement.Action, statement.Resource, statement.Condition] if statement.Sid == "DecryptSubjectKey"
        ] == [[
          "kms:Decrypt",
          var.kms_key_arn,
          { StringEquals = { "kms:ViaService" = "secretsmanager.eu-central-1.amazonaws.com", "kms:EncryptionContext:SecretARN" = [var.subject_key_secret_arn, var.refusal_key_secret_arn] } },
      ]]
    ])
    error_message = "The key serves Secrets Manager, for these secrets; got ${aws_iam_role_policy.subject_key[0].policy}."
  }

  assert {
    condition     = { for of, attachment in aws_iam_role_policy_attachment.network : of => attachment.role } == { jobs = aws_iam_role.jobs[0].name, forget = aws_iam_role.forget[0].name }
    error_message = "The erasure job runs in the same network as the other jobs."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.observe[0].policy).Statement : statement.Resource
      if statement.Action == "logs:AssociateKmsKey"
    ] == ["arn:aws:logs:eu-central-1:111122223333:log-group:/aws-glue/*"]
    error_message = "Glue may encrypt the jobs' log groups; got ${aws_iam_role_policy.observe[0].policy}."
  }

  assert {
    condition = {
      for statement in jsondecode(aws_iam_policy.network[0].policy).Statement :
      statement.Sid => [toset(flatten([statement.Action])), toset(flatten([statement.Resource])), try(statement.Condition, null)]
      } == {
      ReadConnections = [
        toset(["glue:GetConnection"]),
        toset(["arn:aws:glue:eu-central-1:111122223333:catalog", "arn:aws:glue:eu-central-1:111122223333:connection/stedi-test-vpc-0"]),
        null,
      ]
      LookAtNetwork = [
        toset(["ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcAttribute", "ec2:DescribeVpcEndpoints"]),
        toset(["*"]),
        { StringEquals = { "ec2:Region" = "eu-central-1" } },
      ]
      PlugIntoSubnets = [
        toset(["ec2:CreateNetworkInterface"]),
        toset(["arn:aws:ec2:eu-central-1:111122223333:network-interface/*", "arn:aws:ec2:eu-central-1:111122223333:subnet/subnet-00000000", "arn:aws:ec2:eu-central-1:111122223333:security-group/sg-00000000"]),
        null,
      ]
      UnplugFromSubnets = [
        toset(["ec2:DeleteNetworkInterface"]),
        toset(["arn:aws:ec2:eu-central-1:111122223333:network-interface/*"]),
        { ArnEquals = { "ec2:Subnet" = "arn:aws:ec2:eu-central-1:111122223333:subnet/subnet-00000000" } },
      ]
      MarkNetworkInterfaces = [
        toset(["ec2:CreateTags", "ec2:DeleteTags"]),
        toset(["arn:aws:ec2:eu-central-1:111122223333:network-interface/*"]),
        { "ForAllValues:StringEquals" = { "aws:TagKeys" = "aws-glue-service-resource" } },
      ]
    }
    error_message = "Glue places the jobs in these subnets and no others; got ${aws_iam_policy.network[0].policy}."
  }
}
