# Names

variable "name_prefix" {
  description = "First part of every resource name."
  type        = string
  default     = "stedi"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,18}[a-z0-9]$", var.name_prefix))
    error_message = "name_prefix must be 2 to 20 lower-case letters, digits and hyphens, starting with a letter and not ending in a hyphen; got \"${var.name_prefix}\"."
  }
}

variable "environment" {
  description = "Second part of every resource name, such as dev or prod."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,13}[a-z0-9]$", var.environment))
    error_message = "environment must be 2 to 15 lower-case letters, digits and hyphens, starting with a letter and not ending in a hyphen; got \"${var.environment}\"."
  }
}

variable "bucket_name" {
  description = "Name of the bucket; null means <name_prefix>-<environment>-lakehouse-<account id>."
  type        = string
  default     = null

  validation {
    condition     = var.bucket_name == null || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket_name))
    error_message = "bucket_name must be 3 to 63 lower-case letters, digits and hyphens, starting and ending with a letter or digit, without dots (they break TLS host names); got ${jsonencode(var.bucket_name)}."
  }
}

variable "database_name" {
  description = "Name of the Glue database that the module creates; null means <name_prefix>_<environment>. The audit database is <database>_audit."
  type        = string
  default     = null

  validation {
    condition     = var.database_name == null || can(regex("^[a-z][a-z0-9_]{0,63}$", var.database_name))
    error_message = "database_name must be 1 to 64 lower-case letters, digits and underscores, starting with a letter; got ${jsonencode(var.database_name)}."
  }
}

variable "regional_names" {
  description = "Whether roles, policies, the bucket and the budget also have the region in their names, so that an account can have the same environment in several regions. A change replaces them, the bucket included."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.regional_names || length("${local.name}-table-optimizers-${local.region}") <= 64
    error_message = "regional_names needs shorter names: IAM allows 64 characters, and \"${local.name}-table-optimizers-${local.region}\" has ${length("${local.name}-table-optimizers-${local.region}")}. Shorten name_prefix or environment."
  }

  validation {
    condition     = !var.regional_names || var.bucket_name != null || var.existing_bucket != null || length("${local.name}-lakehouse-123456789012-${local.region}") <= 63
    error_message = "regional_names needs a bucket_name: S3 allows 63 characters, and <name>-lakehouse-<account>-<region> has ${length("${local.name}-lakehouse-123456789012-${local.region}")}. Set bucket_name, or shorten name_prefix or environment."
  }
}

variable "tags" {
  description = "Tags of every resource, in addition to Project, Environment, Lakehouse (<name_prefix>-<environment>) and ManagedBy."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = !anytrue([for key in keys(var.tags) : startswith(lower(key), "aws:")])
    error_message = "tags must not have keys that start with \"aws:\", which AWS reserves; got ${jsonencode(keys(var.tags))}."
  }
}

# Resources that exist already: the module uses them, and neither changes nor destroys them. docs/bring-your-own.md says what
# each must allow. Objects, whose presence Terraform knows before it knows the names in them.

variable "existing_bucket" {
  description = "Existing bucket to use instead of a new one, and the key prefix in it, without slashes at its ends. The lakehouse keeps to the prefix: it reads, writes, erases and deletes old versions below it only. Versioning, encryption, lifecycle rules, access logs and the bucket policy are up to the bucket's owner. With kms_key_arn, that must be the key of the bucket."
  type = object({
    name   = string
    prefix = string
  })
  default = null

  validation {
    condition     = var.existing_bucket == null || try(can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.existing_bucket.name)), false)
    error_message = "existing_bucket.name must be the name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens; got ${jsonencode(var.existing_bucket)}."
  }

  validation {
    condition     = var.existing_bucket == null || try(can(regex("^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$", var.existing_bucket.prefix)) && length(var.existing_bucket.prefix) <= 40, false)
    error_message = "existing_bucket.prefix must be folders of letters, digits, hyphens and underscores, 40 characters in all (IAM limits the policies), such as teams/stedi, without a slash at the beginning or end; got ${jsonencode(var.existing_bucket)}."
  }

  validation {
    condition     = var.existing_bucket == null || (var.bucket_name == null && var.access_logs == null)
    error_message = "existing_bucket excludes bucket_name and access_logs, which are for a bucket that the module creates; got ${jsonencode(var.bucket_name)} and ${jsonencode(var.access_logs)}."
  }
}

variable "existing_database" {
  description = "Existing Glue database for the tables; other tables in it are left alone. The module still creates the audit database, <database>_audit. Lower-case letters, digits and underscores."
  type        = object({ name = string })
  default     = null

  validation {
    condition     = var.existing_database == null || try(can(regex("^[a-z][a-z0-9_]{0,63}$", var.existing_database.name)), false)
    error_message = "existing_database.name must be 1 to 64 lower-case letters, digits and underscores, starting with a letter; got ${jsonencode(var.existing_database)}."
  }

  validation {
    condition     = var.existing_database == null || var.database_name == null
    error_message = "existing_database excludes database_name, which is for a database that the module creates; got ${jsonencode(var.database_name)}."
  }
}

