variable "bucket" {
  description = "Name of the bucket that was made by hand."
  type        = string
}

variable "database" {
  description = "Name of the Glue database that was made by hand."
  type        = string
}

variable "vpc_id" {
  description = "VPC of the S3 gateway endpoint."
  type        = string
}

variable "route_table_ids" {
  description = "Route tables of the S3 gateway endpoint."
  type        = list(string)
}

variable "vpc_endpoint_id" {
  description = "Id of the S3 gateway endpoint that was made by hand."
  type        = string
}

variable "embedded" {
  description = "Whether the target is the embedded AWS. Lifecycle rules are then left out, since the provider polls new ones for 55 s."
  type        = bool
  default     = false
}
