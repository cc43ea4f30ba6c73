# Jobs in the VPC: where they run (one connection per subnet), what they may connect to, and endpoints for the services that
# they call.

locals {
  # Keyed by position: the ids are unknown until apply if the same apply creates the subnets.
  subnet_ids = var.jobs == null ? [] : var.jobs.subnet_ids != null ? var.jobs.subnet_ids : values(aws_subnet.private)[*].id
  subnets    = { for index, id in local.subnet_ids : tostring(index) => id }

  # An interface endpoint takes one subnet per availability zone ("DuplicateSubnetsInSameZone").
  endpoint_subnet_ids = [for ids in values({ for subnet in data.aws_subnet.jobs : subnet.availability_zone => subnet.id... }) : ids[0]]

  # S3 is reached through the gateway endpoint; S3, CloudWatch and Secrets Manager call KMS, the job does not.
  needed_services = concat(["glue", "logs", "secretsmanager"], var.metrics_enabled ? ["monitoring"] : [])
  services        = var.jobs == null ? toset([]) : coalesce(var.jobs.interface_endpoints, toset(local.needed_services))
}

data "aws_subnet" "jobs" {
  for_each = local.subnets

  id = each.value

  lifecycle {
    postcondition {
      condition     = self.vpc_id == local.vpc.id
      error_message = "vpc_jobs.subnet_ids must be subnets of ${local.vpc.id}; ${self.id} belongs to ${self.vpc_id}."
    }
  }
}

resource "aws_glue_connection" "jobs" {
  for_each = local.subnets

  name            = "${var.name}-vpc-${each.key}"
  description     = "Puts the jobs of ${var.name} into subnet ${each.value}."
  connection_type = "NETWORK"
  tags            = var.tags

  physical_connection_requirements {
    availability_zone      = data.aws_subnet.jobs[each.key].availability_zone
    security_group_id_list = [aws_security_group.jobs[0].id]
    subnet_id              = each.value
  }
}

resource "aws_security_group" "jobs" {
  #checkov:skip=CKV2_AWS_5:The Glue connections use it, which checkov does not recognize.
  count = var.jobs == null ? 0 : 1

  name        = "${var.name}-glue-jobs"
  description = "Glue jobs of ${var.name}: each other, S3 and the services that they call."
  vpc_id      = local.vpc.id
  tags        = merge(var.tags, { Name = "${var.name}-glue-jobs" })
}

# Driver and executors choose arbitrary ports; Glue refuses a connection without "at least one security group [that opens] all
# ingress ports", which may be restricted to the group itself.
resource "aws_vpc_security_group_ingress_rule" "jobs_among_themselves" {
  #checkov:skip=CKV_AWS_24:Open to the group itself, not to addresses.
  #checkov:skip=CKV_AWS_25:Open to the group itself, not to addresses.
  #checkov:skip=CKV_AWS_260:Open to the group itself, not to addresses.
  count = var.jobs == null ? 0 : 1

  security_group_id            = aws_security_group.jobs[0].id
  description                  = "Driver and executors among themselves"
  ip_protocol                  = "tcp"
  from_port                    = 0
  to_port                      = 65535
  referenced_security_group_id = aws_security_group.jobs[0].id
  tags                         = var.tags
}

resource "aws_vpc_security_group_egress_rule" "jobs_among_themselves" {
  count = var.jobs == null ? 0 : 1

  security_group_id            = aws_security_group.jobs[0].id
  description                  = "Driver and executors among themselves"
  ip_protocol                  = "tcp"
  from_port                    = 0
  to_port                      = 65535
  referenced_security_group_id = aws_security_group.jobs[0].id
  tags                         = var.tags
}

data "aws_ec2_managed_prefix_list" "s3" {
  count = var.jobs == null ? 0 : 1

  filter {
    name   = "prefix-list-name"
    values = [for prefix in local.name_prefixes : "${prefix}.s3"]
  }
}

resource "aws_vpc_security_group_egress_rule" "jobs_to_s3" {
  count = var.jobs == null ? 0 : 1

  security_group_id = aws_security_group.jobs[0].id
  description       = "S3 through the gateway endpoint"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  prefix_list_id    = data.aws_ec2_managed_prefix_list.s3[0].id
  tags              = var.tags
}

resource "aws_vpc_security_group_egress_rule" "jobs_to_services" {
  count = length(local.services) == 0 ? 0 : 1

  security_group_id            = aws_security_group.jobs[0].id
  description                  = "Interface endpoints"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.services[0].id
  tags                         = var.tags
}

resource "aws_vpc_security_group_egress_rule" "jobs_elsewhere" {
  for_each = var.jobs == null ? {} : { for index, block in var.jobs.egress_cidr_blocks : tostring(index) => block }

  security_group_id = aws_security_group.jobs[0].id
  description       = "Services without an interface endpoint of this module"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = each.value
  tags              = var.tags
}

resource "aws_security_group" "services" {
  count = length(local.services) == 0 ? 0 : 1

  name        = "${var.name}-services"
  description = "Interface endpoints of ${var.name}: HTTPS from the VPC."
  vpc_id      = local.vpc.id
  tags        = merge(var.tags, { Name = "${var.name}-services" })
}

resource "aws_vpc_security_group_ingress_rule" "jobs_to_services" {
  count = length(local.services) == 0 ? 0 : 1

  security_group_id            = aws_security_group.services[0].id
  description                  = "HTTPS from the jobs"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.jobs[0].id
  tags                         = var.tags
}

# From the whole VPC, not only the jobs: private DNS directs every machine in the VPC to these endpoints.
resource "aws_vpc_security_group_ingress_rule" "vpc_to_services" {
  count = length(local.services) == 0 ? 0 : 1

  security_group_id = aws_security_group.services[0].id
  description       = "HTTPS from the VPC"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = local.vpc.cidr_block
  tags              = var.tags
}

# An endpoint policy only restricts. All actions stay allowed, for the other machines in the VPC; credentials of other accounts
# are refused. IfExists admits the unsigned sts:AssumeRoleWithWebIdentity, which has no account yet.
data "aws_iam_policy_document" "services" {
  for_each = local.services

  statement {
    sid       = "ThisAccountOnly"
    actions   = ["${each.value == "monitoring" ? "cloudwatch" : each.value}:*"]
    resources = ["*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEqualsIfExists"
      variable = "aws:PrincipalAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

data "aws_vpc_endpoint_service" "services" {
  for_each = length(local.name_prefixes) > 1 ? local.services : toset([])

  service_type = "Interface"

  filter {
    name   = "service-name"
    values = [for prefix in local.name_prefixes : "${prefix}.${each.value}"]
  }
}

resource "aws_vpc_endpoint" "services" {
  for_each = local.services

  vpc_id              = local.vpc.id
  service_name        = try(data.aws_vpc_endpoint_service.services[each.value].service_name, "${local.name_prefixes[0]}.${each.value}")
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = local.endpoint_subnet_ids
  security_group_ids  = [aws_security_group.services[0].id]
  policy              = data.aws_iam_policy_document.services[each.value].json
  tags                = merge(var.tags, { Name = "${var.name}-${each.value}" })
}