variable "existing_roles" {
  description = "ARNs of existing roles of the workflow's jobs and of the erasure job. glue.amazonaws.com must be allowed to assume them. Their owner attaches the policies in the output role_policies."
  type = object({
    jobs_arn   = string
    forget_arn = string
  })
  default = null

  validation {
    condition     = var.existing_roles == null || alltrue([for arn in values(coalesce(var.existing_roles, {})) : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/[!-~]+$", arn))])
    error_message = "existing_roles must be ARNs of roles, such as arn:aws:iam::123456789012:role/glue; got ${jsonencode(var.existing_roles)}."
  }
}

variable "existing_topic" {
  description = "Existing SNS topic in this region for failures, alarms and the budget. Its policy must have the statements in the output failure_topic_policy, and the policy of its key, if it is encrypted, the statements of examples/complete/kms.tf."
  type        = object({ arn = string })
  default     = null

  validation {
    condition     = var.existing_topic == null || try(can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", var.existing_topic.arn)), false)
    error_message = "existing_topic.arn must be the ARN of a topic, such as arn:aws:sns:us-east-1:123456789012:alerts; got ${jsonencode(var.existing_topic)}."
  }

  validation {
    condition     = var.existing_topic == null || var.failure_events_enabled
    error_message = "existing_topic requires failure_events_enabled, or nothing is sent to it."
  }
}

variable "existing_workgroup" {
  description = "Existing Athena workgroup for engineers, which gets the saved queries. The results that it keeps outside the lakehouse are out of reach of `make forget`. The analysts' workgroup is always created, since it separates their results."
  type        = object({ name = string })
  default     = null

  validation {
    condition     = var.existing_workgroup == null || try(can(regex("^[A-Za-z0-9._-]{1,128}$", var.existing_workgroup.name)), false)
    error_message = "existing_workgroup.name must be 1 to 128 letters, digits, dots, hyphens and underscores; got ${jsonencode(var.existing_workgroup)}."
  }
}

variable "existing_secrets" {
  description = "ARNs of existing secrets with the HMAC keys of the pseudonyms and of the refusals: 64 hexadecimal digits each, not the same. Never rotate the second. If another key than kms_key_arn encrypts them, its policy must allow the jobs' roles to decrypt."
  type = object({
    subject_key_arn = string
    refusal_key_arn = string
  })
  default = null

  validation {
    condition     = var.existing_secrets == null || alltrue([for arn in values(coalesce(var.existing_secrets, {})) : can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[!-~]+$", arn))])
    error_message = "existing_secrets must be ARNs of secrets, such as arn:aws:secretsmanager:us-east-1:123456789012:secret:key-AbCdEf; got ${jsonencode(var.existing_secrets)}."
  }

  validation {
    condition     = var.existing_secrets == null || try(var.existing_secrets.subject_key_arn != var.existing_secrets.refusal_key_arn, true)
    error_message = "existing_secrets must be two secrets: the subject key may be replaced, the refusal key never."
  }

  validation {
    condition     = var.existing_secrets == null || var.subject_key_version == 1
    error_message = "existing_secrets excludes subject_key_version, which replaces a key that the module has created; got ${var.subject_key_version}."
  }
}

# Encryption and access

variable "kms_key_arn" {
  description = "Symmetric KMS key in this region that encrypts the bucket, query results, logs, the HMAC keys of pseudonyms and refusals, and failure messages; null uses the services' own keys. The module grants the key to its roles and in the analyst policy. The key policy must allow access through the account's IAM policies, and must allow these services: logs.<region>.amazonaws.com (log groups; in China .amazonaws.com.cn), events.amazonaws.com (failure messages; without a condition on aws:SourceAccount, which EventBridge does not send), cloudwatch.amazonaws.com (alarms) and budgets.amazonaws.com (if there is a budget). examples/complete/kms.tf has such a policy."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key, not of an alias, such as arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef; got ${jsonencode(var.kms_key_arn)}."
  }

  validation {
    condition     = var.kms_key_arn == null || try(split(":", var.kms_key_arn)[3] == data.aws_region.current.id, true)
    error_message = "kms_key_arn must be a key in the bucket's region, ${data.aws_region.current.id}; got ${jsonencode(var.kms_key_arn)}."
  }
}

variable "iam_path" {
  description = "IAM path of the roles and the analyst policy."
  type        = string
  default     = "/"
  nullable    = false

  validation {
    condition     = can(regex("^/([!-.0-~]+/)*$", var.iam_path)) && length(var.iam_path) <= 512
    error_message = "iam_path must start and end with a slash, contain no spaces and have at most 512 characters, such as /data/; got \"${var.iam_path}\"."
  }
}

variable "permissions_boundary_arn" {
  description = "ARN of the managed policy that is the permissions boundary of every role; null means none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:aws[a-z-]*:iam::(aws|[0-9]{12}):policy/[!-~]+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of a managed policy, such as arn:aws:iam::123456789012:policy/boundary; got ${jsonencode(var.permissions_boundary_arn)}."
  }
}

# Storage

variable "force_destroy" {
  description = "Whether `terraform destroy` deletes a bucket that holds data and workgroups with query history, and deletes the secrets without a recovery window."
  type        = bool
  default     = false
  nullable    = false
}

variable "require_tls" {
  description = "Whether the bucket refuses plain HTTP. Set it to false only for an emulator without TLS."
  type        = bool
  default     = true
  nullable    = false
}

variable "lifecycle_rules" {
  description = "Whether objects expire, and after how many days: incomplete uploads, noncurrent versions (including replaced landing files and expired table files), Athena results, quarantined rows, parsed rows (which the next run makes again), and erasure requests and exports that were never completed."
  type = object({
    enabled                 = optional(bool, true)
    incomplete_upload_days  = optional(number, 7)
    noncurrent_version_days = optional(number, 30)
    athena_result_days      = optional(number, 14)
    quarantine_days         = optional(number, 90)
    parsed_row_days         = optional(number, 30)
    forget_request_days     = optional(number, 7)
  })
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for days in [
        var.lifecycle_rules.incomplete_upload_days,
        var.lifecycle_rules.noncurrent_version_days,
        var.lifecycle_rules.athena_result_days,
        var.lifecycle_rules.quarantine_days,
        var.lifecycle_rules.parsed_row_days,
        var.lifecycle_rules.forget_request_days,
      ] : days >= 1 && floor(days) == days
    ])
    error_message = "lifecycle_rules must be whole numbers of days, at least 1; got ${jsonencode(var.lifecycle_rules)}."
  }
}

