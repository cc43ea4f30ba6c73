# Names

variable "name_prefix" {
  description = "First part of every name."
  type        = string
  default     = "stedi"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,18}[a-z0-9]$", var.name_prefix))
    error_message = "name_prefix must be 2 to 20 lower-case letters, digits and hyphens, starting with a letter and not ending in a hyphen; got \"${var.name_prefix}\"."
  }
}

variable "environment" {
  description = "Second part of every name, such as dev or prod."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,13}[a-z0-9]$", var.environment))
    error_message = "environment must be 2 to 15 lower-case letters, digits and hyphens, starting with a letter and not ending in a hyphen; got \"${var.environment}\"."
  }
}

variable "bucket_name" {
  description = "Name of the bucket; null is <name_prefix>-<environment>-lakehouse-<account id>."
  type        = string
  default     = null

  validation {
    condition     = var.bucket_name == null || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket_name))
    error_message = "bucket_name must be 3 to 63 lower-case letters, digits and hyphens, starting and ending with a letter or digit (no dots: they break TLS host names); got ${jsonencode(var.bucket_name)}."
  }
}

variable "tags" {
  description = "Tags of every resource, beside Project, Environment, Lakehouse (both joined by a hyphen) and ManagedBy."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = !anytrue([for key in keys(var.tags) : startswith(lower(key), "aws:")])
    error_message = "tags must not start with \"aws:\", which AWS reserves; got ${jsonencode(keys(var.tags))}."
  }
}

# Encryption and access

variable "kms_key_arn" {
  description = "Symmetric KMS key of this region that encrypts the bucket, query results, logs, the key of the pseudonyms and failure messages; null leaves it to the services' own keys. The roles of jobs and table optimizers and the analyst policy are granted the key here. Its own policy must admit the account's IAM policies and the services that use it by themselves: logs.<region>.amazonaws.com (log groups; in China .amazonaws.com.cn), events.amazonaws.com (failure messages, without a condition on aws:SourceAccount, which EventBridge does not send), cloudwatch.amazonaws.com (alarms), budgets.amazonaws.com (with a budget); examples/complete/kms.tf has such a policy."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key (no alias), such as arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef; got ${jsonencode(var.kms_key_arn)}."
  }

  validation {
    condition     = var.kms_key_arn == null || try(split(":", var.kms_key_arn)[3] == data.aws_region.current.id, true)
    error_message = "kms_key_arn must be a key of the bucket's region, ${data.aws_region.current.id}; got ${jsonencode(var.kms_key_arn)}."
  }
}

variable "iam_path" {
  description = "Path of the roles and the analyst policy."
  type        = string
  default     = "/"
  nullable    = false

  validation {
    condition     = can(regex("^/([!-.0-~]+/)*$", var.iam_path)) && length(var.iam_path) <= 512
    error_message = "iam_path must start and end with a slash and have no spaces, such as /data/, and at most 512 characters; got \"${var.iam_path}\"."
  }
}

variable "permissions_boundary_arn" {
  description = "Managed policy that bounds what the roles can ever be allowed; null is none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:aws[a-z-]*:iam::(aws|[0-9]{12}):policy/[!-~]+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of a managed policy, such as arn:aws:iam::123456789012:policy/boundary; got ${jsonencode(var.permissions_boundary_arn)}."
  }
}

# Storage

variable "force_destroy" {
  description = "Whether destroy deletes the bucket with the data in it, and the workgroup with its query history."
  type        = bool
  default     = false
  nullable    = false
}

variable "require_tls" {
  description = "Whether the bucket refuses plain HTTP. Only an emulator without TLS has a reason to say false."
  type        = bool
  default     = true
  nullable    = false
}

variable "lifecycle_rules" {
  description = "Whether objects expire, and after how many days: parts of aborted uploads, noncurrent versions (replaced landing files and expired table files among them), Athena results, quarantined rows, requests to forget a person that no job took up."
  type = object({
    enabled                 = optional(bool, true)
    incomplete_upload_days  = optional(number, 7)
    noncurrent_version_days = optional(number, 30)
    athena_result_days      = optional(number, 14)
    quarantine_days         = optional(number, 90)
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
        var.lifecycle_rules.forget_request_days,
      ] : days >= 1 && floor(days) == days
    ])
    error_message = "lifecycle_rules must give whole days from 1 up; got ${jsonencode(var.lifecycle_rules)}."
  }
}

