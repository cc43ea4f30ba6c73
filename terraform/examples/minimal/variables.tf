variable "embedded" {
  description = "Whether this goes to the embedded AWS instead of an account: it speaks plain HTTP, and takes 55 s over lifecycle rules."
  type        = bool
  default     = false
}