variable "access_logs" {
  description = "Bucket that receives the S3 access logs, and their key prefix (null means the lakehouse bucket's name and a slash); null keeps no access logs. The receiving bucket's policy must allow logging.s3.amazonaws.com to put objects. The bucket must be encrypted with SSE-S3, because S3 does not deliver access logs to a bucket under a KMS key."
  type = object({
    bucket = string
    prefix = optional(string)
  })
  default = null

  validation {
    condition     = var.access_logs == null || try(can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.access_logs.bucket)), false)
    error_message = "access_logs.bucket must be the name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens; got ${jsonencode(var.access_logs)}."
  }

  validation {
    condition     = var.access_logs == null || try(var.access_logs.bucket != var.bucket_name, true)
    error_message = "access_logs.bucket must differ from bucket_name, or every delivered log would be logged again; got ${jsonencode(var.access_logs)} and ${jsonencode(var.bucket_name)}."
  }
}

# Network

variable "network" {
  description = "VPC of the S3 gateway endpoint and of vpc_jobs. With cidr_block the module creates it: private subnets in as many availability zones as zones says, one route table, no internet access. With vpc_id it is an existing VPC. Null means no VPC: jobs then reach S3 through Glue's own network. Route tables with the endpoint reach no S3 bucket but the lakehouse's: list in route_table_ids (null means all of the VPC) only those that nothing else depends on. Set s3_endpoint_enabled = false if the route tables already have an S3 gateway endpoint (one is allowed per route table) or need other buckets."
  type = object({
    cidr_block          = optional(string)
    zones               = optional(number, 2)
    vpc_id              = optional(string)
    route_table_ids     = optional(list(string))
    s3_endpoint_enabled = optional(bool, true)
  })
  default = null

  validation {
    condition     = var.network == null || try((var.network.cidr_block == null) != (var.network.vpc_id == null), false)
    error_message = "network must have either cidr_block (the module creates a VPC) or vpc_id (an existing VPC); got ${jsonencode(var.network)}."
  }

  # Four subnets must fit, and AWS requires at least 16 addresses in each.
  validation {
    condition     = try(var.network.cidr_block, null) == null || try(can(cidrnetmask(var.network.cidr_block)) && cidrhost(var.network.cidr_block, 0) == split("/", var.network.cidr_block)[0] && tonumber(split("/", var.network.cidr_block)[1]) >= 16 && tonumber(split("/", var.network.cidr_block)[1]) <= 26, false)
    error_message = "network.cidr_block must be an IPv4 block with a prefix of /16 to /26, such as 10.0.0.0/24; got ${jsonencode(try(var.network.cidr_block, null))}."
  }

  validation {
    condition     = var.network == null || try(contains([1, 2, 3, 4], var.network.zones), false)
    error_message = "network.zones must be a whole number from 1 to 4; got ${jsonencode(try(var.network.zones, null))}."
  }

  validation {
    condition     = try(var.network.vpc_id, null) == null || can(regex("^vpc-([0-9a-f]{8}|[0-9a-f]{17})$", var.network.vpc_id))
    error_message = "network.vpc_id must be an id like vpc-0123456789abcdef0; got ${jsonencode(try(var.network.vpc_id, null))}."
  }

  validation {
    condition     = alltrue([for id in try(coalesce(var.network.route_table_ids, []), []) : can(regex("^rtb-([0-9a-f]{8}|[0-9a-f]{17})$", id))])
    error_message = "network.route_table_ids must be ids like rtb-0123456789abcdef0; got ${jsonencode(try(var.network.route_table_ids, null))}."
  }

  validation {
    condition     = try(var.network.route_table_ids, null) == null || try(var.network.cidr_block, null) == null
    error_message = "network.route_table_ids are allowed with vpc_id only: a network with cidr_block gets its own route table; got ${jsonencode(try(var.network.route_table_ids, null))}."
  }
}

