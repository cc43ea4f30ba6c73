# A VPC without a way to the internet: S3 is reached through the module's gateway endpoint, the other services through its
# interface endpoints.
data "aws_availability_zones" "available" {
  #checkov:skip=CKV_AWS_394:An example runs in any region, so it names no zones; a zone that AWS adds comes last by its name.
  state = "available"
}

resource "aws_vpc" "this" {
  #checkov:skip=CKV2_AWS_11:Nothing but the module's endpoints can be reached from here; flow logs are for the network's owner to keep.
  cidr_block           = "10.40.0.0/22"
  enable_dns_support   = true
  enable_dns_hostnames = true # private DNS of the interface endpoints
  tags                 = { Name = local.name }
}

# AWS makes one for every VPC; without rules it lets nothing through.
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
