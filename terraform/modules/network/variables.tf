variable "name" {
  description = "Prefix of the endpoint's name."
  type        = string
}

variable "vpc_id" {
  description = "VPC of the endpoint; null is the region's default VPC."
  type        = string
}

variable "route_table_ids" {
  description = "Route tables that send S3 traffic through the endpoint; null is all of the VPC."
  type        = list(string)
}

variable "bucket_arn" {
  description = "ARN of the only bucket that can be reached through the endpoint."
  type        = string
}

variable "tags" {
  description = "Tags of the endpoint."
  type        = map(string)
}
