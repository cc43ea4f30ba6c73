variable "name" {
  description = "Name of the workgroup, and first part of the analysts'."
  type        = string
}

variable "bucket" {
  description = "Name of the bucket that holds the query results."
  type        = string
}

variable "database" {
  description = "Name of the Glue database."
  type        = string
}

variable "audit_database" {
  description = "Name of the Glue database of what the runs did."
  type        = string
}

variable "ddl" {
  description = "Athena DDL of each table, by table name."
  type        = map(string)
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the query results; null is S3's own."
  type        = string
}

variable "scan_limit_bytes" {
  description = "Bytes after which Athena stops a query; null is no limit."
  type        = number
}

variable "metrics_enabled" {
  description = "Whether Athena publishes query metrics to CloudWatch."
  type        = bool
}

variable "force_destroy" {
  description = "Whether destroying the workgroups deletes its query history."
  type        = bool
}

variable "tags" {
  description = "Tags of the workgroups."
  type        = map(string)
}
