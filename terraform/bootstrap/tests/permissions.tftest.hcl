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
  values = { account_id = "111122223333" }
}

override_resource {
  target          = aws_iam_openid_connect_provider.github
  override_during = plan
  values          = { arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
}

variables {
  repository = "octocat@12/lake@34"
  region     = "eu-central-1"
}

run "the_plan_role_writes_locks_and_plans_and_nothing_else" {
  command = plan

  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_role_policy.plan_state.policy).Statement : statement.Resource
      if length(setintersection(flatten([statement.Action]), ["s3:PutObject", "s3:DeleteObject"])) > 0
      ])) == toset([
      "arn:aws:s3:::stedi-terraform-state-111122223333/stedi-lakehouse/dev/terraform.tfstate.tflock",
      "arn:aws:s3:::stedi-terraform-state-111122223333/stedi-lakehouse/prod/terraform.tfstate.tflock",
      "arn:aws:s3:::stedi-terraform-state-111122223333/plans/dev/*",
      "arn:aws:s3:::stedi-terraform-state-111122223333/plans/prod/*",
    ])
    error_message = "Got ${aws_iam_role_policy.plan_state.policy}."
  }

  assert {
    condition = alltrue(flatten([
      for policy in concat(values(aws_iam_policy.read)[*].policy, [aws_iam_role_policy.plan_state.policy]) : [
        for statement in jsondecode(policy).Statement : [
          for action in flatten([statement.Action]) :
          can(regex(":(Get|List|Describe|View)", action)) || contains(["LockState", "SavePlans"], statement.Sid)
        ]
      ]
    ]))
    error_message = "Every other action of the plan role reads."
  }

  assert {
    condition     = toset(keys(aws_iam_role_policy_attachment.plan_read)) == toset(["dev", "prod"])
    error_message = "The plan role reads every environment."
  }
}

run "no_plan_reads_data" {
  command = plan

  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_policy.read["dev"].policy).Statement : statement.Resource
      if contains(flatten([statement.Action]), "s3:GetObject")
    ])) == toset(["arn:aws:s3:::stedi-dev-*/glue/*"])
    error_message = "Landing and warehouse are out of a plan's reach; got ${aws_iam_policy.read["dev"].policy}."
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_policy.deploy_data["dev"].policy).Statement : statement.Resource
      if length([for action in flatten([statement.Action]) : action if startswith(action, "s3:") && endswith(action, "Object")]) > 0
      ])) == toset([
      "arn:aws:s3:::stedi-dev-*/glue/*",
      "arn:aws:s3:::stedi-dev-*/operations/lease.json",
      "arn:aws:s3:::stedi-dev-*/warehouse/*/metadata/*.metadata.json",
      "arn:aws:s3:::stedi-dev-*/warehouse/stedi_dev_audit/pipeline_runs/*",
    ])
    error_message = "An apply touches code, lease and table metadata, no rows but the counts of runs; got ${aws_iam_policy.deploy_data["dev"].policy}."
  }
}

run "the_key_of_the_pseudonyms_is_read_on_refresh_and_by_jobs_only" {
  command = plan

  assert {
    condition = {
      for name, policy in { read = aws_iam_policy.read["dev"].policy, data = aws_iam_policy.deploy_data["dev"].policy, runtime = aws_iam_policy.deploy_runtime["dev"].policy, network = aws_iam_policy.deploy_network["dev"].policy, boundary = aws_iam_policy.boundary["dev"].policy } :
      name => [
        for statement in jsondecode(policy).Statement : statement.Resource if contains(flatten([statement.Action]), "secretsmanager:GetSecretValue")
      ]
      } == {
      read     = ["arn:aws:secretsmanager:eu-central-1:111122223333:secret:stedi-dev-*"]
      data     = []
      runtime  = []
      network  = []
      boundary = ["arn:aws:secretsmanager:eu-central-1:111122223333:secret:stedi-dev-*"]
    }
    error_message = "Got ${aws_iam_policy.read["dev"].policy} and ${aws_iam_policy.boundary["dev"].policy}."
  }

  assert {
    condition = {
      for name, policy in { read = aws_iam_policy.read["dev"].policy, data = aws_iam_policy.deploy_data["dev"].policy, runtime = aws_iam_policy.deploy_runtime["dev"].policy, network = aws_iam_policy.deploy_network["dev"].policy, boundary = aws_iam_policy.boundary["dev"].policy } :
      name => length([
        for action in flatten(jsondecode(policy).Statement[*].Action) : action
        if can(regex("^secretsmanager:(Create|Delete|Put|Restore|Rotate|Update)", action))
      ]) > 0
    } == { read = false, data = false, runtime = true, network = false, boundary = false }
    error_message = "Only the apply role creates and replaces the key; got ${aws_iam_policy.read["dev"].policy} and ${aws_iam_policy.boundary["dev"].policy}."
  }
}

