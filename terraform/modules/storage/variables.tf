variable "bucket_name" {
  description = "Name of the lakehouse bucket."
  type        = string
}

variable "force_destroy" {
  description = "Whether destroying the bucket deletes its objects."
  type        = bool
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the objects; null uses SSE-S3."
  type        = string
}

variable "access_logs" {
  description = "Bucket that receives the access logs, and their key prefix (null means the lakehouse bucket's name and a slash); null keeps no access logs."
  type = object({
    bucket = string
    prefix = string
  })
}

variable "require_tls" {
  description = "Whether the bucket policy denies requests over plain HTTP."
  type        = bool
}

variable "lifecycle_rules" {
  description = "Whether objects expire, and after how many days."
  type = object({
    enabled                 = bool
    incomplete_upload_days  = number
    noncurrent_version_days = number
    athena_result_days      = number
    quarantine_days         = number
    parsed_row_days         = number
    forget_request_days     = number
  })
}

variable "events_enabled" {
  description = "Whether S3 reports what happens to the objects to EventBridge."
  type        = bool
}

variable "tags" {
  description = "Tags of the bucket."
  type        = map(string)
}
