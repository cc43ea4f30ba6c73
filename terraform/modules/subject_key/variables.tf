variable "name" {
  description = "Name of the secret."
  type        = string
}

variable "description" {
  description = "What the key makes pseudonyms of."
  type        = string
}

variable "key_version" {
  description = "Number of the key: another number makes another key."
  type        = number
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the secret; null is Secrets Manager's own."
  type        = string
}

variable "force_destroy" {
  description = "Whether destroying the secret leaves no time to bring it back."
  type        = bool
}

variable "tags" {
  description = "Tags of the secret."
  type        = map(string)
}