run "every_statement_names_its_actions_and_resources" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for policy in concat(
        flatten([for policies in [aws_iam_policy.read, aws_iam_policy.deploy_data, aws_iam_policy.deploy_runtime, aws_iam_policy.deploy_network, aws_iam_policy.boundary] : values(policies)[*].policy]),
        values(aws_iam_role_policy.apply_state)[*].policy,
        [aws_iam_role_policy.plan_state.policy],
      ) : [for statement in jsondecode(policy).Statement : [for action in flatten([statement.Action]) : can(regex("^[a-z0-9]+:[A-Za-z]+$", action))]]
    ]))
    error_message = "No action is a pattern."
  }

  assert {
    condition = toset(flatten([
      for policies in [aws_iam_policy.read, aws_iam_policy.deploy_data, aws_iam_policy.deploy_runtime, aws_iam_policy.deploy_network, aws_iam_policy.boundary] : [
        for policy in values(policies)[*].policy : [
          for statement in jsondecode(policy).Statement : flatten([statement.Action]) if contains(flatten([statement.Resource]), "*")
        ]
      ]
      ])) == toset([
      "athena:ListDataCatalogs",
      "athena:ListWorkGroups",
      "cloudwatch:PutMetricData",
      "ec2:DescribeAvailabilityZones",
      "ec2:DescribeManagedPrefixLists",
      "ec2:DescribeNetworkAcls",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribePrefixLists",
      "ec2:DescribeRouteTables",
      "ec2:DescribeSecurityGroupRules",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets",
      "ec2:DescribeVpcEndpointServices",
      "ec2:DescribeVpcEndpoints",
      "ec2:DescribeVpcs",
      "glue:CreateSecurityConfiguration",
      "glue:DeleteSecurityConfiguration",
      "glue:GetSecurityConfiguration",
      "lakeformation:GetDataAccess",
      "logs:DescribeLogGroups",
      "sns:GetSubscriptionAttributes",
      "sns:SetSubscriptionAttributes",
      "sns:Unsubscribe",
    ])
    error_message = "Resource \"*\" only for actions without resource-level permissions."
  }
}

run "an_apply_role_reaches_its_own_environment_only" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for policy in [aws_iam_policy.read["dev"].policy, aws_iam_policy.deploy_data["dev"].policy, aws_iam_policy.deploy_runtime["dev"].policy, aws_iam_policy.deploy_network["dev"].policy, aws_iam_role_policy.apply_state["dev"].policy] : [
        for statement in jsondecode(policy).Statement : [
          for resource in flatten([statement.Resource]) :
          resource == "*" || can(regex("stedi[-_]dev|/dev/|:catalog$|:ec2:|:hostedzone/|stedi-terraform-state-111122223333$", resource))
        ]
      ]
    ]))
    error_message = "Every resource is of dev."
  }

  assert {
    condition = alltrue([
      for statement in concat([for policies in [aws_iam_policy.deploy_data, aws_iam_policy.deploy_runtime, aws_iam_policy.deploy_network] : jsondecode(policies["dev"].policy).Statement]...) :
      try(statement.Condition.StringEquals["aws:RequestTag/Environment"], statement.Condition.StringEquals["aws:ResourceTag/Environment"], "none") == "dev" || contains(["PlaceNetwork", "TagNetworkOnCreation"], statement.Sid)
      if anytrue([for action in flatten([statement.Action]) : startswith(action, "ec2:") && !can(regex("^ec2:(Describe|Get)", action))])
    ])
    error_message = "Resources without names are identified by their tags; got ${aws_iam_policy.deploy_network["dev"].policy}."
  }

  assert {
    condition     = aws_iam_role_policy_attachment.deploy_data["dev"].role == "stedi-dev-apply" && aws_iam_role_policy_attachment.deploy_runtime["dev"].role == "stedi-dev-apply" && aws_iam_role_policy_attachment.deploy_network["dev"].role == "stedi-dev-apply" && aws_iam_role_policy_attachment.apply_read["dev"].role == "stedi-dev-apply"
    error_message = "dev's policies are attached to dev's role."
  }
}

