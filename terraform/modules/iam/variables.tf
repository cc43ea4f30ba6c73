variable "name" {
  description = "Name prefix of the roles and policies."
  type        = string
}

variable "global_suffix" {
  description = "Last part of the names of roles and policies, which are unique in the account; may be empty."
  type        = string
}

variable "existing_roles" {
  description = "ARNs of existing roles of the workflow's jobs and of the erasure job, to which the owner attaches the policies; null creates the roles."
  type = object({
    jobs_arn   = string
    forget_arn = string
  })
}

variable "path" {
  description = "IAM path of the roles and policies."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "ARN of the permissions boundary of the roles; null means none."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the KMS key of bucket, logs and secrets; null if they use the services' own keys."
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

variable "prefix" {
  description = "Key prefix of the lakehouse in the bucket, with a trailing slash; empty if the bucket is its own."
  type        = string
}

variable "database" {
  description = "Name of the Glue database; the jobs may write to its part of the warehouse."
  type        = string
}

variable "database_arn" {
  description = "ARN of the Glue database."
  type        = string
}

variable "audit_database" {
  description = "Name of the Glue database with the audit tables; the jobs may write to its part of the warehouse."
  type        = string
}

variable "audit_database_arn" {
  description = "ARN of the Glue database with the audit tables."
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

variable "landing_prefixes" {
  description = "Key prefixes of the landing zone, below that of the lakehouse and without trailing slash."
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

variable "training_tables" {
  description = "Names of the tables that analysts read."
  type        = list(string)
  default     = ["machine_learning_curated"]
}

variable "placement" {
  description = "ARNs of the connections, subnets and security groups that place the jobs in a VPC; null if they run outside."
  type = object({
    connection_arns     = list(string)
    subnet_arns         = list(string)
    security_group_arns = list(string)
  })
}

variable "landing_sources" {
  description = "Buckets that the landing zone may be filled from, with the readable prefix and the key that encrypts it; null if none does."
  type = list(object({
    bucket      = string
    prefix      = string
    kms_key_arn = string
  }))
  default  = []
  nullable = false
}

variable "analysts" {
  description = "ARN of the analysts' Athena workgroup, and the key prefix of its results, without trailing slash."
  type = object({
    workgroup_arn  = string
    results_prefix = string
  })
}

variable "analyst_role_principals" {
  description = "ARNs of the IAM principals that may assume the analysts' role; empty creates no role."
  type        = set(string)
  default     = []
}

variable "metrics_enabled" {
  description = "Whether the jobs publish CloudWatch metrics."
  type        = bool
}

variable "tags" {
  description = "Tags of the roles and policies."
  type        = map(string)
}
