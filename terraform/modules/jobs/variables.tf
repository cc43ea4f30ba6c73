variable "name" {
  description = "Prefix of every resource name."
  type        = string
}

variable "workflow" {
  description = "Name of the Glue workflow."
  type        = string
}

variable "bucket" {
  description = "Name of the bucket that holds scripts and tables."
  type        = string
}

variable "prefix" {
  description = "Key prefix of the lakehouse in the bucket, with a trailing slash; empty if the bucket is its own."
  type        = string
}

variable "database" {
  description = "Name of the Glue database."
  type        = string
}

variable "warehouse_uri" {
  description = "S3 URI of the warehouse, which holds <database>/<table>."
  type        = string
}

variable "role_arn" {
  description = "ARN of the role of the workflow's jobs."
  type        = string
}

variable "forget_role_arn" {
  description = "ARN of the role of the erasure job."
  type        = string
}

variable "subject_key_secret_arn" {
  description = "ARN of the secret with the HMAC key of the pseudonyms."
  type        = string
}

variable "refusal_key_secret_arn" {
  description = "ARN of the secret with the HMAC key of the refusals that outlive an erasure."
  type        = string
}

variable "scripts_path" {
  description = "Folder of the job scripts and their shared modules, with pipeline.json and policies.json."
  type        = string
}

variable "ddl_path" {
  description = "Folder of the schema contracts and audit rules, which the jobs read as files."
  type        = string
}

variable "arguments" {
  description = "Arguments of the jobs, by name without dashes; nulls are left out."
  type        = map(string)
}

variable "glue_version" {
  description = "AWS Glue version."
  type        = string
}

variable "worker_type" {
  description = "Worker type of every job."
  type        = string
}

variable "number_of_workers" {
  description = "Number of workers of every job, including the driver."
  type        = number
}

variable "timeout" {
  description = "Minutes after which Glue stops a job run."
  type        = number
}

variable "max_retries" {
  description = "How often Glue retries a failed job run; the erasure and rollback jobs are not retried."
  type        = number
}

variable "execution_class" {
  description = "Execution class of every job: STANDARD or FLEX."
  type        = string
}

variable "job_settings" {
  description = "Settings of single jobs that override the settings above, by script name."
  type = map(object({
    worker_type       = optional(string)
    number_of_workers = optional(number)
    timeout           = optional(number)
    max_retries       = optional(number)
    execution_class   = optional(string)
  }))

  validation {
    condition     = length(setsubtract(keys(var.job_settings), keys(local.jobs))) == 0
    error_message = "job_settings must have keys among ${join(", ", keys(local.jobs))}; got ${jsonencode(keys(var.job_settings))}."
  }
}

variable "connections" {
  description = "Names of the Glue connections that place the jobs in a VPC; an empty list runs them outside."
  type        = list(string)
}

variable "orchestration" {
  description = "workflow: a Glue job for each step; single_job: one for all."
  type        = string
  default     = "workflow"
  nullable    = false
}

variable "schedule" {
  description = "Schedule of the workflow, as a cron expression in UTC; null means no schedule."
  type        = string
}

variable "start" {
  description = "on_arrival: files that must arrive in the landing zone, or minutes after the first of them, to start the workflow; null means that arrival starts nothing."
  type = object({
    on_arrival = optional(object({
      files   = number
      minutes = number
    }))
  })
  default  = {}
  nullable = false
}

variable "landing_prefixes" {
  description = "Key prefixes of the landing files in the lakehouse, without slashes at their ends."
  type        = list(string)
}

variable "global_suffix" {
  description = "Ends the names of roles, which are unique in the account."
  type        = string
  default     = ""
  nullable    = false
}

variable "iam_path" {
  description = "IAM path of the role that starts the workflow by arrival."
  type        = string
  default     = "/"
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "ARN of the permissions boundary of that role; null means none."
  type        = string
  default     = null
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the jobs' data and logs; null uses the services' own keys."
  type        = string
}

variable "metrics_enabled" {
  description = "Whether the jobs publish CloudWatch metrics."
  type        = bool
}

variable "log_retention_days" {
  description = "Days to keep the logs of the jobs."
  type        = number
}

variable "tags" {
  description = "Tags of jobs, triggers, workflow and log groups."
  type        = map(string)
}
