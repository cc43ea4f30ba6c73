# Null means the module's default, and the module validates the values: see ../../variables.tf.

variable "timeout" {
  description = "Minutes after which Glue stops a job run."
  type        = number
  default     = null
}

variable "number_of_workers" {
  description = "Number of workers of every job, including the driver."
  type        = number
  default     = null
}

variable "profile" {
  description = "Named set of policies: published, consent_date or strict."
  type        = string
  default     = null
}

variable "accelerometer_consent" {
  description = "Accelerometer readings that consent covers: any or since_consent."
  type        = string
  default     = null
}

variable "step_trainer_consent" {
  description = "Step trainer readings that consent covers: any or since_consent."
  type        = string
  default     = null
}

variable "customer_records" {
  description = "Which of several records of one email count: each or latest."
  type        = string
  default     = null
}

variable "shared_serial_number" {
  description = "A shared serial number counts when any_owner or all_owners agreed."
  type        = string
  default     = null
}

variable "training_match" {
  description = "What pairs a step with a movement: timestamp or timestamp_and_customer."
  type        = string
  default     = null
}

variable "unmatched_steps" {
  description = "What becomes of steps without a movement: drop or keep."
  type        = string
  default     = null
}

variable "training_subject" {
  description = "What tells subjects apart in the training table: serial_number or pseudonym."
  type        = string
  default     = null
}

variable "curated_identity" {
  description = "Name, e-mail address and phone number of curated customers: clear or pseudonym."
  type        = string
  default     = null
}

variable "subject_key_version" {
  description = "Version of the HMAC key of the pseudonyms; a different number creates a new key."
  type        = number
  default     = null
}

variable "quarantine_limits" {
  description = "Maximum of unusable records per landing table."
  type        = map(object({ share = optional(number), rows = optional(number) }))
  default     = null
}