variable "vpc_jobs" {
  description = "Runs the jobs inside the network; null runs them outside any VPC, which is enough to reach S3. subnet_ids: private subnets, preferably in several availability zones, of which a run uses the first that is healthy and has free addresses; null means the subnets that the module creates. interface_endpoints: services that get an interface endpoint with private DNS; null means those that the jobs call (glue, logs, secretsmanager and, with metrics_enabled, monitoring). Leave out services that the VPC already reaches through an endpoint or a NAT gateway, and give their addresses in egress_cidr_blocks. The VPC needs DNS support and DNS host names."
  type = object({
    subnet_ids          = optional(list(string))
    interface_endpoints = optional(set(string))
    egress_cidr_blocks  = optional(list(string), [])
  })
  default = null

  validation {
    condition     = var.vpc_jobs == null || var.network != null
    error_message = "vpc_jobs requires network, in whose subnets the jobs run; got ${jsonencode(var.vpc_jobs)}."
  }

  validation {
    condition     = var.vpc_jobs == null || try(var.vpc_jobs.subnet_ids, null) != null || try(var.network.vpc_id, null) == null
    error_message = "vpc_jobs.subnet_ids is required with network.vpc_id: the module knows only the subnets that it creates itself."
  }

  validation {
    condition     = try(var.vpc_jobs.subnet_ids, null) == null || try(length(var.vpc_jobs.subnet_ids) > 0 && alltrue([for id in var.vpc_jobs.subnet_ids : can(regex("^subnet-([0-9a-f]{8}|[0-9a-f]{17})$", id))]), false)
    error_message = "vpc_jobs.subnet_ids must be one or more ids like subnet-0123456789abcdef0; got ${jsonencode(try(var.vpc_jobs.subnet_ids, null))}."
  }

  validation {
    condition     = alltrue([for service in try(coalesce(var.vpc_jobs.interface_endpoints, []), []) : contains(["glue", "kms", "logs", "monitoring", "secretsmanager", "sts"], service)])
    error_message = "vpc_jobs.interface_endpoints must be among glue, kms, logs, monitoring, secretsmanager and sts; got ${jsonencode(try(var.vpc_jobs.interface_endpoints, null))}."
  }

  validation {
    condition     = alltrue([for block in try(var.vpc_jobs.egress_cidr_blocks, []) : can(cidrhost(block, 0))])
    error_message = "vpc_jobs.egress_cidr_blocks must be CIDR blocks like 10.0.0.0/16; got ${jsonencode(try(var.vpc_jobs.egress_cidr_blocks, null))}."
  }

  validation {
    condition = try(var.vpc_jobs.interface_endpoints, null) == null || length(try(var.vpc_jobs.egress_cidr_blocks, [])) > 0 || length(setsubtract(
      concat(["glue", "logs", "secretsmanager"], var.metrics_enabled ? ["monitoring"] : []),
      coalesce(try(var.vpc_jobs.interface_endpoints, null), []),
    )) == 0
    error_message = "vpc_jobs.egress_cidr_blocks must contain the addresses of glue, logs, secretsmanager and, with metrics_enabled, monitoring that interface_endpoints leaves out; interface_endpoints is ${jsonencode(try(var.vpc_jobs.interface_endpoints, null))}."
  }
}

# Code to upload, and schema contracts

variable "ddl_path" {
  description = "Folder of the DDL, one <table>.sql per table; null means ddl/ in the module's repository."
  type        = string
  default     = null

  validation {
    condition     = length(fileset(coalesce(var.ddl_path, "${path.module}/../ddl"), "*.sql")) > 0
    error_message = "${coalesce(var.ddl_path, "${path.module}/../ddl")} holds no <table>.sql. Terraform copies the whole repository only if the source has a double slash: write \"<repository>//terraform\" as the module's source, or set ddl_path and scripts_path."
  }
}

variable "scripts_path" {
  description = "Folder of the job scripts and their shared modules, with pipeline.json and policies.json; null means glue_jobs/ in the module's repository."
  type        = string
  default     = null

  validation {
    condition     = length(fileset(coalesce(var.scripts_path, "${path.module}/../glue_jobs"), "jobs/*.py")) > 0
    error_message = "${coalesce(var.scripts_path, "${path.module}/../glue_jobs")} holds no jobs/<job>.py. Terraform copies the whole repository only if the source has a double slash: write \"<repository>//terraform\" as the module's source, or set ddl_path and scripts_path."
  }

  validation {
    condition     = alltrue([for file in ["pipeline.json", "policies.json"] : fileexists("${coalesce(var.scripts_path, "${path.module}/../glue_jobs")}/${file}")])
    error_message = "${coalesce(var.scripts_path, "${path.module}/../glue_jobs")} must hold pipeline.json and policies.json, which declare tables, jobs, policies and profiles."
  }
}

