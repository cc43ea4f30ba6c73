variable "name" {
  description = "Name prefix of the table optimizers' role."
  type        = string
}

variable "global_suffix" {
  description = "Last part of the role's name, which is unique in the account; may be empty."
  type        = string
}

variable "database" {
  description = "Name of the Glue database."
  type        = string
}

variable "existing_database" {
  description = "Whether the database exists and is not managed here."
  type        = bool
}

variable "bucket" {
  description = "Name of the bucket that holds the tables."
  type        = string
}

variable "prefix" {
  description = "Key prefix of the lakehouse in the bucket, with a trailing slash; empty if the bucket is its own."
  type        = string
}

variable "ddl_path" {
  description = "Folder of the Athena DDL, one <table>.sql per table."
  type        = string
}

variable "table_optimizers" {
  description = "Whether and how Glue maintains the Iceberg tables: see the variable of the same name in the main module."
  type = object({
    enabled                 = bool
    compaction              = bool
    snapshot_retention_days = number
    snapshots_to_keep       = number
    orphan_file_days        = number
  })
}

variable "training_tables" {
  description = "Names of the tables that analysts read."
  type        = list(string)
  default     = ["machine_learning_curated"]
}

variable "lake_formation" {
  description = "Whether to create Lake Formation grants, and the ARNs of the analysts who get machine_learning_curated."
  type = object({
    enabled            = bool
    analyst_principals = set(string)
  })
}

variable "job_role_arn" {
  description = "ARN of the role of the workflow's jobs, for the Lake Formation grants."
  type        = string
}

variable "forget_role_arn" {
  description = "ARN of the role of the erasure job, for the Lake Formation grants."
  type        = string
}

variable "bucket_arn" {
  description = "ARN of the bucket, for the table optimizers' role."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the bucket, for the table optimizers' role; null if the bucket uses SSE-S3."
  type        = string
}

variable "iam_path" {
  description = "IAM path of the table optimizers' role."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "ARN of the permissions boundary of the table optimizers' role; null means none."
  type        = string
}

variable "tags" {
  description = "Tags of the databases and of the table optimizers' role."
  type        = map(string)
}
