mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  workgroup        = null
  name             = "stedi-test"
  root             = "our-data"
  database         = "stedi_test"
  audit_database   = "stedi_test_audit"
  ddl              = { customer_trusted = "CREATE TABLE stedi_test.customer_trusted (email string)" }
  kms_key_arn      = null
  scan_limit_bytes = 10485760
  metrics_enabled  = false
  force_destroy    = false
  tags             = {}
}

run "results_stay_in_the_lakehouse_and_queries_are_named" {
  command = plan

  module {
    source = "./modules/query"
  }

  assert {
    condition     = { for workgroup in aws_athena_workgroup.this : workgroup.name => workgroup.configuration[0].result_configuration[0].output_location } == { stedi-test = "s3://our-data/athena-results/engineers/", stedi-test-analyst = "s3://our-data/athena-results/analysts/" }
    error_message = "Each workgroup has its results to itself."
  }

  assert {
    condition = alltrue([
      for workgroup in aws_athena_workgroup.this :
      workgroup.configuration[0].enforce_workgroup_configuration &&
      workgroup.configuration[0].result_configuration[0].encryption_configuration[0].encryption_option == "SSE_S3"
    ])
    error_message = "No client can send results elsewhere or unencrypted."
  }

  assert {
    condition     = alltrue([for workgroup in aws_athena_workgroup.this : workgroup.configuration[0].bytes_scanned_cutoff_per_query == 10485760])
    error_message = "A query stops at the limit."
  }

  assert {
    condition     = aws_athena_named_query.this["create_customer_trusted"].query == var.ddl["customer_trusted"]
    error_message = "The named query is the DDL itself."
  }

  assert {
    condition     = keys(aws_athena_named_query.this) == ["consent_decisions_of_last_run", "create_customer_trusted", "customers_without_consent", "quarantine_by_reason", "readings_without_customer", "rows_accounted_for", "rows_dropped_by_reason", "rows_per_table", "runs_per_table"]
    error_message = "Got ${jsonencode(keys(aws_athena_named_query.this))}."
  }

  assert {
    condition     = alltrue([for query in aws_athena_named_query.this : query.workgroup == "stedi-test" && !strcontains(query.query, "$${")])
    error_message = "Every query belongs to the workgroup and has its placeholders filled."
  }
}

run "results_are_encrypted_with_the_given_key" {
  command = plan

  module {
    source = "./modules/query"
  }

  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"
  }

  assert {
    condition = alltrue([
      for workgroup in aws_athena_workgroup.this :
      one(workgroup.configuration[0].result_configuration[0].encryption_configuration) == { encryption_option = "SSE_KMS", kms_key_arn = var.kms_key_arn }
    ])
    error_message = "Got ${jsonencode(values(aws_athena_workgroup.this)[*].configuration)}."
  }
}
