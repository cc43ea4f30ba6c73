# The real provider renders the policies; it makes no API call, because every data source that would is overridden.
provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

provider "aws" {
  alias                       = "china"
  region                      = "cn-north-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

override_data {
  target = data.aws_caller_identity.current
  values = {
    account_id = "111122223333"
  }
}

override_data {
  target = data.aws_vpc.named
  values = {
    id         = "vpc-00000000"
    cidr_block = "10.9.0.0/16"
  }
}

override_data {
  target = data.aws_route_tables.named
  values = {
    ids = ["rtb-00000000", "rtb-11111111"]
  }
}

override_data {
  target = data.aws_availability_zones.available
  values = {
    names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  }
}

override_data {
  target = data.aws_subnet.jobs
  values = {
    id                = "subnet-00000000"
    arn               = "arn:aws:ec2:eu-central-1:111122223333:subnet/jobs"
    availability_zone = "eu-central-1a"
    vpc_id            = "vpc-22222222"
  }
}

override_data {
  target = data.aws_ec2_managed_prefix_list.s3
  values = {
    id = "pl-00000000"
  }
}

override_resource {
  target          = aws_security_group.jobs
  override_during = plan
  values = {
    id  = "sg-00000000"
    arn = "arn:aws:ec2:eu-central-1:111122223333:security-group/sg-00000000"
  }
}

override_resource {
  target          = aws_security_group.services
  override_during = plan
  values = {
    id = "sg-11111111"
  }
}

override_resource {
  target          = aws_glue_connection.jobs
  override_during = plan
  values = {
    arn = "arn:aws:glue:eu-central-1:111122223333:connection/jobs"
  }
}

variables {
  prefix          = ""
  name            = "stedi-test"
  network         = { cidr_block = null, zones = 2, vpc_id = "vpc-00000000", route_table_ids = null, s3_endpoint_enabled = true }
  bucket_arn      = "arn:aws:s3:::our-data"
  jobs            = null
  metrics_enabled = false
  tags            = {}
}

run "endpoint_of_a_named_vpc_reaches_this_bucket_for_this_account_only" {
  command = plan

  module {
    source = "./modules/network"
  }

  assert {
    condition     = aws_vpc_endpoint.s3[0].vpc_id == "vpc-00000000" && aws_vpc_endpoint.s3[0].route_table_ids == toset(["rtb-00000000", "rtb-11111111"])
    error_message = "Got ${aws_vpc_endpoint.s3[0].vpc_id} and ${jsonencode(aws_vpc_endpoint.s3[0].route_table_ids)}."
  }

  assert {
    condition     = aws_vpc_endpoint.s3[0].vpc_endpoint_type == "Gateway" && aws_vpc_endpoint.s3[0].service_name == "com.amazonaws.eu-central-1.s3"
    error_message = "Got ${aws_vpc_endpoint.s3[0].vpc_endpoint_type} ${aws_vpc_endpoint.s3[0].service_name}."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_vpc_endpoint.s3[0].policy).Statement :
      statement.Effect == "Allow" && contains(["arn:aws:s3:::our-data", "arn:aws:s3:::our-data/*"], statement.Resource)
    ])
    error_message = "Got ${aws_vpc_endpoint.s3[0].policy}."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_vpc_endpoint.s3[0].policy).Statement :
      statement.Condition == { StringEquals = { "aws:PrincipalAccount" = "111122223333" } }
    ])
    error_message = "Got ${aws_vpc_endpoint.s3[0].policy}."
  }

  assert {
    condition = toset(flatten(jsondecode(aws_vpc_endpoint.s3[0].policy).Statement[*].Action)) == toset([
      "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetBucketLocation", "s3:GetObject",
      "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketVersions", "s3:ListMultipartUploadParts", "s3:PutObject",
    ])
    error_message = "Got ${aws_vpc_endpoint.s3[0].policy}."
  }

  assert {
    condition     = length(aws_glue_connection.jobs) + length(aws_security_group.jobs) + length(aws_vpc_endpoint.services) == 0 && output.placement == null
    error_message = "Jobs run outside the VPC by default."
  }

  assert {
    condition     = length(aws_vpc.this) + length(aws_subnet.private) + length(aws_route_table.private) == 0
    error_message = "The VPC is the given one, and only the endpoint is created in it."
  }
}