# Jobs

variable "glue_version" {
  description = "AWS Glue version: 5.1 has Spark 3.5.6, Python 3.11 and Iceberg 1.10. 6.0 (Spark 4.1.1, Python 3.13, Iceberg 1.11) is a preview here: transforms and rules are tested on its Spark, the jobs as a whole on no Glue 6.0; see docs/versions.md."
  type        = string
  default     = "5.1"
  nullable    = false

  validation {
    condition     = contains(["5.0", "5.1", "6.0"], var.glue_version)
    error_message = "glue_version must be 5.0, 5.1 or, as a preview, 6.0 (earlier versions have another Spark, another Iceberg and other logging); got \"${var.glue_version}\"."
  }
}

variable "worker_type" {
  description = "Worker type of every job: G.1X has 4 vCPUs and 16 GB, G.2X twice that; R.1X has twice the memory of G.1X. The AWS provider and the region must support it too."
  type        = string
  default     = "G.1X"
  nullable    = false

  validation {
    condition     = can(regex(local.worker_type_pattern, var.worker_type))
    error_message = "worker_type must be one of Glue's G or R workers, such as G.1X or R.2X; got \"${var.worker_type}\"."
  }
}

variable "number_of_workers" {
  description = "Number of workers of every job, including the driver."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.number_of_workers >= local.job_ranges.number_of_workers.min && var.number_of_workers <= local.job_ranges.number_of_workers.max && floor(var.number_of_workers) == var.number_of_workers
    error_message = "number_of_workers must be a whole number from ${local.job_ranges.number_of_workers.min} (driver and executor) to ${local.job_ranges.number_of_workers.max}; got ${var.number_of_workers}."
  }
}

variable "timeout" {
  description = "Minutes after which Glue stops a job run."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.timeout >= local.job_ranges.timeout.min && var.timeout <= local.job_ranges.timeout.max && floor(var.timeout) == var.timeout
    error_message = "timeout must be whole minutes from ${local.job_ranges.timeout.min} to ${local.job_ranges.timeout.max} (7 days); got ${var.timeout}."
  }
}

variable "max_retries" {
  description = "How often Glue retries a failed job run. A retry is safe: every run replaces its table. The erasure and rollback jobs have no retries, because the operator repeats the command; job_settings can override that."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.max_retries >= local.job_ranges.max_retries.min && var.max_retries <= local.job_ranges.max_retries.max && floor(var.max_retries) == var.max_retries
    error_message = "max_retries must be a whole number from ${local.job_ranges.max_retries.min} to ${local.job_ranges.max_retries.max}; got ${var.max_retries}."
  }
}

variable "execution_class" {
  description = "STANDARD starts at once; FLEX is cheaper and starts when Glue has spare capacity."
  type        = string
  default     = "STANDARD"
  nullable    = false

  validation {
    condition     = contains(local.execution_classes, var.execution_class)
    error_message = "execution_class must be ${join(" or ", local.execution_classes)}; got \"${var.execution_class}\"."
  }

  validation {
    condition     = var.execution_class != "FLEX" || contains(local.flex_worker_types, var.worker_type)
    error_message = "execution_class FLEX runs on ${join(" and ", local.flex_worker_types)} only; worker_type is \"${var.worker_type}\"."
  }
}

variable "orchestration" {
  description = "How the steps of the pipeline run: workflow gives each a Glue job of its own, single_job runs all in one Spark session, which starts and is billed once. Either can follow on the other."
  type        = string
  default     = "workflow"
  nullable    = false

  validation {
    condition     = contains(["workflow", "single_job"], var.orchestration)
    error_message = "orchestration must be workflow or single_job; got ${jsonencode(var.orchestration)}."
  }
}

variable "job_settings" {
  description = "Settings of single jobs that override the settings above, by script name: { machine_learning_curated = { number_of_workers = 10 } }."
  type = map(object({
    worker_type       = optional(string)
    number_of_workers = optional(number)
    timeout           = optional(number)
    max_retries       = optional(number)
    execution_class   = optional(string)
  }))
  default  = {}
  nullable = false

  # modules/jobs, which knows the job names, checks the keys.

  validation {
    condition = alltrue([
      for job in values(var.job_settings) :
      (job.worker_type == null || can(regex(local.worker_type_pattern, job.worker_type))) &&
      (job.execution_class == null || try(contains(local.execution_classes, job.execution_class), false))
    ])
    error_message = "job_settings must have a worker_type such as G.1X or R.2X and an execution_class of ${join(" or ", local.execution_classes)}; got ${jsonencode(var.job_settings)}."
  }

  validation {
    condition = alltrue(flatten([
      for job in values(var.job_settings) : [
        for setting, range in local.job_ranges :
        try(job[setting] >= range.min && job[setting] <= range.max && floor(job[setting]) == job[setting], job[setting] == null)
      ]
    ]))
    error_message = "job_settings must have whole numbers: ${join(", ", [for setting, range in local.job_ranges : "${setting} from ${range.min} to ${range.max}"])}; got ${jsonencode(var.job_settings)}."
  }

  validation {
    condition = alltrue([
      for job in values(var.job_settings) :
      coalesce(job.execution_class, var.execution_class) != "FLEX" || contains(local.flex_worker_types, coalesce(job.worker_type, var.worker_type))
    ])
    error_message = "job_settings may use FLEX on ${join(" and ", local.flex_worker_types)} only; got ${jsonencode(var.job_settings)} with execution_class ${var.execution_class} and worker_type ${var.worker_type}."
  }
}