variable "access_logs" {
  description = "Bucket that receives S3's access logs, and their key prefix (null is the lakehouse bucket's name and a slash); null keeps none. The receiving bucket's policy must let logging.s3.amazonaws.com put objects, and its encryption must be SSE-S3: S3 delivers no logs under a KMS key."
  type = object({
    bucket = string
    prefix = optional(string)
  })
  default = null

  validation {
    condition     = var.access_logs == null || try(can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.access_logs.bucket)), false)
    error_message = "access_logs.bucket must be the name of a bucket, 3 to 63 lower-case letters, digits, dots and hyphens; got ${jsonencode(var.access_logs)}."
  }

  validation {
    condition     = var.access_logs == null || try(var.access_logs.bucket != var.bucket_name, true)
    error_message = "access_logs.bucket must be another bucket than bucket_name, or each log would be logged in turn; got ${jsonencode(var.access_logs)} and ${jsonencode(var.bucket_name)}."
  }
}

# Network

variable "network" {
  description = "Network of the S3 gateway endpoint and of vpc_jobs: one that the module makes, with cidr_block (a VPC with a private subnet in each of zones availability zones and one route table, without a way to the internet), or one of yours, with vpc_id. Null is none: jobs outside a VPC reach S3 over Glue's own network. The endpoint's policy lets the route tables reach this lakehouse's bucket and no other, so name in route_table_ids (null is all of the VPC's) those that nothing else depends on, or set s3_endpoint_enabled = false where the route tables have such an endpoint (a route table takes one) or need other buckets."
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
    error_message = "network must have either cidr_block, and the module makes it, or vpc_id, the id of yours; got ${jsonencode(var.network)}."
  }

  # A subnet has at least 16 addresses, and four of them fit.
  validation {
    condition     = try(var.network.cidr_block, null) == null || try(can(cidrnetmask(var.network.cidr_block)) && cidrhost(var.network.cidr_block, 0) == split("/", var.network.cidr_block)[0] && tonumber(split("/", var.network.cidr_block)[1]) >= 16 && tonumber(split("/", var.network.cidr_block)[1]) <= 26, false)
    error_message = "network.cidr_block must be an IPv4 block of 16 to 26 bits, such as 10.0.0.0/24; got ${jsonencode(try(var.network.cidr_block, null))}."
  }

  validation {
    condition     = var.network == null || try(contains([1, 2, 3, 4], var.network.zones), false)
    error_message = "network.zones must be a whole number from 1 to 4; got ${jsonencode(try(var.network.zones, null))}."
  }

  validation {
    condition     = try(var.network.vpc_id, null) == null || can(regex("^vpc-([0-9a-f]{8}|[0-9a-f]{17})$", var.network.vpc_id))
    error_message = "network.vpc_id must look like vpc-0123456789abcdef0; got ${jsonencode(try(var.network.vpc_id, null))}."
  }

  validation {
    condition     = alltrue([for id in try(coalesce(var.network.route_table_ids, []), []) : can(regex("^rtb-([0-9a-f]{8}|[0-9a-f]{17})$", id))])
    error_message = "network.route_table_ids must look like rtb-0123456789abcdef0; got ${jsonencode(try(var.network.route_table_ids, null))}."
  }

  validation {
    condition     = try(var.network.route_table_ids, null) == null || try(var.network.cidr_block, null) == null
    error_message = "network.route_table_ids belong to a vpc_id, and a network with a cidr_block has its own; got ${jsonencode(try(var.network.route_table_ids, null))}."
  }
}

variable "vpc_jobs" {
  description = "Runs the jobs in the network. subnet_ids are private subnets of it, best in several availability zones: a run takes the first that is healthy and has free addresses; null is those of a network that the module makes. vpc_jobs = null runs the jobs outside any VPC, which is enough for S3. interface_endpoints are the services that get an endpoint with private DNS; null is those that the jobs call: glue, logs, secretsmanager and, with metrics_enabled, monitoring. What the VPC has already, or reaches through a NAT gateway, is left out of the set, and egress_cidr_blocks then says where it is. The VPC needs DNS support and DNS host names."
  type = object({
    subnet_ids          = optional(list(string))
    interface_endpoints = optional(set(string))
    egress_cidr_blocks  = optional(list(string), [])
  })
  default = null

  validation {
    condition     = var.vpc_jobs == null || var.network != null
    error_message = "vpc_jobs needs network: the jobs run in its subnets; got ${jsonencode(var.vpc_jobs)}."
  }

  validation {
    condition     = var.vpc_jobs == null || try(var.vpc_jobs.subnet_ids, null) != null || try(var.network.vpc_id, null) == null
    error_message = "vpc_jobs.subnet_ids must name subnets of network.vpc_id; the module knows only those of a network that it makes."
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
    error_message = "vpc_jobs.egress_cidr_blocks must say where the jobs find glue, logs, secretsmanager and, with metrics_enabled, monitoring, when interface_endpoints is only ${jsonencode(try(var.vpc_jobs.interface_endpoints, null))}."
  }
}

