output "vpc_id" {
  description = "Id of the VPC."
  value       = local.vpc.id
}

output "endpoint_id" {
  description = "Id of the S3 gateway endpoint; null if it is disabled."
  value       = one(aws_vpc_endpoint.s3[*].id)
}

output "interface_endpoint_ids" {
  description = "Id of each interface endpoint, by service."
  value       = { for service, endpoint in aws_vpc_endpoint.services : service => endpoint.id }
}

output "connections" {
  description = "Names of the Glue connections that place jobs in the VPC, in the order in which Glue tries them."
  value       = [for connection in aws_glue_connection.jobs : connection.name]

  # A job that starts before these exist hangs until its timeout.
  depends_on = [
    aws_vpc_endpoint.s3,
    aws_vpc_endpoint.services,
    aws_vpc_security_group_egress_rule.jobs_among_themselves,
    aws_vpc_security_group_egress_rule.jobs_elsewhere,
    aws_vpc_security_group_egress_rule.jobs_to_s3,
    aws_vpc_security_group_egress_rule.jobs_to_services,
    aws_vpc_security_group_ingress_rule.jobs_among_themselves,
    aws_vpc_security_group_ingress_rule.jobs_to_services,
  ]
}

output "security_group_id" {
  description = "Id of the jobs' security group; null if the jobs run outside the VPC."
  value       = one(aws_security_group.jobs[*].id)
}

output "placement" {
  description = "ARNs that the job roles need for placement in the VPC; null if the jobs run outside."
  value = var.jobs == null ? null : {
    connection_arns     = [for connection in aws_glue_connection.jobs : connection.arn]
    subnet_arns         = [for subnet in data.aws_subnet.jobs : subnet.arn]
    security_group_arns = aws_security_group.jobs[*].arn
  }
}
