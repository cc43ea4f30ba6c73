variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "job_names" {
  description = "Names of the Glue jobs to watch."
  type        = list(string)
}

variable "email" {
  description = "Address that gets a message for each failure; null sends none."
  type        = string
}

variable "tags" {
  description = "Tags of topic and rule."
  type        = map(string)
}
