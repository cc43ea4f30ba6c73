variable "bucket_name" {
  description = "Name of the lakehouse bucket."
  type        = string
}

variable "force_destroy" {
  description = "Whether destroying the bucket deletes the objects in it."
  type        = bool
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
  })
}

variable "tags" {
  description = "Tags of the bucket."
  type        = map(string)
}
