# A VPC without internet access: the jobs reach S3 through the module's gateway endpoint, and the other services through its
# interface endpoints.
data "aws_availability_zones" "available" {
  #checkov:skip=CKV_AWS_394:The example runs in any region, so it names no zones; a zone that AWS adds sorts last.
  state = "available"
}

resource "aws_vpc" "this" {
  #checkov:skip=CKV2_AWS_11:Only the module's endpoints are reachable from this VPC; flow logs are up to the network's owner.
  cidr_block           = "10.40.0.0/22"
  enable_dns_support   = true
  enable_dns_hostnames = true # private DNS of the interface endpoints
  tags                 = { Name = local.name }
}

# AWS creates one for every VPC; without rules it allows no traffic.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_subnet" "private" {
  for_each = { for index, zone in slice(data.aws_availability_zones.available.names, 0, 2) : zone => index }

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(aws_vpc.this.cidr_block, 2, each.value)
  tags              = { Name = "${local.name}-private-${each.key}" }
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${local.name}-private" }
}

resource "aws_route_table_association" "private" {
  for_each = aws_subnet.private

  subnet_id      = each.value.id
  route_table_id = aws_route_table.private.id
}
