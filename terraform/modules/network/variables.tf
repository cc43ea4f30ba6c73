variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "s3_endpoint_enabled" {
  description = "Whether to create the S3 gateway endpoint."
  type        = bool
}

variable "vpc_id" {
  description = "VPC of endpoints and jobs; null is the region's default VPC."
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

variable "jobs" {
  description = "Private subnets that the jobs run in, the services that get an interface endpoint (null is those that the jobs call), and the CIDR blocks where the jobs find the others; null leaves the jobs outside the VPC."
  type = object({
    subnet_ids          = list(string)
    interface_endpoints = set(string)
    egress_cidr_blocks  = list(string)
  })
}

variable "metrics_enabled" {
  description = "Whether the jobs write CloudWatch metrics."
  type        = bool
}

variable "tags" {
  description = "Tags of endpoints, connections and security groups."
  type        = map(string)
}