run "a_network_of_its_own_is_private_and_its_route_table_has_the_endpoint" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    network = { cidr_block = "10.9.0.0/24", zones = 3, vpc_id = null, route_table_ids = null, s3_endpoint_enabled = true }
  }

  override_resource {
    target          = aws_vpc.this
    override_during = plan
    values = {
      id = "vpc-33333333"
    }
  }

  override_resource {
    target          = aws_route_table.private
    override_during = plan
    values = {
      id = "rtb-33333333"
    }
  }

  assert {
    condition     = length(data.aws_vpc.named) + length(data.aws_route_tables.named) == 0 && output.vpc_id == "vpc-33333333"
    error_message = "No VPC is looked up, not even the default one."
  }

  assert {
    condition = { for subnet in aws_subnet.private : subnet.availability_zone => [subnet.cidr_block, subnet.map_public_ip_on_launch, subnet.vpc_id] } == {
      eu-central-1a = ["10.9.0.0/26", false, "vpc-33333333"]
      eu-central-1b = ["10.9.0.64/26", false, "vpc-33333333"]
      eu-central-1c = ["10.9.0.128/26", false, "vpc-33333333"]
    }
    error_message = "Each zone has a private subnet; got ${jsonencode(values(aws_subnet.private)[*].cidr_block)}."
  }

  assert {
    condition     = aws_vpc_endpoint.s3[0].vpc_id == "vpc-33333333" && aws_vpc_endpoint.s3[0].route_table_ids == toset(["rtb-33333333"]) && alltrue([for association in aws_route_table_association.private : association.route_table_id == "rtb-33333333"]) && length(aws_route_table_association.private) == 3
    error_message = "The endpoint is in the network's own route table, which all subnets share."
  }

  assert {
    condition     = aws_vpc.this[0].enable_dns_support && aws_vpc.this[0].enable_dns_hostnames && length(aws_vpc_endpoint.services) == 0
    error_message = "Private DNS works, and nothing with an hourly cost is created unless requested."
  }
}

run "jobs_run_in_the_subnets_of_the_network_that_is_made" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    network = { cidr_block = "10.9.0.0/24", zones = 2, vpc_id = null, route_table_ids = null, s3_endpoint_enabled = true }
    jobs    = { subnet_ids = null, interface_endpoints = null, egress_cidr_blocks = [] }
  }

  override_resource {
    target          = aws_vpc.this
    override_during = plan
    values = {
      id = "vpc-22222222"
    }
  }

  override_resource {
    target          = aws_subnet.private
    override_during = plan
    values = {
      id = "subnet-00000000"
    }
  }

  assert {
    condition     = [for connection in aws_glue_connection.jobs : connection.physical_connection_requirements[0].subnet_id] == ["subnet-00000000", "subnet-00000000"]
    error_message = "Each of its subnets has a connection."
  }

  assert {
    condition     = one(aws_vpc_security_group_ingress_rule.vpc_to_services).cidr_ipv4 == "10.9.0.0/24" && toset(keys(aws_vpc_endpoint.services)) == toset(["glue", "logs", "secretsmanager"])
    error_message = "The network reaches the services that jobs call."
  }
}

run "a_region_without_enough_zones_is_refused" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    network = { cidr_block = "10.9.0.0/24", zones = 4, vpc_id = null, route_table_ids = null, s3_endpoint_enabled = true }
  }

  expect_failures = [data.aws_availability_zones.available]
}

