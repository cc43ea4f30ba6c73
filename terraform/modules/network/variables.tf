variable "name" {
  description = "Prefix of every resource name."
  type        = string
}

variable "network" {
  description = "The VPC to create (cidr_block, zones) or to use (vpc_id, and route_table_ids, where null means all), and whether it gets an S3 gateway endpoint."
  type = object({
    cidr_block          = string
    zones               = number
    vpc_id              = string
    route_table_ids     = list(string)
    s3_endpoint_enabled = bool
  })
}

variable "bucket_arn" {
  description = "ARN of the only bucket that is reachable through the endpoint."
  type        = string
}

variable "prefix" {
  description = "Key prefix of the lakehouse in the bucket, with a trailing slash; empty if the bucket is its own."
  type        = string
}

variable "jobs" {
  description = "Private subnets of the jobs (null means the created ones), services that get an interface endpoint (null means those that the jobs call), and CIDR blocks in which the jobs reach other services; null runs the jobs outside the VPC."
  type = object({
    subnet_ids          = list(string)
    interface_endpoints = set(string)
    egress_cidr_blocks  = list(string)
  })
}

variable "metrics_enabled" {
  description = "Whether the jobs publish CloudWatch metrics."
  type        = bool
}

variable "tags" {
  description = "Tags of endpoints, connections and security groups."
  type        = map(string)
}