run "an_apply_role_can_not_widen_its_own_permissions" {
  command = plan

  assert {
    condition = [
      for statement in jsondecode(aws_iam_policy.deploy_data["dev"].policy).Statement : statement.Condition
      if length(setintersection(flatten([statement.Action]), ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:PutRolePermissionsBoundary"])) > 0
    ] == [{ StringEquals = { "iam:PermissionsBoundary" = "arn:aws:iam::111122223333:policy/ci/stedi-dev-boundary" } }]
    error_message = "Every action that grants permissions to a role requires the boundary; got ${aws_iam_policy.deploy_data["dev"].policy}."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_policy.deploy_data["dev"].policy).Statement : !contains(flatten([statement.Action]), "iam:DeleteRolePermissionsBoundary")
    ])
    error_message = "No boundary can be removed."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_policy.deploy_data["dev"].policy).Statement : [statement.Resource, statement.Condition.StringEquals]
      if contains(flatten([statement.Action]), "iam:PassRole")
      ] == [
      ["arn:aws:iam::111122223333:role/stedi-dev-*", { "iam:PassedToService" = "glue.amazonaws.com" }],
      ["arn:aws:iam::111122223333:role/stedi-dev-arrival*", { "iam:PassedToService" = "events.amazonaws.com" }],
    ]
    error_message = "Roles are passed to Glue only, and to EventBridge the one that starts the workflow by arrival; got ${aws_iam_policy.deploy_data["dev"].policy}."
  }

  # IAM resources are identified by path and name, and CI's own have the path /ci/.
  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_policy.deploy_data["dev"].policy).Statement : statement.Resource
      if anytrue([for action in flatten([statement.Action]) : startswith(action, "iam:")])
    ])) == toset(["arn:aws:iam::111122223333:role/stedi-dev-*", "arn:aws:iam::111122223333:role/stedi-dev-arrival*", "arn:aws:iam::111122223333:policy/stedi-dev-*"])
    error_message = "Got ${aws_iam_policy.deploy_data["dev"].policy}."
  }

  assert {
    condition     = toset(concat(values(aws_iam_role.apply)[*].path, values(aws_iam_policy.boundary)[*].path, values(aws_iam_policy.deploy_data)[*].path, [aws_iam_role.plan.path])) == toset(["/ci/"])
    error_message = "CI's own roles and policies are out of its reach."
  }

  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(aws_iam_policy.boundary["dev"].policy).Statement : [for action in flatten([statement.Action]) : !can(regex("^(iam|sts):", action))]
    ]))
    error_message = "No role within the boundary manages or assumes roles."
  }
}

run "the_longest_names_still_fit_into_a_policy" {
  command = plan

  variables {
    region       = "eu-central-1"
    name_prefix  = "abcdefghijklmnopqrst"
    environments = { abcdefghijklmno = {} }
    kms_key_arns = [for i in range(2) : "arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcde${i}"]
  }

  assert {
    condition     = max(values({ for name, policies in { read = aws_iam_policy.read, data = aws_iam_policy.deploy_data, runtime = aws_iam_policy.deploy_runtime, network = aws_iam_policy.deploy_network, boundary = aws_iam_policy.boundary } : name => length(jsonencode(jsondecode(policies["abcdefghijklmno"].policy))) })...) <= 6144
    error_message = "IAM takes 6,144 characters; got ${jsonencode({ for name, policies in { read = aws_iam_policy.read, data = aws_iam_policy.deploy_data, runtime = aws_iam_policy.deploy_runtime, network = aws_iam_policy.deploy_network, boundary = aws_iam_policy.boundary } : name => length(jsonencode(jsondecode(policies["abcdefghijklmno"].policy))) })}."
  }

  assert {
    condition     = alltrue(flatten([for policies in [aws_iam_policy.read, aws_iam_policy.deploy_data, aws_iam_policy.deploy_runtime, aws_iam_policy.deploy_network, aws_iam_policy.boundary] : [for resource in flatten([for statement in jsondecode(policies["abcdefghijklmno"].policy).Statement : statement.Resource]) : resource == "*" || startswith(resource, "arn:aws:")]]))
    error_message = "Every ARN is of the partition."
  }
}

