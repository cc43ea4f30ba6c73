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
  description = "Tags of every resource, beside Project, Environment and ManagedBy."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = !anytrue([for key in keys(var.tags) : startswith(lower(key), "aws:")])
    error_message = "tags must not start with \"aws:\", which AWS reserves; got ${jsonencode(keys(var.tags))}."
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
  description = "Whether objects expire, and after how many days: parts of aborted uploads, noncurrent versions (replaced landing files and expired table files among them), Athena results."
  type = object({
    enabled                 = optional(bool, true)
    incomplete_upload_days  = optional(number, 7)
    noncurrent_version_days = optional(number, 30)
    athena_result_days      = optional(number, 14)
  })
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for days in [
        var.lifecycle_rules.incomplete_upload_days,
        var.lifecycle_rules.noncurrent_version_days,
        var.lifecycle_rules.athena_result_days,
      ] : days >= 1 && floor(days) == days
    ])
    error_message = "lifecycle_rules must give whole days from 1 up; got ${jsonencode(var.lifecycle_rules)}."
  }
}

# Network

variable "s3_endpoint_enabled" {
  description = "Whether to create the S3 gateway endpoint. Its policy lets the VPC's route tables reach this lakehouse's bucket and no other: say false where the VPC has such an endpoint or needs other buckets."
  type        = bool
  default     = true
  nullable    = false
}

variable "vpc_id" {
  description = "VPC of the S3 gateway endpoint; null is the region's default VPC."
  type        = string
  default     = null

  validation {
    condition     = var.vpc_id == null || can(regex("^vpc-([0-9a-f]{8}|[0-9a-f]{17})$", var.vpc_id))
    error_message = "vpc_id must look like vpc-0123456789abcdef0; got ${jsonencode(var.vpc_id)}."
  }
}

variable "route_table_ids" {
  description = "Route tables of vpc_id that send S3 traffic through the endpoint; null is all of them."
  type        = list(string)
  default     = null

  validation {
    condition     = alltrue([for id in coalesce(var.route_table_ids, []) : can(regex("^rtb-([0-9a-f]{8}|[0-9a-f]{17})$", id))])
    error_message = "route_table_ids must look like rtb-0123456789abcdef0; got ${jsonencode(var.route_table_ids)}."
  }

  validation {
    condition     = var.route_table_ids == null || var.vpc_id != null
    error_message = "route_table_ids needs vpc_id: which VPC do ${jsonencode(var.route_table_ids)} belong to?"
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
  description = "Worker type of every job: G.1X is 4 vCPU and 16 GB, each next one twice that."
  type        = string
  default     = "G.1X"
  nullable    = false

  validation {
    condition     = contains(["G.1X", "G.2X", "G.4X", "G.8X"], var.worker_type)
    error_message = "worker_type must be G.1X, G.2X, G.4X or G.8X; got \"${var.worker_type}\"."
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
  description = "Number of times that a failed job run is repeated. A repetition is safe: every run replaces its table."
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

# Semantics of the data: a profile is a named set of the six policies below it

variable "profile" {
  description = "Named set of policies: published (what the field's documents publish), consent_date (only readings since consent) or strict (what a careful reader of the consent would do)."
  type        = string
  default     = "published"
  nullable    = false

  validation {
    condition     = contains(["published", "consent_date", "strict"], var.profile)
    error_message = "profile must be published, consent_date or strict; got \"${var.profile}\"."
  }
}

variable "accelerometer_consent" {
  description = "Accelerometer readings that consent covers: any of the customer's, or those since_consent; null is the profile's."
  type        = string
  default     = null

  validation {
    condition     = var.accelerometer_consent == null || try(contains(["any", "since_consent"], var.accelerometer_consent), false)
    error_message = "accelerometer_consent must be any, since_consent or null; got ${jsonencode(var.accelerometer_consent)}."
  }
}

variable "step_trainer_consent" {
  description = "Step trainer readings that consent covers: any of the customer's, or those since_consent; null is the profile's."
  type        = string
  default     = null

  validation {
    condition     = var.step_trainer_consent == null || try(contains(["any", "since_consent"], var.step_trainer_consent), false)
    error_message = "step_trainer_consent must be any, since_consent or null; got ${jsonencode(var.step_trainer_consent)}."
  }
}

variable "customer_records" {
  description = "Which of several records of one email count: each on its own, or the latest; null is the profile's."
  type        = string
  default     = null

  validation {
    condition     = var.customer_records == null || try(contains(["each", "latest"], var.customer_records), false)
    error_message = "customer_records must be each, latest or null; got ${jsonencode(var.customer_records)}."
  }
}

variable "shared_serial_number" {
  description = "Whether a serial number of several customers counts when any_owner agreed, or only when all_owners did; null is the profile's."
  type        = string
  default     = null

  validation {
    condition     = var.shared_serial_number == null || try(contains(["any_owner", "all_owners"], var.shared_serial_number), false)
    error_message = "shared_serial_number must be any_owner, all_owners or null; got ${jsonencode(var.shared_serial_number)}."
  }
}

variable "training_match" {
  description = "What pairs a step with a movement in the training table: timestamp, or timestamp_and_customer; null is the profile's."
  type        = string
  default     = null

  validation {
    condition     = var.training_match == null || try(contains(["timestamp", "timestamp_and_customer"], var.training_match), false)
    error_message = "training_match must be timestamp, timestamp_and_customer or null; got ${jsonencode(var.training_match)}."
  }
}

variable "unmatched_steps" {
  description = "What becomes of steps without a movement in the training table: drop or keep; null is the profile's."
  type        = string
  default     = null

  validation {
    condition     = var.unmatched_steps == null || try(contains(["drop", "keep"], var.unmatched_steps), false)
    error_message = "unmatched_steps must be drop, keep or null; got ${jsonencode(var.unmatched_steps)}."
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
  description = "Whether failed jobs are announced on an SNS topic."
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
