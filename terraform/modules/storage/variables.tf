variable "bucket_name" {
  description = "Name of the lakehouse bucket."
  type        = string
}

variable "force_destroy" {
  description = "Whether destroying the bucket deletes the objects in it."
  type        = bool
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the objects; null is S3's own."
  type        = string
}

variable "access_logs" {
  description = "Bucket that receives the access logs, and their key prefix (null is the bucket's name and a slash); null keeps none."
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
    forget_request_days     = number
  })
}

variable "tags" {
  description = "Tags of the bucket."
  type        = map(string)
}
