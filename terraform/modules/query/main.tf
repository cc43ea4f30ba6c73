# Athena: one workgroup for engineers and one for analysts, each with its own results, and the saved queries.

locals {
  # Each group's results are inaccessible to the other: Athena authorizes by workgroup, S3 by prefix.
  workgroups = {
    engineers = {
      name        = var.name
      description = "Queries of the STEDI lakehouse; results stay in its bucket."
    }
    analysts = {
      name        = "${var.name}-analyst"
      description = "Queries of analysts; users with wider permissions must not query here, since analysts can read each other's results."
    }
  }

  engineers = var.workgroup != null ? var.workgroup.name : aws_athena_workgroup.this["engineers"].name

  results_prefixes = { for group in keys(local.workgroups) : group => "athena-results/${group}" }

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
        sql         = templatefile("${path.module}/queries/${file}", { database = var.database, audit_database = var.audit_database })
      }
    },
  )
}

resource "aws_athena_workgroup" "this" {
  for_each = { for group, workgroup in local.workgroups : group => workgroup if group != "engineers" || var.workgroup == null }

  name          = each.value.name
  description   = each.value.description
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
      output_location = "s3://${var.root}/${local.results_prefixes[each.key]}/"

      encryption_configuration {
        encryption_option = var.kms_key_arn == null ? "SSE_S3" : "SSE_KMS"
        kms_key_arn       = var.kms_key_arn
      }
    }
  }
}

resource "aws_athena_named_query" "this" {
  for_each = local.queries

  name        = each.key
  description = each.value.description
  workgroup   = local.engineers
  database    = var.database
  query       = each.value.sql
}
