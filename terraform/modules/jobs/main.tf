# The Glue jobs, the workflow that runs five of them in sequence, their code and their logs.

locals {
  # What pipeline.json declares of the jobs. `after` names the job whose success starts this one; null starts with the workflow.
  steps = {
    for table, spec in jsondecode(file("${var.scripts_path}/pipeline.json")).tables :
    spec.job => { after = spec.after, table = table, description = spec.description } if can(spec.job)
  }

  all_steps = { after = null, table = null, description = "Landing to trusted to curated: ${length(local.steps)} steps in one Spark session." }
  workflow_jobs = {
    for job, spec in merge(local.steps, { all_steps = local.all_steps }) :
    job => spec if(job == "all_steps") == (var.orchestration == "single_job")
  }

  declared_policies = jsondecode(file("${var.scripts_path}/policies.json"))
  policies          = { for name, policy in local.declared_policies.policies : name => keys(policy.values) }
  wrong_profiles = flatten([
    for name, profile in local.declared_policies.profiles : [
      for policy, value in profile.policies : "profile ${name}: ${policy} must be ${join(" or ", lookup(local.policies, policy, ["declared as a policy"]))}; got ${jsonencode(value)}"
      if !try(contains(local.policies[policy], value), false)
    ]
  ])

  # All jobs with their roles: those of the workflow, and two that run on request only.
  jobs = merge(
    { for job, spec in local.workflow_jobs : job => { description = spec.description, role_arn = var.role_arn } },
    { forget = { description = "Handles erasure requests: erases a person from all data, and verifies the result.", role_arn = var.forget_role_arn } },
    { rollback = { description = "Puts all tables back to an earlier run, as one consistent set.", role_arn = var.role_arn } },
  )

  # Settings per job: job_settings, or else the settings of all jobs.
  settings = {
    for job in keys(local.jobs) : job => {
      worker_type       = coalesce(try(var.job_settings[job].worker_type, null), var.worker_type)
      number_of_workers = coalesce(try(var.job_settings[job].number_of_workers, null), var.number_of_workers)
      timeout           = coalesce(try(var.job_settings[job].timeout, null), var.timeout)
      # The operator follows these and repeats them; an unattended retry could collide with a pipeline run.
      max_retries     = coalesce(try(var.job_settings[job].max_retries, null), contains(["forget", "rollback"], job) ? 0 : var.max_retries)
      execution_class = coalesce(try(var.job_settings[job].execution_class, null), var.execution_class)
    }
  }

  job_names = { for job in keys(local.jobs) : job => "${var.name}-${replace(job, "_", "-")}" }

  scripts = { for job in keys(local.jobs) : job => aws_s3_object.script["${job}.py"] }

  # The complete catalog configuration of Spark: the scripts have none of their own.
  spark_conf = {
    "spark.sql.extensions"                         = "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions"
    "spark.sql.catalog.glue_catalog"               = "org.apache.iceberg.spark.SparkCatalog"
    "spark.sql.catalog.glue_catalog.catalog-impl"  = "org.apache.iceberg.aws.glue.GlueCatalog"
    "spark.sql.catalog.glue_catalog.io-impl"       = "org.apache.iceberg.aws.s3.S3FileIO"
    "spark.sql.catalog.glue_catalog.warehouse"     = var.warehouse_uri
    "spark.sql.catalog.glue_catalog.cache-enabled" = "false" # with the cache, commits of other clients stay invisible for 30 seconds
    "spark.sql.iceberg.compression-codec"          = "zstd"  # Glue creates the tables without a codec, and Iceberg's default is gzip
    "spark.sql.session.timeZone"                   = "UTC"
  }

  # Spark 4 fails on text that is not UTF-8, which the jobs put into quarantine: they decode it and look for replacements.
  spark_conf_of_glue_6 = startswith(var.glue_version, "6.") ? { "spark.sql.legacy.codingErrorAction" = "true" } : {}

  log_group_prefix = "/aws-glue/jobs/${var.name}"

  # Glue writes to <prefix>/error and <prefix>/output; under a security configuration, to groups named after that
  # configuration and the job's role. All are created, since an empty group costs nothing: which ones Glue uses is unknown
  # until the key, which the same apply may create, exists.
  log_folders = merge(
    { "" = local.log_group_prefix },
    { for of, arn in { jobs = var.role_arn, forget = var.forget_role_arn } : "${of}-" => "${local.log_group_prefix}/${aws_glue_security_configuration.this.name}-role/${split(":role/", arn)[1]}" },
  )
  log_groups = merge([for of, folder in local.log_folders : { for stream in ["error", "output"] : "${of}${stream}" => "${folder}/${stream}" }]...)

  default_arguments = merge(
    {
      "--job-language"           = "python"
      "--job-bookmark-option"    = "job-bookmark-disable" # bookmarks don't support Iceberg; every run replaces its table
      "--datalake-formats"       = "iceberg"
      "--conf"                   = join(" --conf ", [for key, value in merge(local.spark_conf, local.spark_conf_of_glue_6) : "${key}=${value}"])
      "--extra-files"            = join(",", [for object in concat(values(aws_s3_object.ddl), values(aws_s3_object.declaration)) : "s3://${object.bucket}/${object.key}"])
      "--custom-logGroup-prefix" = local.log_group_prefix
      "--database"               = var.database
      "--bucket"                 = trimsuffix("${var.bucket}/${var.prefix}", "/")
      "--subject_key_secret"     = var.subject_key_secret_arn
      "--refusal_key_secret"     = var.refusal_key_secret_arn
      # The scripts too: the erasure job rebuilds the training table with the code of that table's own job.
      "--extra-py-files" = join(",", [for object in aws_s3_object.script : "s3://${object.bucket}/${object.key}"])
    },
    # The presence of these keys enables metrics, whatever their value.
    var.metrics_enabled ? { "--enable-metrics" = "true", "--enable-observability-metrics" = "true" } : {},
    { for name, value in var.arguments : "--${name}" => value if value != null },
  )
}

