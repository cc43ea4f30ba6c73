# Policies stay below IAM's limits with the longest names that the module allows, in every partition. The real provider renders
# them; it makes no API call, because every data source that would is overridden.

provider "aws" {
  alias                       = "frankfurt"
  region                      = "eu-central-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

provider "aws" {
  alias                       = "govcloud"
  region                      = "us-gov-west-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

provider "aws" {
  alias                       = "china"
  region                      = "cn-northwest-1"
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

# Values for Frankfurt; the other runs replace partition and region in the ARNs.
variables {
  global_suffix            = ""
  existing_roles           = null
  prefix                   = "${join("", [for i in range(40) : "p"])}/"
  name                     = "abcdefghijklmnopqrst-abcdefghijklmno"
  path                     = "/"
  permissions_boundary_arn = null
  kms_key_arn              = "arn:aws:kms:eu-central-1:111122223333:key/mrk-0123456789abcdef0123456789abcdef"
  workflow                 = "abcdefghijklmnopqrst-abcdefghijklmno-lakehouse"
  bucket_arn               = "arn:aws:s3:::${join("", [for i in range(63) : "b"])}"
  landing_prefixes         = [for file in fileset("../ddl", "*_landing.sql") : "${trimsuffix(file, "_landing.sql")}/landing"]
  database                 = "abcdefghijklmnopqrst_abcdefghijklmno"
  database_arn             = "arn:aws:glue:eu-central-1:111122223333:database/abcdefghijklmnopqrst_abcdefghijklmno"
  audit_database           = "abcdefghijklmnopqrst_abcdefghijklmno_audit"
  audit_database_arn       = "arn:aws:glue:eu-central-1:111122223333:database/abcdefghijklmnopqrst_abcdefghijklmno_audit"
  subject_key_secret_arn   = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:abcdefghijklmnopqrst-abcdefghijklmno-subject-key-AbCdEf"
  refusal_key_secret_arn   = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:abcdefghijklmnopqrst-abcdefghijklmno-refusal-key-AbCdEf"
  landing_table_arns       = { for file in fileset("../ddl", "*_landing.sql") : file => "arn:aws:glue:eu-central-1:111122223333:table/abcdefghijklmnopqrst_abcdefghijklmno/${trimsuffix(file, ".sql")}" }
  iceberg_table_arns       = { for file in setsubtract(fileset("../ddl", "*.sql"), fileset("../ddl", "*.audit.sql")) : trimsuffix(file, ".sql") => "arn:aws:glue:eu-central-1:111122223333:table/abcdefghijklmnopqrst_abcdefghijklmno_audit/${trimsuffix(file, ".sql")}" if !endswith(file, "_landing.sql") }
  training_tables          = ["machine_learning_curated", "training_split", "training_steps"]
  metrics_enabled          = true
  tags                     = {}

  placement = {
    connection_arns     = [for i in range(4) : "arn:aws:glue:eu-central-1:111122223333:connection/abcdefghijklmnopqrst-abcdefghijklmno-vpc-${i}"]
    subnet_arns         = [for i in range(4) : "arn:aws:ec2:eu-central-1:111122223333:subnet/subnet-0123456789abcdef${i}"]
    security_group_arns = ["arn:aws:ec2:eu-central-1:111122223333:security-group/sg-0123456789abcdef0"]
  }

  analysts = {
    workgroup_arn  = "arn:aws:athena:eu-central-1:111122223333:workgroup/abcdefghijklmnopqrst-abcdefghijklmno-analyst"
    results_prefix = "athena-results/analysts"
  }
}

run "policies_are_short_enough_in_frankfurt" {
  command = plan

  module {
    source = "./modules/iam"
  }

  providers = {
    aws = aws.frankfurt
  }

  assert {
    condition     = max([for policy in [aws_iam_policy.analyst, aws_iam_policy.network[0]] : length(jsonencode(jsondecode(policy.policy)))]...) <= 6144
    error_message = "A managed policy has up to 6,144 characters; these have ${jsonencode({ for policy in [aws_iam_policy.analyst, aws_iam_policy.network[0]] : policy.name => length(jsonencode(jsondecode(policy.policy))) })}."
  }

  assert {
    condition     = sum([for policy in [aws_iam_role_policy.data[0], aws_iam_role_policy.catalog[0], aws_iam_role_policy.observe[0], aws_iam_role_policy.subject_key[0], aws_iam_role_policy.lease[0]] : length(jsonencode(jsondecode(policy.policy)))]) <= 10240
    error_message = "The policies in a role have up to 10,240 characters in all; those of the jobs' role have ${jsonencode({ for policy in [aws_iam_role_policy.data[0], aws_iam_role_policy.catalog[0], aws_iam_role_policy.observe[0], aws_iam_role_policy.subject_key[0], aws_iam_role_policy.lease[0]] : policy.name => length(jsonencode(jsondecode(policy.policy))) })}."
  }

  assert {
    condition     = sum([for policy in aws_iam_role_policy.forget : length(jsonencode(jsondecode(policy.policy)))]) <= 10240
    error_message = "The policies in a role have up to 10,240 characters in all; those of the erasure role have ${jsonencode({ for name, policy in aws_iam_role_policy.forget : name => length(jsonencode(jsondecode(policy.policy))) })}."
  }

  assert {
    condition     = !anytrue([for policy in concat(values(aws_iam_role_policy.forget)[*].policy, [aws_iam_policy.analyst.policy, aws_iam_policy.network[0].policy]) : can(regex("arn:(aws|aws-us-gov|aws-cn):", replace(policy, "arn:aws:", "")))])
    error_message = "Every ARN is of the partition."
  }
}

run "policies_are_short_enough_in_govcloud" {
  command = plan

  module {
    source = "./modules/iam"
  }

  providers = {
    aws = aws.govcloud
  }

  variables {
    kms_key_arn            = replace(replace(var.kms_key_arn, "arn:aws:", "arn:aws-us-gov:"), "eu-central-1", "us-gov-west-1")
    bucket_arn             = replace(replace(var.bucket_arn, "arn:aws:", "arn:aws-us-gov:"), "eu-central-1", "us-gov-west-1")
    database_arn           = replace(replace(var.database_arn, "arn:aws:", "arn:aws-us-gov:"), "eu-central-1", "us-gov-west-1")
    audit_database_arn     = replace(replace(var.audit_database_arn, "arn:aws:", "arn:aws-us-gov:"), "eu-central-1", "us-gov-west-1")
    subject_key_secret_arn = replace(replace(var.subject_key_secret_arn, "arn:aws:", "arn:aws-us-gov:"), "eu-central-1", "us-gov-west-1")
    refusal_key_secret_arn = replace(replace(var.refusal_key_secret_arn, "arn:aws:", "arn:aws-us-gov:"), "eu-central-1", "us-gov-west-1")
    landing_table_arns     = jsondecode(replace(replace(jsonencode(var.landing_table_arns), "arn:aws:", "arn:aws-us-gov:"), "eu-central-1", "us-gov-west-1"))
    iceberg_table_arns     = jsondecode(replace(replace(jsonencode(var.iceberg_table_arns), "arn:aws:", "arn:aws-us-gov:"), "eu-central-1", "us-gov-west-1"))
    placement              = jsondecode(replace(replace(jsonencode(var.placement), "arn:aws:", "arn:aws-us-gov:"), "eu-central-1", "us-gov-west-1"))
    analysts               = jsondecode(replace(replace(jsonencode(var.analysts), "arn:aws:", "arn:aws-us-gov:"), "eu-central-1", "us-gov-west-1"))
  }

  assert {
    condition     = max([for policy in [aws_iam_policy.analyst, aws_iam_policy.network[0]] : length(jsonencode(jsondecode(policy.policy)))]...) <= 6144
    error_message = "A managed policy has up to 6,144 characters; these have ${jsonencode({ for policy in [aws_iam_policy.analyst, aws_iam_policy.network[0]] : policy.name => length(jsonencode(jsondecode(policy.policy))) })}."
  }

  assert {
    condition     = sum([for policy in [aws_iam_role_policy.data[0], aws_iam_role_policy.catalog[0], aws_iam_role_policy.observe[0], aws_iam_role_policy.subject_key[0], aws_iam_role_policy.lease[0]] : length(jsonencode(jsondecode(policy.policy)))]) <= 10240
    error_message = "The policies in a role have up to 10,240 characters in all; those of the jobs' role have ${jsonencode({ for policy in [aws_iam_role_policy.data[0], aws_iam_role_policy.catalog[0], aws_iam_role_policy.observe[0], aws_iam_role_policy.subject_key[0], aws_iam_role_policy.lease[0]] : policy.name => length(jsonencode(jsondecode(policy.policy))) })}."
  }

  assert {
    condition     = sum([for policy in aws_iam_role_policy.forget : length(jsonencode(jsondecode(policy.policy)))]) <= 10240
    error_message = "The policies in a role have up to 10,240 characters in all; those of the erasure role have ${jsonencode({ for name, policy in aws_iam_role_policy.forget : name => length(jsonencode(jsondecode(policy.policy))) })}."
  }

  assert {
    condition     = !anytrue([for policy in concat(values(aws_iam_role_policy.forget)[*].policy, [aws_iam_policy.analyst.policy, aws_iam_policy.network[0].policy]) : can(regex("arn:(aws|aws-us-gov|aws-cn):", replace(policy, "arn:aws-us-gov:", "")))])
    error_message = "Every ARN is of the partition."
  }
}

run "policies_are_short_enough_in_china" {
  command = plan

  module {
    source = "./modules/iam"
  }

  providers = {
    aws = aws.china
  }

  variables {
    kms_key_arn            = replace(replace(var.kms_key_arn, "arn:aws:", "arn:aws-cn:"), "eu-central-1", "cn-northwest-1")
    bucket_arn             = replace(replace(var.bucket_arn, "arn:aws:", "arn:aws-cn:"), "eu-central-1", "cn-northwest-1")
    database_arn           = replace(replace(var.database_arn, "arn:aws:", "arn:aws-cn:"), "eu-central-1", "cn-northwest-1")
    audit_database_arn     = replace(replace(var.audit_database_arn, "arn:aws:", "arn:aws-cn:"), "eu-central-1", "cn-northwest-1")
    subject_key_secret_arn = replace(replace(var.subject_key_secret_arn, "arn:aws:", "arn:aws-cn:"), "eu-central-1", "cn-northwest-1")
    refusal_key_secret_arn = replace(replace(var.refusal_key_secret_arn, "arn:aws:", "arn:aws-cn:"), "eu-central-1", "cn-northwest-1")
    landing_table_arns     = jsondecode(replace(replace(jsonencode(var.landing_table_arns), "arn:aws:", "arn:aws-cn:"), "eu-central-1", "cn-northwest-1"))
    iceberg_table_arns     = jsondecode(replace(replace(jsonencode(var.iceberg_table_arns), "arn:aws:", "arn:aws-cn:"), "eu-central-1", "cn-northwest-1"))
    placement              = jsondecode(replace(replace(jsonencode(var.placement), "arn:aws:", "arn:aws-cn:"), "eu-central-1", "cn-northwest-1"))
    analysts               = jsondecode(replace(replace(jsonencode(var.analysts), "arn:aws:", "arn:aws-cn:"), "eu-central-1", "cn-northwest-1"))
  }

  assert {
    condition     = max([for policy in [aws_iam_policy.analyst, aws_iam_policy.network[0]] : length(jsonencode(jsondecode(policy.policy)))]...) <= 6144
    error_message = "A managed policy has up to 6,144 characters; these have ${jsonencode({ for policy in [aws_iam_policy.analyst, aws_iam_policy.network[0]] : policy.name => length(jsonencode(jsondecode(policy.policy))) })}."
  }

  assert {
    condition     = sum([for policy in [aws_iam_role_policy.data[0], aws_iam_role_policy.catalog[0], aws_iam_role_policy.observe[0], aws_iam_role_policy.subject_key[0], aws_iam_role_policy.lease[0]] : length(jsonencode(jsondecode(policy.policy)))]) <= 10240
    error_message = "The policies in a role have up to 10,240 characters in all; those of the jobs' role have ${jsonencode({ for policy in [aws_iam_role_policy.data[0], aws_iam_role_policy.catalog[0], aws_iam_role_policy.observe[0], aws_iam_role_policy.subject_key[0], aws_iam_role_policy.lease[0]] : policy.name => length(jsonencode(jsondecode(policy.policy))) })}."
  }

  assert {
    condition     = sum([for policy in aws_iam_role_policy.forget : length(jsonencode(jsondecode(policy.policy)))]) <= 10240
    error_message = "The policies in a role have up to 10,240 characters in all; those of the erasure role have ${jsonencode({ for name, policy in aws_iam_role_policy.forget : name => length(jsonencode(jsondecode(policy.policy))) })}."
  }

  assert {
    condition     = !anytrue([for policy in concat(values(aws_iam_role_policy.forget)[*].policy, [aws_iam_policy.analyst.policy, aws_iam_policy.network[0].policy]) : can(regex("arn:(aws|aws-us-gov|aws-cn):", replace(policy, "arn:aws-cn:", "")))])
    error_message = "Every ARN is of the partition."
  }
}
