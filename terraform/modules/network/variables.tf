variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "network" {
  description = "What to make (cidr_block, zones) or whose VPC to use (vpc_id, and route_table_ids, where null is all of them), and whether it gets the S3 gateway endpoint."
  type = object({
    cidr_block          = string
    zones               = number
    vpc_id              = string
    route_table_ids     = list(string)
    s3_endpoint_enabled = bool
  })
}

variable "bucket_arn" {
  description = "ARN of the only bucket that can be reached through the endpoint."
  type        = string
}

variable "jobs" {
  description = "Private subnets that the jobs run in (null is those of the network that is made), the services that get an interface endpoint (null is those that the jobs call), and the CIDR blocks where the jobs find the others; null leaves the jobs outside the VPC."
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