# source_hash and not etag: under KMS an etag is no MD5 and differs on every plan (terraform-provider-aws#5033).
resource "aws_s3_object" "script" {
  # Glue puts all files into one folder: Terraform fails here if two have the same name.
  for_each = { for file in fileset(var.scripts_path, "*/*.py") : basename(file) => file }

  bucket       = var.bucket
  key          = "${var.prefix}glue/scripts/${each.key}"
  source       = "${var.scripts_path}/${each.value}"
  source_hash  = filemd5("${var.scripts_path}/${each.value}")
  content_type = "text/x-python"
}

# <table>.sql, the schema contract, and <table>.audit.sql, the rules that a table must pass before it is published.
resource "aws_s3_object" "ddl" {
  for_each = fileset(var.ddl_path, "*.sql")

  bucket       = var.bucket
  key          = "${var.prefix}glue/ddl/${each.value}"
  source       = "${var.ddl_path}/${each.value}"
  source_hash  = filemd5("${var.ddl_path}/${each.value}")
  content_type = "application/sql"
}

# pipeline.json and policies.json, which Terraform and the command line read too.
resource "aws_s3_object" "declaration" {
  for_each = fileset(var.scripts_path, "*.json")

  bucket       = var.bucket
  key          = "${var.prefix}glue/scripts/${each.value}"
  source       = "${var.scripts_path}/${each.value}"
  source_hash  = filemd5("${var.scripts_path}/${each.value}")
  content_type = "application/json"

  lifecycle {
    precondition {
      condition     = length(local.wrong_profiles) == 0
      error_message = "policies.json: ${join("; ", local.wrong_profiles)}. Nothing was changed: correct the file and apply."
    }
  }
}

# Glue 5 writes the logs of driver and executors to error, and the output of the script to output.
resource "aws_cloudwatch_log_group" "jobs" {
  #checkov:skip=CKV_AWS_158:Encrypted with kms_key_arn if given, otherwise with CloudWatch's own key; the logs hold counts and stack traces, no rows.
  #checkov:skip=CKV_AWS_338:The caller chooses the retention (log_retention_days); the record of each run is in the tables' snapshots, not in logs.
  for_each = local.log_groups

  name              = each.value
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = var.tags
}

# Always created, but used only with a key: if the caller creates the key in the same configuration, its ARN is unknown when
# Terraform evaluates count ("Invalid count argument").
resource "aws_glue_security_configuration" "this" {
  #checkov:skip=CKV_AWS_99:Everything is encrypted with kms_key_arn if given; without it no job uses this configuration.
  name = var.name

  encryption_configuration {
    cloudwatch_encryption {
      cloudwatch_encryption_mode = var.kms_key_arn == null ? "DISABLED" : "SSE-KMS"
      kms_key_arn                = var.kms_key_arn
    }

    job_bookmarks_encryption {
      job_bookmarks_encryption_mode = var.kms_key_arn == null ? "DISABLED" : "CSE-KMS"
      kms_key_arn                   = var.kms_key_arn
    }

    s3_encryption {
      s3_encryption_mode = var.kms_key_arn == null ? "SSE-S3" : "SSE-KMS"
      kms_key_arn        = var.kms_key_arn
    }
  }
}

resource "aws_glue_job" "this" {
  for_each = local.jobs

  #checkov:skip=CKV_AWS_195:A security configuration only adds a customer managed key: jobs use it with kms_key_arn; without, the bucket encrypts with SSE-S3.
  name                   = local.job_names[each.key]
  description            = each.value.description
  role_arn               = each.value.role_arn
  glue_version           = var.glue_version
  worker_type            = local.settings[each.key].worker_type
  number_of_workers      = local.settings[each.key].number_of_workers
  timeout                = local.settings[each.key].timeout
  max_retries            = local.settings[each.key].max_retries
  execution_class        = local.settings[each.key].execution_class
  connections            = var.connections
  security_configuration = var.kms_key_arn == null ? null : aws_glue_security_configuration.this.name
  default_arguments      = merge(local.default_arguments, each.key == "forget" ? { "--log_groups" = join(",", values(local.log_groups)) } : {})
  tags                   = var.tags

  command {
    name            = "glueetl"
    python_version  = "3"
    script_location = "s3://${local.scripts[each.key].bucket}/${local.scripts[each.key].key}"
  }

  execution_property {
    max_concurrent_runs = try(local.workflow_jobs[each.key].after, "none") == null ? local.concurrent_runs : 1
  }

  # Notifies before the timeout, while the run can still be inspected: modules/monitoring forwards Glue's event.
  notification_property {
    notify_delay_after = ceil(local.settings[each.key].timeout * 0.8)
  }

  # Glue would create missing log groups itself, without retention.
  depends_on = [aws_cloudwatch_log_group.jobs]
}
