# What an apply changes in its environment: the network, in a VPC that the module creates or in an existing one.

locals {
  # Network resources have ids instead of names: the module's tags say which environment they belong to.
  own_network = ["route-table", "security-group", "subnet", "vpc", "vpc-endpoint"]
}

data "aws_iam_policy_document" "deploy_network" {
  for_each = local.arns

  statement {
    sid       = "CreateNetworkWithOwnTags"
    actions   = ["ec2:CreateRouteTable", "ec2:CreateSecurityGroup", "ec2:CreateSubnet", "ec2:CreateVpc", "ec2:CreateVpcEndpoint"]
    resources = [for kind in local.own_network : "${local.ec2}:${kind}/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/Project"
      values   = [var.name_prefix]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/Environment"
      values   = [each.key]
    }
  }

  # A statement of its own: combined with the one above, a tag on the new rule would open any security group.
  statement {
    sid       = "CreateRulesWithOwnTags"
    actions   = ["ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress"]
    resources = ["${local.ec2}:security-group-rule/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/Project"
      values   = [var.name_prefix]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/Environment"
      values   = [each.key]
    }
  }

  # The VPC and its subnets may be existing ones, given by the module's variables, so no tag restricts them.
  statement {
    sid     = "PlaceNetwork"
    actions = ["ec2:CreateSecurityGroup", "ec2:CreateVpcEndpoint", "ec2:ModifyVpcEndpoint"]
    resources = [
      "${local.ec2}:route-table/*",
      "${local.ec2}:subnet/*",
      "${local.ec2}:vpc/*",
    ]
  }

  # Private DNS of an interface endpoint is a hosted zone of AWS's own, with an id unknown in advance.
  statement {
    sid       = "NameEndpoints"
    actions   = ["route53:AssociateVPCWithHostedZone"]
    resources = ["arn:${local.partition}:route53:::hostedzone/*"]
  }

  # The Create actions are listed here for the existing parent: a VPC for subnets and route tables, a security group for
  # interface endpoints.
  statement {
    sid = "ManageOwnNetwork"
    actions = [
      "ec2:AssociateRouteTable",
      "ec2:AuthorizeSecurityGroupEgress",
      "ec2:AuthorizeSecurityGroupIngress",
      "ec2:CreateRouteTable",
      "ec2:CreateSubnet",
      "ec2:CreateTags",
      "ec2:CreateVpcEndpoint",
      "ec2:DeleteRouteTable",
      "ec2:DeleteSecurityGroup",
      "ec2:DeleteSubnet",
      "ec2:DeleteTags",
      "ec2:DeleteVpc",
      "ec2:DeleteVpcEndpoints",
      "ec2:DisassociateRouteTable",
      "ec2:ModifySecurityGroupRules",
      "ec2:ModifySubnetAttribute",
      "ec2:ModifyVpcAttribute",
      "ec2:ModifyVpcEndpoint",
      "ec2:RevokeSecurityGroupEgress",
      "ec2:RevokeSecurityGroupIngress",
    ]
    resources = [for kind in concat(local.own_network, ["security-group-rule"]) : "${local.ec2}:${kind}/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/Project"
      values   = [var.name_prefix]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/Environment"
      values   = [each.key]
    }
  }

  statement {
    sid       = "TagNetworkOnCreation"
    actions   = ["ec2:CreateTags"]
    resources = [for kind in concat(local.own_network, ["security-group-rule"]) : "${local.ec2}:${kind}/*"]

    condition {
      test     = "StringEquals"
      variable = "ec2:CreateAction"
      values   = ["AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress", "CreateRouteTable", "CreateSecurityGroup", "CreateSubnet", "CreateVpc", "CreateVpcEndpoint"]
    }
  }
}

resource "aws_iam_policy" "deploy_network" {
  for_each = local.names

  name        = "${each.value}-deploy-network"
  path        = "/ci/"
  description = "Change the network of ${each.value}."
  policy      = data.aws_iam_policy_document.deploy_network[each.key].json
}

resource "aws_iam_role_policy_attachment" "deploy_network" {
  for_each = aws_iam_policy.deploy_network

  role       = aws_iam_role.apply[each.key].name
  policy_arn = each.value.arn
}
