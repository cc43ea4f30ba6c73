variable "name" {
  description = "Name of the secret."
  type        = string
}

variable "description" {
  description = "Description of the secret."
  type        = string
}

variable "key_version" {
  description = "Version of the key; a different number creates a new key."
  type        = number
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the secret; null uses Secrets Manager's own key."
  type        = string
}

variable "force_destroy" {
  description = "Whether the secret is destroyed without a recovery window."
  type        = bool
}

variable "tags" {
  description = "Tags of the secret."
  type        = map(string)
}
