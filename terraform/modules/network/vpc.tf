# The VPC: the caller's, or one created here, with private subnets and one route table. It has no hourly cost and no internet
# access.

data "aws_vpc" "named" {
  count = local.made ? 0 : 1

  id = var.network.vpc_id
}

data "aws_route_tables" "named" {
  count = local.made ? 0 : 1

  vpc_id = data.aws_vpc.named[0].id
}

# Excludes Local Zones, which an account may have opted into.
data "aws_availability_zones" "available" {
  #checkov:skip=CKV_AWS_394:The module runs in any region, so it names no zones.
  count = local.made ? 1 : 0

  state = "available"

  filter {
    name   = "zone-type"
    values = ["availability-zone"]
  }

  lifecycle {
    postcondition {
      condition     = length(self.names) >= var.network.zones
      error_message = "network.zones is ${var.network.zones}, but the region has ${length(self.names)} availability zones: ${join(", ", self.names)}."
    }
  }
}

resource "aws_vpc" "this" {
  #checkov:skip=CKV2_AWS_11:Only the module's endpoints are reachable from this VPC; flow logs are charged for, and up to the account's owner.
  #checkov:skip=CKV2_AWS_12:Nothing uses the default security group, and no route leaves the VPC except to the bucket.
  count = local.made ? 1 : 0

  cidr_block           = var.network.cidr_block
  enable_dns_support   = true
  enable_dns_hostnames = true # private DNS of the interface endpoints
  tags                 = merge(var.tags, { Name = var.name })
}

resource "aws_subnet" "private" {
  for_each = local.made ? { for index in range(var.network.zones) : tostring(index) => data.aws_availability_zones.available[0].names[index] } : {}

  vpc_id            = aws_vpc.this[0].id
  availability_zone = each.value
  cidr_block        = cidrsubnet(var.network.cidr_block, 2, tonumber(each.key))
  tags              = merge(var.tags, { Name = "${var.name}-private-${each.key}" })

  lifecycle {
    ignore_changes = [availability_zone] # the list changes while a zone is impaired
  }
}

resource "aws_route_table" "private" {
  count = local.made ? 1 : 0

  vpc_id = aws_vpc.this[0].id
  tags   = merge(var.tags, { Name = "${var.name}-private" })
}

resource "aws_route_table_association" "private" {
  for_each = aws_subnet.private

  subnet_id      = each.value.id
  route_table_id = aws_route_table.private[0].id
}