# Code: what is uploaded, and the contract of the tables

variable "ddl_path" {
  description = "Folder of the DDL, one <table>.sql per table; null is ddl, beside the module's folder in its repository."
  type        = string
  default     = null

  validation {
    condition     = length(fileset(coalesce(var.ddl_path, "${path.module}/../ddl"), "*.sql")) > 0
    error_message = "${coalesce(var.ddl_path, "${path.module}/../ddl")} holds no <table>.sql. Terraform copies the whole repository only where a double slash divides the source: write \"<repository>//terraform\" as the module's source, or name ddl_path and scripts_path."
  }
}

variable "scripts_path" {
  description = "Folder of the job scripts, of the modules that they share, and of pipeline.json and policies.json; null is glue_jobs, beside the module's folder in its repository."
  type        = string
  default     = null

  validation {
    condition     = length(fileset(coalesce(var.scripts_path, "${path.module}/../glue_jobs"), "jobs/*.py")) > 0
    error_message = "${coalesce(var.scripts_path, "${path.module}/../glue_jobs")} holds no jobs/<job>.py. Terraform copies the whole repository only where a double slash divides the source: write \"<repository>//terraform\" as the module's source, or name ddl_path and scripts_path."
  }

  validation {
    condition     = alltrue([for file in ["pipeline.json", "policies.json"] : fileexists("${coalesce(var.scripts_path, "${path.module}/../glue_jobs")}/${file}")])
    error_message = "${coalesce(var.scripts_path, "${path.module}/../glue_jobs")} must hold pipeline.json and policies.json, which declare tables, jobs, policies and profiles."
  }
}

# Jobs

variable "glue_version" {
  description = "AWS Glue version: 5.1 is Spark 3.5.6, Python 3.11 and Iceberg 1.10."
  type        = string
  default     = "5.1"
  nullable    = false

  validation {
    condition     = contains(["5.0", "5.1"], var.glue_version)
    error_message = "glue_version must be 5.0 or 5.1 (older ones carry another Spark, Iceberg and logging); got \"${var.glue_version}\"."
  }
}

variable "worker_type" {
  description = "Worker type of every job: G.1X is 4 vCPU and 16 GB, each next one twice that; R.1X has twice the memory. The AWS provider and the region must know it too."
  type        = string
  default     = "G.1X"
  nullable    = false

  validation {
    condition     = can(regex("^[GR]\\.[1-9][0-9]*X$", var.worker_type))
    error_message = "worker_type must be one of Glue's G or R workers, such as G.1X or R.2X; got \"${var.worker_type}\"."
  }
}

variable "number_of_workers" {
  description = "Workers of every job, the driver included."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.number_of_workers >= 2 && var.number_of_workers <= 299 && floor(var.number_of_workers) == var.number_of_workers
    error_message = "number_of_workers must be a whole number from 2 (driver and executor) to 299; got ${var.number_of_workers}."
  }
}

variable "timeout" {
  description = "Minutes after which a job run is stopped."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.timeout >= 1 && var.timeout <= 10080 && floor(var.timeout) == var.timeout
    error_message = "timeout must be whole minutes from 1 to 10080 (7 days); got ${var.timeout}."
  }
}

variable "max_retries" {
  description = "Number of times that a failed job run is repeated. A repetition is safe: every run replaces its table. The job that forgets people is repeated by whoever asked for it, unless job_settings says otherwise."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.max_retries >= 0 && var.max_retries <= 10 && floor(var.max_retries) == var.max_retries
    error_message = "max_retries must be a whole number from 0 to 10; got ${var.max_retries}."
  }
}

variable "execution_class" {
  description = "STANDARD starts at once; FLEX is cheaper and starts when there is spare capacity."
  type        = string
  default     = "STANDARD"
  nullable    = false

  validation {
    condition     = contains(["STANDARD", "FLEX"], var.execution_class)
    error_message = "execution_class must be STANDARD or FLEX; got \"${var.execution_class}\"."
  }

  validation {
    condition     = var.execution_class != "FLEX" || contains(["G.1X", "G.2X"], var.worker_type)
    error_message = "execution_class FLEX runs on G.1X and G.2X only; worker_type is \"${var.worker_type}\"."
  }
}

