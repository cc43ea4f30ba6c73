locals {
  # The pipeline. `after` names the job whose success starts this one; null starts with the workflow.
  jobs = {
    customer_landing_to_trusted = {
      after       = null
      table       = "customer_trusted"
      description = "Customers who agreed to share their data for research."
    }
    accelerometer_landing_to_trusted = {
      after       = "customer_landing_to_trusted"
      table       = "accelerometer_trusted"
      description = "Accelerometer readings of customers who agreed."
    }
    customer_trusted_to_curated = {
      after       = "accelerometer_landing_to_trusted"
      table       = "customers_curated"
      description = "Customers who agreed and have accelerometer readings."
    }
    step_trainer_landing_to_trusted = {
      after       = "customer_trusted_to_curated"
      table       = "step_trainer_trusted"
      description = "Step trainer readings of curated customers."
    }
    machine_learning_curated = {
      after       = "step_trainer_landing_to_trusted"
      table       = "machine_learning_curated"
      description = "Step trainer and accelerometer readings of the same moment, without personal data."
    }
  }

  job_names = { for job in keys(local.jobs) : job => "${var.name}-${replace(job, "_", "-")}" }

  scripts        = { for job in keys(local.jobs) : job => aws_s3_object.script["${job}.py"] }
  shared_modules = [for file, object in aws_s3_object.script : object if !contains(keys(local.jobs), trimsuffix(file, ".py"))]

  # Everything Spark needs to know of the catalog: the scripts carry no configuration of their own.
  spark_conf = {
    "spark.sql.extensions"                        = "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions"
    "spark.sql.catalog.glue_catalog"              = "org.apache.iceberg.spark.SparkCatalog"
    "spark.sql.catalog.glue_catalog.catalog-impl" = "org.apache.iceberg.aws.glue.GlueCatalog"
    "spark.sql.catalog.glue_catalog.io-impl"      = "org.apache.iceberg.aws.s3.S3FileIO"
    "spark.sql.catalog.glue_catalog.warehouse"    = var.warehouse_uri
    "spark.sql.iceberg.compression-codec"         = "zstd" # Glue creates tables without it, then Iceberg writes gzip
    "spark.sql.session.timeZone"                  = "UTC"
  }

  log_group_prefix = "/aws-glue/jobs/${var.name}"

  default_arguments = merge(
    {
      "--job-language"            = "python"
      "--job-bookmark-option"     = "job-bookmark-disable" # bookmarks don't know Iceberg; every run replaces its table
      "--datalake-formats"        = "iceberg"
      "--enable-glue-datacatalog" = "true"
      "--conf"                    = join(" --conf ", [for key, value in local.spark_conf : "${key}=${value}"])
      "--extra-files"             = join(",", [for object in aws_s3_object.ddl : "s3://${object.bucket}/${object.key}"])
      "--custom-logGroup-prefix"  = local.log_group_prefix
      "--database"                = var.database
      "--bucket"                  = var.bucket
    },
    length(local.shared_modules) == 0 ? {} : {
      "--extra-py-files" = join(",", [for object in local.shared_modules : "s3://${object.bucket}/${object.key}"])
    },
    # The mere presence of these keys switches metrics on, whatever their value.
    var.metrics_enabled ? { "--enable-metrics" = "true", "--enable-observability-metrics" = "true" } : {},
    { for name, value in var.arguments : "--${name}" => value if value != null },
  )
}

# source_hash and not etag: under KMS an etag is no MD5 and differs on every plan (terraform-provider-aws#5033).
resource "aws_s3_object" "script" {
  for_each = fileset(var.scripts_path, "*.py")

  bucket       = var.bucket
  key          = "glue/scripts/${each.value}"
  source       = "${var.scripts_path}/${each.value}"
  source_hash  = filemd5("${var.scripts_path}/${each.value}")
  content_type = "text/x-python"
}

resource "aws_s3_object" "ddl" {
  for_each = fileset(var.ddl_path, "*.sql")

  bucket       = var.bucket
  key          = "glue/ddl/${each.value}"
  source       = "${var.ddl_path}/${each.value}"
  source_hash  = filemd5("${var.ddl_path}/${each.value}")
  content_type = "application/sql"
}

# Glue 5 writes the driver's and executors' own logs to <prefix>/error and what the script prints to <prefix>/output.
resource "aws_cloudwatch_log_group" "jobs" {
  for_each = toset(["error", "output"])

  name              = "${local.log_group_prefix}/${each.value}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_glue_job" "this" {
  for_each = local.jobs

  name              = local.job_names[each.key]
  description       = each.value.description
  role_arn          = var.role_arn
  glue_version      = var.glue_version
  worker_type       = var.worker_type
  number_of_workers = var.number_of_workers
  timeout           = var.timeout
  max_retries       = var.max_retries
  execution_class   = var.execution_class
  default_arguments = local.default_arguments
  tags              = var.tags

  command {
    name            = "glueetl"
    python_version  = "3"
    script_location = "s3://${local.scripts[each.key].bucket}/${local.scripts[each.key].key}"
  }

  execution_property {
    max_concurrent_runs = 1
  }

  # Glue creates log groups that are missing, without retention.
  depends_on = [aws_cloudwatch_log_group.jobs]
}
