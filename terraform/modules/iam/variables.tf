variable "name" {
  description = "Prefix of the names of roles and policy."
  type        = string
}

variable "path" {
  description = "Path of roles and policy."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "Managed policy that bounds the roles; null is none."
  type        = string
}

variable "kms_key_arn" {
  description = "KMS key of bucket, logs and secret; null is the services' own keys."
  type        = string
}

variable "workflow" {
  description = "Name of the Glue workflow."
  type        = string
}

variable "bucket_arn" {
  description = "ARN of the lakehouse bucket."
  type        = string
}

variable "database" {
  description = "Name of the Glue database: the part of the warehouse that the jobs may write."
  type        = string
}

variable "database_arn" {
  description = "ARN of the Glue database."
  type        = string
}

variable "audit_database" {
  description = "Name of the Glue database of what the runs did: another part of the warehouse that the jobs may write."
  type        = string
}

variable "audit_database_arn" {
  description = "ARN of the Glue database of what the runs did."
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

variable "landing_prefixes" {
  description = "Key prefixes of the landing zone, without the trailing slash."
  type        = list(string)
}

variable "landing_table_arns" {
  description = "ARNs of the tables that the jobs may only read, by table name."
  type        = map(string)
}

variable "iceberg_table_arns" {
  description = "ARNs of the tables that the jobs may commit to, by table name."
  type        = map(string)
}

variable "placement" {
  description = "ARNs of the connections, subnets and security groups that put the jobs into a VPC; null when they run outside."
  type = object({
    connection_arns     = list(string)
    subnet_arns         = list(string)
    security_group_arns = list(string)
  })
}

variable "analysts" {
  description = "ARN of the analysts' Athena workgroup, and the key prefix of its results without the trailing slash."
  type = object({
    workgroup_arn  = string
    results_prefix = string
  })
}

variable "metrics_enabled" {
  description = "Whether the jobs write CloudWatch metrics."
  type        = bool
}

variable "tags" {
  description = "Tags of roles and policy."
  type        = map(string)
}
