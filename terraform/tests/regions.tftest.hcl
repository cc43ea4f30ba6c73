# The module in two regions, GovCloud and China, each with and without a key and a network (fixtures/variants).

mock_provider "aws" {
  alias  = "virginia"
  source = "./tests/mocks"

  mock_data "aws_region" {
    defaults = { id = "us-east-1" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }
}

mock_provider "aws" {
  alias  = "frankfurt"
  source = "./tests/mocks"

  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }
}

mock_provider "aws" {
  alias  = "govcloud"
  source = "./tests/mocks"

  mock_data "aws_region" {
    defaults = { id = "us-gov-west-1" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws-us-gov", dns_suffix = "amazonaws.com" }
  }
}

mock_provider "aws" {
  alias  = "china"
  source = "./tests/mocks"

  mock_data "aws_region" {
    defaults = { id = "cn-northwest-1" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws-cn", dns_suffix = "amazonaws.com.cn" }
  }
}

run "plans_are_valid_in_virginia" {
  command = plan

  module {
    source = "./tests/fixtures/variants"
  }

  providers = {
    aws = aws.virginia
  }

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"
  }

  assert {
    condition     = alltrue([for name, lakehouse in output.lakehouses : lakehouse.region == "us-east-1" && length(lakehouse.jobs) == 5 && length(lakehouse.glue_connections) == (strcontains(name, "network") ? 2 : 0)])
    error_message = "Got ${jsonencode([for lakehouse in output.lakehouses : [lakehouse.region, lakehouse.glue_connections]])}."
  }

  assert {
    condition     = alltrue(flatten([for lakehouse in output.lakehouses : [for name, link in lakehouse.console_links : link == null ? name == "logs" : startswith(link, "https://us-east-1.console.aws.amazon.com/")]]))
    error_message = "The console (of logs not known before the role is) has another address in each partition; got ${jsonencode([for lakehouse in output.lakehouses : lakehouse.console_links])}."
  }
}

run "plans_are_valid_in_frankfurt" {
  command = plan

  module {
    source = "./tests/fixtures/variants"
  }

  providers = {
    aws = aws.frankfurt
  }

  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"
  }

  assert {
    condition     = alltrue([for name, lakehouse in output.lakehouses : lakehouse.region == "eu-central-1" && length(lakehouse.jobs) == 5 && length(lakehouse.glue_connections) == (strcontains(name, "network") ? 2 : 0)])
    error_message = "Got ${jsonencode([for lakehouse in output.lakehouses : [lakehouse.region, lakehouse.glue_connections]])}."
  }

  assert {
    condition     = alltrue(flatten([for lakehouse in output.lakehouses : [for name, link in lakehouse.console_links : link == null ? name == "logs" : startswith(link, "https://eu-central-1.console.aws.amazon.com/")]]))
    error_message = "The console (of logs not known before the role is) has another address in each partition; got ${jsonencode([for lakehouse in output.lakehouses : lakehouse.console_links])}."
  }
}

run "plans_are_valid_in_govcloud" {
  command = plan

  module {
    source = "./tests/fixtures/variants"
  }

  providers = {
    aws = aws.govcloud
  }

  variables {
    kms_key_arn = "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"
  }

  assert {
    condition     = alltrue([for name, lakehouse in output.lakehouses : lakehouse.region == "us-gov-west-1" && length(lakehouse.jobs) == 5 && length(lakehouse.glue_connections) == (strcontains(name, "network") ? 2 : 0)])
    error_message = "Got ${jsonencode([for lakehouse in output.lakehouses : [lakehouse.region, lakehouse.glue_connections]])}."
  }

  assert {
    condition     = alltrue(flatten([for lakehouse in output.lakehouses : [for name, link in lakehouse.console_links : link == null ? name == "logs" : startswith(link, "https://us-gov-west-1.console.amazonaws-us-gov.com/")]]))
    error_message = "The console (of logs not known before the role is) has another address in each partition; got ${jsonencode([for lakehouse in output.lakehouses : lakehouse.console_links])}."
  }
}

run "plans_are_valid_in_china" {
  command = plan

  module {
    source = "./tests/fixtures/variants"
  }

  providers = {
    aws = aws.china
  }

  variables {
    kms_key_arn = "arn:aws-cn:kms:cn-northwest-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"
  }

  assert {
    condition     = alltrue([for name, lakehouse in output.lakehouses : lakehouse.region == "cn-northwest-1" && length(lakehouse.jobs) == 5 && length(lakehouse.glue_connections) == (strcontains(name, "network") ? 2 : 0)])
    error_message = "Got ${jsonencode([for lakehouse in output.lakehouses : [lakehouse.region, lakehouse.glue_connections]])}."
  }

  assert {
    condition     = alltrue(flatten([for lakehouse in output.lakehouses : [for name, link in lakehouse.console_links : link == null ? name == "logs" : startswith(link, "https://cn-northwest-1.console.amazonaws.cn/")]]))
    error_message = "The console (of logs not known before the role is) has another address in each partition; got ${jsonencode([for lakehouse in output.lakehouses : lakehouse.console_links])}."
  }
}