run "jobs_in_the_vpc_reach_each_other_s3_and_their_endpoints_only" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    network         = { cidr_block = null, zones = 2, vpc_id = "vpc-22222222", route_table_ids = ["rtb-22222222"], s3_endpoint_enabled = true }
    metrics_enabled = true

    jobs = {
      subnet_ids          = ["subnet-00000000", "subnet-11111111"]
      interface_endpoints = null
      egress_cidr_blocks  = []
    }
  }

  override_data {
    target = data.aws_vpc.named
    values = {
      id         = "vpc-22222222"
      cidr_block = "10.0.0.0/16"
    }
  }

  assert {
    condition     = aws_vpc_endpoint.s3[0].vpc_id == "vpc-22222222" && aws_vpc_endpoint.s3[0].route_table_ids == toset(["rtb-22222222"])
    error_message = "Got ${aws_vpc_endpoint.s3[0].vpc_id} and ${jsonencode(aws_vpc_endpoint.s3[0].route_table_ids)}."
  }

  assert {
    condition = { for name, connection in aws_glue_connection.jobs : connection.name => merge(
      { type = connection.connection_type },
      connection.physical_connection_requirements[0],
      ) } == {
      for index, subnet in ["subnet-00000000", "subnet-11111111"] : "stedi-test-vpc-${index}" => {
        type                   = "NETWORK"
        availability_zone      = "eu-central-1a"
        security_group_id_list = toset(["sg-00000000"])
        subnet_id              = subnet
      }
    }
    error_message = "Each subnet has a connection in its zone, under the jobs' security group; got ${jsonencode(values(aws_glue_connection.jobs)[*].physical_connection_requirements)}."
  }

  assert {
    condition     = output.connections == ["stedi-test-vpc-0", "stedi-test-vpc-1"]
    error_message = "Glue tries the subnets in the order in which they are given; got ${jsonencode(output.connections)}."
  }

  assert {
    condition = alltrue([
      for rule in [
        one(aws_vpc_security_group_ingress_rule.jobs_among_themselves),
        one(aws_vpc_security_group_egress_rule.jobs_among_themselves),
      ] :
      rule.security_group_id == "sg-00000000" && rule.referenced_security_group_id == "sg-00000000" &&
      rule.ip_protocol == "tcp" && rule.from_port == 0 && rule.to_port == 65535 && rule.cidr_ipv4 == null
    ])
    error_message = "Driver and executors connect on every port, and only to each other."
  }

  assert {
    condition = alltrue([
      for rule in [
        one(aws_vpc_security_group_egress_rule.jobs_to_s3),
        one(aws_vpc_security_group_egress_rule.jobs_to_services),
        one(aws_vpc_security_group_ingress_rule.jobs_to_services),
        one(aws_vpc_security_group_ingress_rule.vpc_to_services),
      ] : rule.ip_protocol == "tcp" && rule.from_port == 443 && rule.to_port == 443
    ])
    error_message = "S3 and the services are reached over HTTPS."
  }

  assert {
    condition = (
      one(aws_vpc_security_group_egress_rule.jobs_to_s3).prefix_list_id == "pl-00000000" &&
      one(aws_vpc_security_group_egress_rule.jobs_to_services).referenced_security_group_id == "sg-11111111" &&
      one(aws_vpc_security_group_ingress_rule.jobs_to_services).referenced_security_group_id == "sg-00000000" &&
      one(aws_vpc_security_group_ingress_rule.vpc_to_services).cidr_ipv4 == "10.0.0.0/16" &&
      length(aws_vpc_security_group_egress_rule.jobs_elsewhere) == 0
    )
    error_message = "The jobs leave for S3 and the interface endpoints alone, which the VPC may enter."
  }

  assert {
    condition     = { for service, endpoint in aws_vpc_endpoint.services : service => endpoint.service_name } == { for service in ["glue", "logs", "monitoring", "secretsmanager"] : service => "com.amazonaws.eu-central-1.${service}" }
    error_message = "With metrics, the jobs call four services; got ${jsonencode(keys(aws_vpc_endpoint.services))}."
  }

  assert {
    condition = alltrue([
      for endpoint in aws_vpc_endpoint.services :
      endpoint.vpc_endpoint_type == "Interface" && endpoint.private_dns_enabled && endpoint.security_group_ids == toset(["sg-11111111"]) && endpoint.subnet_ids == toset(["subnet-00000000"])
    ])
    error_message = "Endpoints take the services' own names and one subnet per availability zone."
  }

  assert {
    condition = { for service, endpoint in aws_vpc_endpoint.services : service => [
      for statement in jsondecode(endpoint.policy).Statement : [statement.Action, statement.Condition]
      ] } == {
      for service, actions in { glue = "glue:*", logs = "logs:*", monitoring = "cloudwatch:*", secretsmanager = "secretsmanager:*" } :
      service => [[actions, { StringEqualsIfExists = { "aws:PrincipalAccount" = "111122223333" } }]]
    }
    error_message = "Credentials of other accounts are refused; got ${jsonencode([for endpoint in aws_vpc_endpoint.services : endpoint.policy])}."
  }

  assert {
    condition = output.placement == {
      connection_arns     = ["arn:aws:glue:eu-central-1:111122223333:connection/jobs", "arn:aws:glue:eu-central-1:111122223333:connection/jobs"]
      subnet_arns         = ["arn:aws:ec2:eu-central-1:111122223333:subnet/jobs", "arn:aws:ec2:eu-central-1:111122223333:subnet/jobs"]
      security_group_arns = ["arn:aws:ec2:eu-central-1:111122223333:security-group/sg-00000000"]
    }
    error_message = "The job role gets what it is placed with; got ${jsonencode(output.placement)}."
  }
}

