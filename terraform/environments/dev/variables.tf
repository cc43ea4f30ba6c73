# A null takes the module's default, and the module validates the rest: see ../../variables.tf.

variable "region" {
  description = "AWS region."
  type        = string
  default     = "us-east-1"
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds every role made here: ../../bootstrap's output, which its apply role insists on."
  type        = string
  default     = null
}

variable "network" {
  description = "Network of the S3 gateway endpoint: made with a cidr_block, or yours with a vpc_id; null is none."
  type = object({
    cidr_block          = optional(string)
    zones               = optional(number)
    vpc_id              = optional(string)
    route_table_ids     = optional(list(string))
    s3_endpoint_enabled = optional(bool)
  })
  default = { cidr_block = "10.60.0.0/24" }
}

variable "failure_email" {
  description = "Address that gets a message for each failed job."
  type        = string
  default     = null
}

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

variable "row_count_change" {
  description = "How far the number of rows of a table may be from the last run's."
  type        = object({ drop = optional(number), growth = optional(number) })
  default     = null
}
