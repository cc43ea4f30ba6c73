mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name             = "stedi-test"
  bucket           = "our-data"
  database         = "stedi_test"
  ddl              = { customer_trusted = "CREATE TABLE stedi_test.customer_trusted (email string)" }
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
    condition = (
      aws_athena_workgroup.this.configuration[0].enforce_workgroup_configuration &&
      aws_athena_workgroup.this.configuration[0].result_configuration[0].output_location == "s3://our-data/athena-results/" &&
      aws_athena_workgroup.this.configuration[0].result_configuration[0].encryption_configuration[0].encryption_option == "SSE_S3"
    )
    error_message = "No client can send results elsewhere or unencrypted."
  }

  assert {
    condition     = aws_athena_workgroup.this.configuration[0].bytes_scanned_cutoff_per_query == 10485760
    error_message = "A query stops at the limit."
  }

  assert {
    condition     = aws_athena_named_query.this["create_customer_trusted"].query == var.ddl["customer_trusted"]
    error_message = "The named query is the DDL itself."
  }

  assert {
    condition     = keys(aws_athena_named_query.this) == ["create_customer_trusted", "customers_without_consent", "readings_without_customer", "rows_per_table", "runs_per_table"]
    error_message = "Got ${jsonencode(keys(aws_athena_named_query.this))}."
  }

  assert {
    condition     = alltrue([for query in aws_athena_named_query.this : query.workgroup == "stedi-test" && !strcontains(query.query, "$${")])
    error_message = "Every query belongs to the workgroup and has its placeholders filled."
  }
}