run "endpoints_that_the_vpc_has_are_reached_at_their_addresses" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    network = { cidr_block = null, zones = 2, vpc_id = "vpc-00000000", route_table_ids = null, s3_endpoint_enabled = false }

    jobs = {
      subnet_ids          = ["subnet-00000000"]
      interface_endpoints = []
      egress_cidr_blocks  = ["10.1.0.0/24"]
    }
  }

  override_data {
    target = data.aws_subnet.jobs
    values = {
      vpc_id = "vpc-00000000"
    }
  }

  assert {
    condition     = length(aws_vpc_endpoint.s3) + length(aws_vpc_endpoint.services) + length(aws_security_group.services) == 0
    error_message = "No endpoint is created, and no security group for one."
  }

  assert {
    condition = [for rule in aws_vpc_security_group_egress_rule.jobs_elsewhere : [rule.cidr_ipv4, rule.ip_protocol, rule.from_port, rule.to_port]] == [
      ["10.1.0.0/24", "tcp", 443, 443],
    ]
    error_message = "The jobs reach them over HTTPS."
  }
}

run "subnets_of_another_vpc_are_refused" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    jobs = {
      subnet_ids          = ["subnet-00000000"]
      interface_endpoints = []
      egress_cidr_blocks  = ["10.1.0.0/24"]
    }
  }

  expect_failures = [data.aws_subnet.jobs]
}

run "endpoints_in_china_have_the_name_that_the_region_gives_them" {
  command = plan

  module {
    source = "./modules/network"
  }

  providers = {
    aws = aws.china
  }

  variables {
    jobs = { subnet_ids = ["subnet-00000000"], interface_endpoints = null, egress_cidr_blocks = [] }
  }

  override_data {
    target = data.aws_subnet.jobs
    values = {
      vpc_id = "vpc-00000000"
    }
  }

  override_data {
    target = data.aws_vpc_endpoint_service.services
    values = {
      service_name = "cn.com.amazonaws.cn-north-1.asked"
    }
  }

  assert {
    condition     = { for service, asked in data.aws_vpc_endpoint_service.services : service => toset(one(asked.filter).values) } == { for service in ["glue", "logs", "secretsmanager"] : service => toset(["com.amazonaws.cn-north-1.${service}", "cn.com.amazonaws.cn-north-1.${service}"]) }
    error_message = "Each service is looked up by both its names; got ${jsonencode(data.aws_vpc_endpoint_service.services)}."
  }

  assert {
    condition     = toset(values(aws_vpc_endpoint.services)[*].service_name) == toset(["cn.com.amazonaws.cn-north-1.asked"]) && aws_vpc_endpoint.s3[0].service_name == "com.amazonaws.cn-north-1.s3"
    error_message = "Got ${jsonencode(values(aws_vpc_endpoint.services)[*].service_name)}."
  }
}
