variable "email" {
  description = "E-mail address that is notified of failed, slow and missing runs and of the budget; null means none."
  type        = string
  default     = null
}

variable "embedded" {
  description = "Whether the target is the embedded AWS. Lifecycle rules are then left out, since the provider polls new ones for 55 s."
  type        = bool
  default     = false
}
