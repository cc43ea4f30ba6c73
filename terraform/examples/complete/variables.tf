variable "email" {
  description = "Address that hears of failed and slow jobs, missing runs and money spent; null is nobody."
  type        = string
  default     = null
}

variable "embedded" {
  description = "Whether this goes to the embedded AWS instead of an account: it speaks plain HTTP, takes 55 s over lifecycle rules, and has neither table optimizers nor budgets."
  type        = bool
  default     = false
}
