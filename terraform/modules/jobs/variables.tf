variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "workflow" {
  description = "Name of the Glue workflow."
  type        = string
}

variable "bucket" {
  description = "Name of the bucket that gets the scripts and holds the tables."
  type        = string
}

variable "database" {
  description = "Name of the Glue database."
  type        = string
}

variable "warehouse_uri" {
  description = "S3 URI below which Iceberg keeps <database>/<table>."
  type        = string
}

variable "role_arn" {
  description = "ARN of the role that the jobs of the workflow assume."
  type        = string
}

variable "forget_role_arn" {
  description = "ARN of the role that the job which forgets people assumes."
  type        = string
}

variable "subject_key_secret_arn" {
  description = "ARN of the secret that holds the key of the pseudonyms."
  type        = string
}

variable "refusal_key_secret_arn" {
  description = "ARN of the secret that holds the key of the refusals that outlive an erasure."
  type        = string
}

variable "scripts_path" {
  description = "Folder of the job scripts, of the modules that they share, and of pipeline.json and policies.json."
  type        = string
}

variable "ddl_path" {
  description = "Folder of the DDL that the jobs read as files."
  type        = string
}

variable "arguments" {
  description = "The jobs' own arguments, by name without the dashes; a null is left out."
  type        = map(string)
}

variable "glue_version" {
  description = "AWS Glue version."
  type        = string
}

variable "worker_type" {
  description = "Worker type of a job."
  type        = string
}

variable "number_of_workers" {
  description = "Number of workers of a job, the driver included."
  type        = number
}

variable "timeout" {
  description = "Minutes after which a job run is stopped."
  type        = number
}

variable "max_retries" {
  description = "Number of times that a failed job run is repeated."
  type        = number
}

variable "execution_class" {
  description = "STANDARD or FLEX."
  type        = string
}

variable "job_settings" {
  description = "What single jobs have instead of the settings above, by script name."
  type = map(object({
    worker_type       = optional(string)
    number_of_workers = optional(number)
    timeout           = optional(number)
    max_retries       = optional(number)
    execution_class   = optional(string)
  }))

  validation {
    condition     = length(setsubtract(keys(var.job_settings), keys(local.jobs))) == 0
    error_message = "job_settings must name jobs among ${join(", ", keys(local.jobs))}; got ${jsonencode(keys(var.job_settings))}."
  }
}

variable "connections" {
  description = "Names of the Glue connections that put the jobs into a VPC; none keeps them outside."
  type        = list(string)
}

variable "schedule" {
  description = "Cron expression on which the workflow starts by itself; null is never."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts what the jobs write and log; null is none of the caller's own."
  type        = string
}

variable "metrics_enabled" {
  description = "Whether the jobs write CloudWatch metrics."
  type        = bool
}

variable "log_retention_days" {
  description = "Days that the jobs' logs are kept."
  type        = number
}

variable "tags" {
  description = "Tags of jobs, triggers, workflow and log groups."
  type        = map(string)
}
