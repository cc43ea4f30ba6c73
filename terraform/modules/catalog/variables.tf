variable "name" {
  description = "Prefix of the name of the table optimizers' role."
  type        = string
}

variable "database" {
  description = "Name of the Glue database."
  type        = string
}

variable "bucket" {
  description = "Name of the bucket that holds the tables."
  type        = string
}

variable "ddl_path" {
  description = "Folder of the Athena DDL, one <table>.sql per table."
  type        = string
}

variable "table_optimizers" {
  description = "Whether Glue maintains the Iceberg tables, and how: see the module's variable of the same name."
  type = object({
    enabled                 = bool
    compaction              = bool
    snapshot_retention_days = number
    snapshots_to_keep       = number
    orphan_file_days        = number
  })
}

variable "lake_formation" {
  description = "Whether Lake Formation grants are made, and the ARNs of the analysts that get machine_learning_curated."
  type = object({
    enabled            = bool
    analyst_principals = set(string)
  })
}

variable "job_role_arn" {
  description = "ARN of the role that the jobs assume, for the Lake Formation grants."
  type        = string
}

variable "forget_role_arn" {
  description = "ARN of the role that the job which forgets people assumes, for the Lake Formation grants."
  type        = string
}

variable "bucket_arn" {
  description = "ARN of the bucket, for the table optimizers' role."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts the bucket, for the table optimizers' role; null is none of the caller's own."
  type        = string
}

variable "iam_path" {
  description = "Path of the table optimizers' role."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "Managed policy that bounds the table optimizers' role; null is none."
  type        = string
}

variable "tags" {
  description = "Tags of the database and of the table optimizers' role."
  type        = map(string)
}