variable "schedule" {
  description = "Schedule of the workflow, as a cron expression in UTC such as cron(0 3 * * ? *); null means no schedule. The workflow can also be started on demand."
  type        = string
  default     = null

  validation {
    condition     = var.schedule == null || can(regex("^cron\\(([0-9A-Z*/,?L#W-]+ ){5}[0-9A-Z*/,?L#W-]+\\)$", var.schedule))
    error_message = "schedule must be cron(minutes hours day-of-month month day-of-week year), such as cron(0 3 * * ? *); got ${jsonencode(var.schedule)}."
  }
}

variable "start" {
  description = "What starts the workflow by itself, besides schedule: on_arrival starts it once this many files (1 to 100) have arrived in the landing zone, or this many minutes (1 to 15) after the first of them. A run that meets another operation waits for its end. Excludes schedule, since a workflow has one start trigger. With existing_bucket, the owner of the bucket must have enabled EventBridge on it."
  type = object({
    on_arrival = optional(object({
      files   = optional(number, 100)
      minutes = optional(number, 5)
    }))
  })
  default  = {}
  nullable = false

  validation {
    condition = var.start.on_arrival == null || try(alltrue([
      for setting, most in { files = 100, minutes = 15 } :
      var.start.on_arrival[setting] >= 1 && var.start.on_arrival[setting] <= most && floor(var.start.on_arrival[setting]) == var.start.on_arrival[setting]
    ]), false)
    error_message = "start.on_arrival must have whole numbers: files from 1 to 100, minutes from 1 to 15 (limits of Glue); got ${jsonencode(var.start)}."
  }

  validation {
    condition     = var.start.on_arrival == null || var.schedule == null
    error_message = "start.on_arrival excludes schedule: a Glue workflow has one start trigger. Got ${jsonencode(var.start)} and schedule ${jsonencode(var.schedule)}."
  }
}

variable "landing_sources" {
  description = "Buckets that `make landing DATA=s3://<bucket>/<prefix>` copies from, each with the prefix that may be read and, if a customer managed key encrypts it, the key's ARN. With any, the module creates the policy in the output landing_policy_arn, which allows to fill the landing zone from them and nothing else; attach it to the operators' role. A bucket or key of another account must allow that role too."
  type = list(object({
    bucket      = string
    prefix      = optional(string, "")
    kms_key_arn = optional(string)
  }))
  default  = []
  nullable = false

  validation {
    condition = alltrue([
      for source in var.landing_sources :
      can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", source.bucket)) && !startswith(source.prefix, "/") && !endswith(source.prefix, "/") && !can(regex("[*?$]", source.prefix))
    ])
    error_message = "landing_sources must have names of buckets, and prefixes without a slash at the beginning or end and without *, ? and $; got ${jsonencode(var.landing_sources)}."
  }

  validation {
    condition     = alltrue([for source in var.landing_sources : source.kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[a-z0-9-]+$", source.kms_key_arn))])
    error_message = "landing_sources.kms_key_arn must be the ARN of a key, not of an alias; got ${jsonencode(var.landing_sources)}."
  }
}

# Catalog

variable "table_optimizers" {
  description = "Whether Glue maintains the Iceberg tables. It expires snapshots after snapshot_retention_days but keeps at least snapshots_to_keep, deletes files that no snapshot references after orphan_file_days, and with compaction merges small files. Without it, each run expires the runs before those of history. It costs DPU-hours, and removes the snapshots that a table could be rolled back to."
  type = object({
    enabled                 = optional(bool, false)
    compaction              = optional(bool, true)
    snapshot_retention_days = optional(number, 7)
    snapshots_to_keep       = optional(number, 1)
    orphan_file_days        = optional(number, 3)
  })
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for number in [
        var.table_optimizers.snapshot_retention_days,
        var.table_optimizers.snapshots_to_keep,
        var.table_optimizers.orphan_file_days,
      ] : number >= 1 && floor(number) == number
    ])
    error_message = "table_optimizers must have whole numbers, at least 1; got ${jsonencode(var.table_optimizers)}."
  }
}

