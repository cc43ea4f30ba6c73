variable "name" {
  description = "Prefix of the role's name."
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

variable "metrics_enabled" {
  description = "Whether the jobs write CloudWatch metrics."
  type        = bool
}

variable "tags" {
  description = "Tags of the role."
  type        = map(string)
}
