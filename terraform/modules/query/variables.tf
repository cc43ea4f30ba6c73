variable "name" {
  description = "Name of the engineers' workgroup, and prefix of the analysts'."
  type        = string
}

variable "root" {
  description = "Where the lakehouse is in S3: <bucket>, or <bucket>/<prefix>."
  type        = string
}

variable "database" {
  description = "Name of the Glue database."
  type        = string
}

variable "audit_database" {
  description = "Name of the Glue database with the audit tables."
  type        = string
}

variable "workgroup" {
  description = "Name of an existing workgroup of the engineers, which gets the saved queries; null creates one."
  type        = object({ name = string })
}

variable "ddl" {
  description = "Athena DDL of each table, by table name."
  type        = map(string)
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the query results; null uses SSE-S3."
  type        = string
}

variable "scan_limit_bytes" {
  description = "Bytes that a query may scan before Athena stops it; null means no limit."
  type        = number
}

variable "metrics_enabled" {
  description = "Whether Athena publishes query metrics to CloudWatch."
  type        = bool
}

variable "force_destroy" {
  description = "Whether destroying a workgroup deletes its query history."
  type        = bool
}

variable "tags" {
  description = "Tags of the workgroups."
  type        = map(string)
}