variable "job_settings" {
  description = "What single jobs have instead of the settings above, by script name: { machine_learning_curated = { number_of_workers = 10 } }."
  type = map(object({
    worker_type       = optional(string)
    number_of_workers = optional(number)
    timeout           = optional(number)
    max_retries       = optional(number)
    execution_class   = optional(string)
  }))
  default  = {}
  nullable = false

  # That the names are jobs is checked in modules/jobs, which knows them.

  validation {
    condition = alltrue([
      for job in values(var.job_settings) :
      can(regex("^[GR]\\.[1-9][0-9]*X$", coalesce(job.worker_type, "G.1X"))) && contains(["STANDARD", "FLEX"], coalesce(job.execution_class, "STANDARD"))
    ])
    error_message = "job_settings must give a worker_type such as G.1X or R.2X and an execution_class of STANDARD or FLEX; got ${jsonencode(var.job_settings)}."
  }

  validation {
    condition = alltrue(flatten([
      for job in values(var.job_settings) : [
        for range in [[job.number_of_workers, 2, 299], [job.timeout, 1, 10080], [job.max_retries, 0, 10]] :
        try(range[0] >= range[1] && range[0] <= range[2] && floor(range[0]) == range[0], range[0] == null)
      ]
    ]))
    error_message = "job_settings must give whole numbers: number_of_workers from 2 to 299, timeout from 1 to 10080 minutes, max_retries from 0 to 10; got ${jsonencode(var.job_settings)}."
  }

  validation {
    condition = alltrue([
      for job in values(var.job_settings) :
      coalesce(job.execution_class, var.execution_class) != "FLEX" || contains(["G.1X", "G.2X"], coalesce(job.worker_type, var.worker_type))
    ])
    error_message = "job_settings must keep FLEX to G.1X and G.2X; got ${jsonencode(var.job_settings)} beside execution_class ${var.execution_class} and worker_type ${var.worker_type}."
  }
}

variable "schedule" {
  description = "Cron expression in UTC on which the workflow starts by itself, such as cron(0 3 * * ? *); null is never. It can be started on demand in either case."
  type        = string
  default     = null

  validation {
    condition     = var.schedule == null || can(regex("^cron\\(([0-9A-Z*/,?L#W-]+ ){5}[0-9A-Z*/,?L#W-]+\\)$", var.schedule))
    error_message = "schedule must be cron(minutes hours day-of-month month day-of-week year), such as cron(0 3 * * ? *); got ${jsonencode(var.schedule)}."
  }
}

# Catalog

variable "table_optimizers" {
  description = "Whether Glue maintains the Iceberg tables: it expires snapshots after snapshot_retention_days, of which snapshots_to_keep stay anyway, deletes files that no snapshot knows after orphan_file_days, and with compaction joins small files. Without it the rows of earlier runs stay in the bucket, also of people who withdrew their consent. It costs DPU-hours, and takes away the snapshots that a table could be rolled back to."
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
    error_message = "table_optimizers must give whole numbers from 1 up; got ${jsonencode(var.table_optimizers)}."
  }
}

variable "lake_formation" {
  description = "Whether to make Lake Formation grants: the jobs' roles on their tables, analyst_principals (ARNs of roles or users) on machine_learning_curated alone. For accounts where Lake Formation rules; without it IAM does, as in every new account. Whoever applies must be a data lake administrator."
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
    error_message = "lake_formation.analyst_principals needs lake_formation.enabled: nothing would be granted to ${jsonencode(var.lake_formation.analyst_principals)}."
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
  description = "Policies that are set beside the profile's, by name: { shared_serial_number = \"all_owners\" }. glue_jobs/policies.json declares what each means and which values it has."
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
  description = "Number of the secret key that pseudonyms are made with. Another number makes another key: everybody gets a new pseudonym at the next run, and nothing links it to the earlier one."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.subject_key_version >= 1 && floor(var.subject_key_version) == var.subject_key_version
    error_message = "subject_key_version must be a whole number from 1 up; got ${var.subject_key_version}."
  }
}

# Limits that a run must keep: beyond them it fails before anything is published

variable "quarantine_limits" {
  description = "How many records of a landing table may be unusable, as a share of its records and in number, by table: more than either fails the run. A table that is not named has 0.01 and 1000."
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
    error_message = "quarantine_limits must give a share from 0 to 1 and a whole number of rows from 0 up; got ${jsonencode(var.quarantine_limits)}."
  }
}

