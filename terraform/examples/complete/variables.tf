variable "email" {
  description = "Address that hears of failed and slow jobs, missing runs and money spent; null is nobody."
  type        = string
  default     = null
}

variable "embedded" {
  description = "Whether this goes to the embedded AWS instead of an account. Then it goes without lifecycle rules: the provider polls new ones for 55 s."
  type        = bool
  default     = false
}