run "the_longest_names_still_fit_into_a_policy_in_govcloud" {
  command = plan

  providers = {
    aws = aws.govcloud
  }

  variables {
    region       = "us-gov-west-1"
    name_prefix  = "abcdefghijklmnopqrst"
    environments = { abcdefghijklmno = {} }
    kms_key_arns = [for i in range(2) : "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/01234567-89ab-cdef-0123-456789abcde${i}"]
  }

  assert {
    condition     = max(values({ for name, policies in { read = aws_iam_policy.read, data = aws_iam_policy.deploy_data, runtime = aws_iam_policy.deploy_runtime, network = aws_iam_policy.deploy_network, boundary = aws_iam_policy.boundary } : name => length(jsonencode(jsondecode(policies["abcdefghijklmno"].policy))) })...) <= 6144
    error_message = "IAM takes 6,144 characters; got ${jsonencode({ for name, policies in { read = aws_iam_policy.read, data = aws_iam_policy.deploy_data, runtime = aws_iam_policy.deploy_runtime, network = aws_iam_policy.deploy_network, boundary = aws_iam_policy.boundary } : name => length(jsonencode(jsondecode(policies["abcdefghijklmno"].policy))) })}."
  }

  assert {
    condition     = alltrue(flatten([for policies in [aws_iam_policy.read, aws_iam_policy.deploy_data, aws_iam_policy.deploy_runtime, aws_iam_policy.deploy_network, aws_iam_policy.boundary] : [for resource in flatten([for statement in jsondecode(policies["abcdefghijklmno"].policy).Statement : statement.Resource]) : resource == "*" || startswith(resource, "arn:aws-us-gov:")]]))
    error_message = "Every ARN is of the partition."
  }
}

run "the_longest_names_still_fit_into_a_policy_in_china" {
  command = plan

  providers = {
    aws = aws.china
  }

  variables {
    region       = "cn-northwest-1"
    name_prefix  = "abcdefghijklmnopqrst"
    environments = { abcdefghijklmno = {} }
    kms_key_arns = [for i in range(2) : "arn:aws-cn:kms:cn-northwest-1:111122223333:key/01234567-89ab-cdef-0123-456789abcde${i}"]
  }

  assert {
    condition     = max(values({ for name, policies in { read = aws_iam_policy.read, data = aws_iam_policy.deploy_data, runtime = aws_iam_policy.deploy_runtime, network = aws_iam_policy.deploy_network, boundary = aws_iam_policy.boundary } : name => length(jsonencode(jsondecode(policies["abcdefghijklmno"].policy))) })...) <= 6144
    error_message = "IAM takes 6,144 characters; got ${jsonencode({ for name, policies in { read = aws_iam_policy.read, data = aws_iam_policy.deploy_data, runtime = aws_iam_policy.deploy_runtime, network = aws_iam_policy.deploy_network, boundary = aws_iam_policy.boundary } : name => length(jsonencode(jsondecode(policies["abcdefghijklmno"].policy))) })}."
  }

  assert {
    condition     = alltrue(flatten([for policies in [aws_iam_policy.read, aws_iam_policy.deploy_data, aws_iam_policy.deploy_runtime, aws_iam_policy.deploy_network, aws_iam_policy.boundary] : [for resource in flatten([for statement in jsondecode(policies["abcdefghijklmno"].policy).Statement : statement.Resource]) : resource == "*" || startswith(resource, "arn:aws-cn:")]]))
    error_message = "Every ARN is of the partition."
  }
}
