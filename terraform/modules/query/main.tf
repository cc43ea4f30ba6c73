locals {
  queries = merge(
    {
      for table, sql in var.ddl : "create_${table}" => {
        description = "DDL of ${table}, as Terraform declared it."
        sql         = sql
      }
    },
    {
      for file in fileset("${path.module}/queries", "*.sql") : trimsuffix(file, ".sql") => {
        description = trimprefix(split("\n", file("${path.module}/queries/${file}"))[0], "-- ")
        sql         = templatefile("${path.module}/queries/${file}", { database = var.database })
      }
    },
  )
}

resource "aws_athena_workgroup" "this" {
  name          = var.name
  description   = "Queries of the STEDI lakehouse; results stay in its bucket."
  force_destroy = var.force_destroy
  tags          = var.tags

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = var.metrics_enabled
    bytes_scanned_cutoff_per_query     = var.scan_limit_bytes

    engine_version {
      selected_engine_version = "Athena engine version 3"
    }

    result_configuration {
      output_location = "s3://${var.bucket}/athena-results/"

      encryption_configuration {
        encryption_option = "SSE_S3"
      }
    }
  }
}

resource "aws_athena_named_query" "this" {
  for_each = local.queries

  name        = each.key
  description = each.value.description
  workgroup   = aws_athena_workgroup.this.name
  database    = var.database
  query       = each.value.sql
}
