# The real provider renders the policy; it makes no call, because every data source that would is overridden.
provider "aws" {
  region                      = "eu-central-1"
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
  target = data.aws_vpc.default
  values = {
    id = "vpc-00000000"
  }
}

override_data {
  target = data.aws_route_tables.all
  values = {
    ids = ["rtb-00000000", "rtb-11111111"]
  }
}

variables {
  name            = "stedi-test"
  vpc_id          = null
  route_table_ids = null
  bucket_arn      = "arn:aws:s3:::our-data"
  tags            = {}
}

run "endpoint_on_the_default_vpc_reaches_this_bucket_for_this_account_only" {
  command = plan

  module {
    source = "./modules/network"
  }

  assert {
    condition     = aws_vpc_endpoint.s3.vpc_id == "vpc-00000000" && aws_vpc_endpoint.s3.route_table_ids == toset(["rtb-00000000", "rtb-11111111"])
    error_message = "Got ${aws_vpc_endpoint.s3.vpc_id} and ${jsonencode(aws_vpc_endpoint.s3.route_table_ids)}."
  }

  assert {
    condition     = aws_vpc_endpoint.s3.vpc_endpoint_type == "Gateway" && aws_vpc_endpoint.s3.service_name == "com.amazonaws.eu-central-1.s3"
    error_message = "Got ${aws_vpc_endpoint.s3.vpc_endpoint_type} ${aws_vpc_endpoint.s3.service_name}."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_vpc_endpoint.s3.policy).Statement :
      statement.Effect == "Allow" && contains(["arn:aws:s3:::our-data", "arn:aws:s3:::our-data/*"], statement.Resource)
    ])
    error_message = "Got ${aws_vpc_endpoint.s3.policy}."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_vpc_endpoint.s3.policy).Statement :
      statement.Condition == { StringEquals = { "aws:PrincipalAccount" = "111122223333" } }
    ])
    error_message = "Got ${aws_vpc_endpoint.s3.policy}."
  }

  assert {
    condition = toset(flatten(jsondecode(aws_vpc_endpoint.s3.policy).Statement[*].Action)) == toset([
      "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetBucketLocation", "s3:GetObject",
      "s3:ListBucket", "s3:ListMultipartUploadParts", "s3:PutObject",
    ])
    error_message = "Got ${aws_vpc_endpoint.s3.policy}."
  }
}

run "given_vpc_and_route_tables" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    vpc_id          = "vpc-22222222"
    route_table_ids = ["rtb-22222222"]
  }

  assert {
    condition     = aws_vpc_endpoint.s3.vpc_id == "vpc-22222222" && aws_vpc_endpoint.s3.route_table_ids == toset(["rtb-22222222"])
    error_message = "Got ${aws_vpc_endpoint.s3.vpc_id} and ${jsonencode(aws_vpc_endpoint.s3.route_table_ids)}."
  }
}
