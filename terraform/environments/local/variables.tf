# A null takes the module's default, and the module validates the rest: see ../../variables.tf.

variable "timeout" {
  description = "Minutes after which a job run is stopped."
  type        = number
  default     = null
}

variable "number_of_workers" {
  description = "Workers of every job, the driver included."
  type        = number
  default     = null
}

variable "profile" {
  description = "Named set of policies: see glue_jobs/policies.json."
  type        = string
  default     = null
}

variable "policies" {
  description = "Policies that are set beside the profile's, by name: see glue_jobs/policies.json."
  type        = map(string)
  default     = null
}

variable "subject_key_version" {
  description = "Number of the key of the pseudonyms; another number makes another key."
  type        = number
  default     = null
}

variable "quarantine_limits" {
  description = "How many records of each landing table may be unusable."
  type        = map(object({ share = optional(number), rows = optional(number) }))
  default     = null
}