variable "history" {
  description = "How many runs the tables keep to roll back to, and for how many days; the current one stays in any case. Each run expires those before, with their tags run_<id> and their files. Unused with table_optimizers, which then see to it."
  type = object({
    runs = optional(number, 30)
    days = optional(number, 90)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for number in values(var.history) : number >= 1 && floor(number) == number])
    error_message = "history must have whole numbers, at least 1; got ${jsonencode(var.history)}."
  }
}

variable "analyst_role_principals" {
  description = "ARNs of the IAM principals (roles, users, or the root of an account for all of it) that may assume a role with the analyst policy and no other; empty creates no role. `make analyst` says how to assume it."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.analyst_role_principals : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(root|(role|user)/[!-~]+)$", arn))])
    error_message = "analyst_role_principals must be ARNs of roles, users or accounts, such as arn:aws:iam::123456789012:role/data-scientists; got ${jsonencode(var.analyst_role_principals)}."
  }
}

variable "lake_formation" {
  description = "Whether to create Lake Formation grants: the roles of the jobs get their tables, analyst_principals (ARNs of roles or users) get machine_learning_curated only. Enable it in accounts where Lake Formation controls access; in a new account IAM does. The principal that applies must be a data lake administrator."
  type = object({
    enabled            = optional(bool, false)
    analyst_principals = optional(set(string), [])
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for principal in var.lake_formation.analyst_principals : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/.+$", principal))])
    error_message = "lake_formation.analyst_principals must be ARNs of IAM roles or users, such as arn:aws:iam::123456789012:role/analyst; got ${jsonencode(var.lake_formation.analyst_principals)}."
  }

  validation {
    condition     = var.lake_formation.enabled || length(var.lake_formation.analyst_principals) == 0
    error_message = "lake_formation.analyst_principals requires lake_formation.enabled, or nothing is granted to ${jsonencode(var.lake_formation.analyst_principals)}."
  }
}

# Semantics of the data: glue_jobs/policies.json declares the policies, their values and the profiles

variable "profile" {
  description = "Named set of policies, as glue_jobs/policies.json declares them."
  type        = string
  default     = "published"
  nullable    = false

  validation {
    condition     = contains(keys(local.profiles), var.profile)
    error_message = "profile must be ${join(" or ", [for name, meaning in local.profiles : "${name} (${meaning})"])}; got \"${var.profile}\"."
  }
}

variable "policies" {
  description = "Policies that override those of the profile, by name: { shared_serial_number = \"all_owners\" }. glue_jobs/policies.json declares what each means and which values it has."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.policies), keys(local.policies))) == 0
    error_message = "policies must name policies among ${join(", ", keys(local.policies))}; got ${jsonencode(var.policies)}."
  }

  validation {
    condition = alltrue([for policy, value in var.policies : try(contains(local.policies[policy], value), !contains(keys(local.policies), policy))])
    error_message = "policies: ${join(", ", [
      for policy, value in var.policies : "${policy} must be ${join(" or ", local.policies[policy])}" if !try(contains(local.policies[policy], value), !contains(keys(local.policies), policy))
    ])}; got ${jsonencode(var.policies)}."
  }
}

# Pseudonyms

variable "subject_key_version" {
  description = "Version of the HMAC key that makes the pseudonyms. A different number creates a new key: from the next run on, every customer has a new pseudonym that cannot be linked to the old one."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.subject_key_version >= 1 && floor(var.subject_key_version) == var.subject_key_version
    error_message = "subject_key_version must be a whole number, at least 1; got ${var.subject_key_version}."
  }
}

# Limits of a run: a run that exceeds one fails and publishes nothing

variable "quarantine_limits" {
  description = "Maximum of unusable records per landing table, as a share of its records and as a number of rows; a run that exceeds either fails. Tables that are not listed have 0.01 and 1000."
  type = map(object({
    share = optional(number, 0.01)
    rows  = optional(number, 1000)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.quarantine_limits), local.landing_tables)) == 0
    error_message = "quarantine_limits must name landing tables among ${join(", ", local.landing_tables)}; got ${jsonencode(keys(var.quarantine_limits))}."
  }

  validation {
    condition = alltrue([
      for limit in values(var.quarantine_limits) :
      limit.share >= 0 && limit.share <= 1 && limit.rows >= 0 && floor(limit.rows) == limit.rows
    ])
    error_message = "quarantine_limits must have a share from 0 to 1 and a whole number of rows, at least 0; got ${jsonencode(var.quarantine_limits)}."
  }
}

variable "audit" {
  description = "How thoroughly each run audits its tables: quick compares fingerprints of the actual and the expected rows, exhaustive also runs every rule that compares whole tables. Both publish the same rows and refuse the same."
  type        = string
  default     = "quick"
  nullable    = false

  validation {
    condition     = contains(["quick", "exhaustive"], var.audit)
    error_message = "audit must be quick or exhaustive; got ${jsonencode(var.audit)}."
  }
}