variable "row_count_change" {
  description = "How far the number of rows of a table may be from the last published run's under the same policies: drop is the largest share that may be lost, growth the largest factor. More than that fails the run."
  type = object({
    drop   = optional(number, 0.5)
    growth = optional(number, 10)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.row_count_change.drop >= 0 && var.row_count_change.drop <= 1 && var.row_count_change.growth >= 1
    error_message = "row_count_change must give a drop from 0 to 1 and a growth from 1 up; got ${jsonencode(var.row_count_change)}."
  }
}

# Queries and monitoring

variable "athena_scan_limit_bytes" {
  description = "Bytes that one Athena query may scan before it is stopped; null is no limit."
  type        = number
  default     = 10737418240

  validation {
    condition     = coalesce(var.athena_scan_limit_bytes, 10485760) >= 10485760
    error_message = "athena_scan_limit_bytes must be at least 10485760 (10 MB, Athena's minimum) or null; got ${jsonencode(var.athena_scan_limit_bytes)}."
  }
}

variable "metrics_enabled" {
  description = "Whether jobs and queries publish metrics to CloudWatch, which charges for them."
  type        = bool
  default     = false
  nullable    = false
}

variable "log_retention_days" {
  description = "Days that the jobs' logs are kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of CloudWatch's 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653; got ${var.log_retention_days}."
  }
}

variable "failure_events_enabled" {
  description = "Whether failed and slow jobs are announced on an SNS topic, with alarms for announcements that did not arrive."
  type        = bool
  default     = true
  nullable    = false
}

variable "failure_email" {
  description = "Address that gets a message for each failed job, after confirming the subscription; null sends none."
  type        = string
  default     = null

  validation {
    condition     = var.failure_email == null || can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", var.failure_email))
    error_message = "failure_email must be an e-mail address; got ${jsonencode(var.failure_email)}."
  }

  validation {
    condition     = var.failure_email == null || var.failure_events_enabled
    error_message = "failure_email needs failure_events_enabled: nothing would be sent to ${jsonencode(var.failure_email)}."
  }
}

variable "stale_after_hours" {
  description = "Hours without a completed run after which an alarm goes off, for a lakehouse that runs on a schedule; null is never."
  type        = number
  default     = null

  validation {
    condition     = var.stale_after_hours == null || try(var.stale_after_hours >= 1 && var.stale_after_hours <= 168 && floor(var.stale_after_hours) == var.stale_after_hours, false)
    error_message = "stale_after_hours must be whole hours from 1 to 168 (CloudWatch looks back 7 days at most) or null; got ${jsonencode(var.stale_after_hours)}."
  }

  validation {
    condition     = var.stale_after_hours == null || var.failure_events_enabled
    error_message = "stale_after_hours needs failure_events_enabled: nobody would hear of ${jsonencode(var.stale_after_hours)} hours without a run."
  }
}

variable "dashboard_enabled" {
  description = "Whether there is a CloudWatch dashboard, which CloudWatch charges for beyond an account's free ones."
  type        = bool
  default     = true
  nullable    = false
}

variable "budget" {
  description = "Monthly budget of everything that carries the tag Lakehouse, which must be activated as a cost allocation tag in the billing console; null is none. The failure topic, and each of emails, hears when alert_percent of it is spent and when the month is forecast to exceed it."
  type = object({
    monthly_limit = number
    currency      = optional(string, "USD")
    alert_percent = optional(set(number), [80, 100])
    emails        = optional(set(string), [])
  })
  default = null

  validation {
    condition     = var.budget == null || try(var.budget.monthly_limit > 0, false)
    error_message = "budget.monthly_limit must be more than 0; got ${jsonencode(var.budget)}."
  }

  validation {
    condition     = var.budget == null || try(can(regex("^[A-Z]{3}$", var.budget.currency)), false)
    error_message = "budget.currency must be three capital letters, such as USD; got ${jsonencode(var.budget)}."
  }

  validation {
    condition     = alltrue([for percent in try(var.budget.alert_percent, []) : percent > 0 && percent <= 1000])
    error_message = "budget.alert_percent must be percentages above 0 and up to 1000; got ${jsonencode(var.budget)}."
  }

  validation {
    condition     = alltrue([for email in try(var.budget.emails, []) : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "budget.emails must be e-mail addresses; got ${jsonencode(var.budget)}."
  }

  validation {
    condition     = var.budget == null || var.failure_events_enabled || length(try(var.budget.emails, [])) > 0
    error_message = "budget needs failure_events_enabled or budget.emails: nobody would hear of ${jsonencode(var.budget)}."
  }
}
