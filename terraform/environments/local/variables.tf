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

variable "orchestration" {
  description = "How the steps of the pipeline run: workflow or single_job."
  type        = string
  default     = null
}

variable "start" {
  description = "What starts the workflow by itself: { on_arrival = { files = 100, minutes = 5 } }, or nothing."
  type = object({
    on_arrival = optional(object({
      files   = optional(number)
      minutes = optional(number)
    }))
  })
  default = null
}

variable "landing_sources" {
  description = "Buckets that `make landing DATA=s3://...` copies from: see ../../variables.tf."
  type = list(object({
    bucket      = string
    prefix      = optional(string)
    kms_key_arn = optional(string)
  }))
  default = null
}

variable "profile" {
  description = "Named set of policies: see glue_jobs/policies.json."
  type        = string
  default     = null
}

variable "policies" {
  description = "Policies that override those of the profile, by name: see glue_jobs/policies.json."
  type        = map(string)
  default     = null
}

variable "subject_key_version" {
  description = "Version of the HMAC key of the pseudonyms; a different number creates a new key."
  type        = number
  default     = null
}

variable "training_split" {
  description = "Shares of the subjects that validate and test a model."
  type        = object({ validation = optional(number), test = optional(number) })
  default     = null
}

variable "history" {
  description = "How many runs the tables keep, and for how many days."
  type        = object({ runs = optional(number), days = optional(number) })
  default     = null
}

variable "audit" {
  description = "How thoroughly each run audits its tables: quick or exhaustive."
  type        = string
  default     = null
}

variable "quarantine_limits" {
  description = "Maximum of unusable records per landing table."
  type        = map(object({ share = optional(number), rows = optional(number) }))
  default     = null
}