variable "row_count_change" {
  description = "How much the row count of a table may change since the last published run with the same policies: drop is the largest share of rows that may be lost, growth the largest factor. A larger change fails the run."
  type = object({
    drop   = optional(number, 0.5)
    growth = optional(number, 10)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.row_count_change.drop >= 0 && var.row_count_change.drop <= 1 && var.row_count_change.growth >= 1
    error_message = "row_count_change must have a drop from 0 to 1 and a growth of at least 1; got ${jsonencode(var.row_count_change)}."
  }
}

# Queries and monitoring

variable "training_split" {
  description = "Shares of the subjects that validate and test a model, in the table training_split; all others train it. A change moves subjects to other splits."
  type = object({
    validation = optional(number, 0.15)
    test       = optional(number, 0.15)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.training_split.validation >= 0 && var.training_split.test >= 0 && var.training_split.validation + var.training_split.test < 1
    error_message = "training_split must have shares of at least 0 that leave some for training; got ${jsonencode(var.training_split)}."
  }
}

variable "athena_scan_limit_bytes" {
  description = "Bytes that an Athena query may scan before Athena stops it; null means no limit."
  type        = number
  default     = 10737418240

  validation {
    condition     = coalesce(var.athena_scan_limit_bytes, 10485760) >= 10485760
    error_message = "athena_scan_limit_bytes must be at least 10485760 (10 MB, Athena's minimum) or null; got ${jsonencode(var.athena_scan_limit_bytes)}."
  }
}

variable "metrics_enabled" {
  description = "Whether jobs and queries publish CloudWatch metrics, which are charged for."
  type        = bool
  default     = false
  nullable    = false
}

variable "log_retention_days" {
  description = "Days to keep the logs of the jobs."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be a retention that CloudWatch offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653; got ${var.log_retention_days}."
  }
}

variable "failure_events_enabled" {
  description = "Whether failed and slow job runs are announced on an SNS topic, with alarms for announcements that could not be delivered."
  type        = bool
  default     = true
  nullable    = false
}

variable "failure_email" {
  description = "E-mail address that is notified of every failed or slow job run, once it has confirmed the subscription; null means none."
  type        = string
  default     = null

  validation {
    condition     = var.failure_email == null || can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", var.failure_email))
    error_message = "failure_email must be an e-mail address; got ${jsonencode(var.failure_email)}."
  }

  validation {
    condition     = var.failure_email == null || var.failure_events_enabled
    error_message = "failure_email requires failure_events_enabled, or nothing is sent to ${jsonencode(var.failure_email)}."
  }
}

variable "stale_after_hours" {
  description = "Hours without a completed run after which an alarm fires, for a lakehouse that runs on a schedule; null means no alarm."
  type        = number
  default     = null

  validation {
    condition     = var.stale_after_hours == null || try(var.stale_after_hours >= 1 && var.stale_after_hours <= 168 && floor(var.stale_after_hours) == var.stale_after_hours, false)
    error_message = "stale_after_hours must be a whole number of hours from 1 to 168 (CloudWatch looks back at most 7 days) or null; got ${jsonencode(var.stale_after_hours)}."
  }

  validation {
    condition     = var.stale_after_hours == null || var.failure_events_enabled
    error_message = "stale_after_hours requires failure_events_enabled, or the alarm after ${jsonencode(var.stale_after_hours)} hours notifies no one."
  }
}

variable "dashboard_enabled" {
  description = "Whether to create a CloudWatch dashboard, which is charged for beyond the free ones of the account."
  type        = bool
  default     = true
  nullable    = false
}

variable "budget" {
  description = "Monthly budget of all resources with the tag Lakehouse, which must be activated as a cost allocation tag in the billing console; null means no budget. The failure topic and the addresses in emails are notified when alert_percent of it is spent, and when the month is forecast to exceed it."
  type = object({
    monthly_limit = number
    currency      = optional(string, "USD")
    alert_percent = optional(set(number), [80, 100])
    emails        = optional(set(string), [])
  })
  default = null

  validation {
    condition     = var.budget == null || try(var.budget.monthly_limit > 0, false)
    error_message = "budget.monthly_limit must be greater than 0; got ${jsonencode(var.budget)}."
  }

  validation {
    condition     = var.budget == null || try(can(regex("^[A-Z]{3}$", var.budget.currency)), false)
    error_message = "budget.currency must be three capital letters, such as USD; got ${jsonencode(var.budget)}."
  }

  validation {
    condition     = alltrue([for percent in try(var.budget.alert_percent, []) : percent > 0 && percent <= 1000])
    error_message = "budget.alert_percent must be percentages greater than 0 and at most 1000; got ${jsonencode(var.budget)}."
  }

  validation {
    condition     = alltrue([for email in try(var.budget.emails, []) : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "budget.emails must be e-mail addresses; got ${jsonencode(var.budget)}."
  }

  validation {
    condition     = var.budget == null || var.failure_events_enabled || length(try(var.budget.emails, [])) > 0
    error_message = "budget requires failure_events_enabled or budget.emails, or it notifies no one; got ${jsonencode(var.budget)}."
  }
}
