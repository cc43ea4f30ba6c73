# What Glue needs, acting as the job's role, to place a job in the VPC: the permissions that AWS documents for its service
# role, limited to the subnets and the security group of the connections.

data "aws_iam_policy_document" "network" {
  count = var.placement == null ? 0 : 1

  statement {
    sid       = "ReadConnections"
    actions   = ["glue:GetConnection"]
    resources = concat(["${local.glue_arn}:catalog"], var.placement.connection_arns)
  }

  # EC2's Describe actions support no resource-level permissions.
  statement {
    sid = "LookAtNetwork"
    actions = [
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribeRouteTables",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets",
      "ec2:DescribeVpcAttribute",
      "ec2:DescribeVpcEndpoints",
    ]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "ec2:Region"
      values   = [data.aws_region.current.id]
    }
  }

  statement {
    sid     = "PlugIntoSubnets"
    actions = ["ec2:CreateNetworkInterface"]
    resources = concat(
      ["${local.ec2_arn}:network-interface/*"],
      var.placement.subnet_arns,
      var.placement.security_group_arns,
    )
  }

  statement {
    sid       = "UnplugFromSubnets"
    actions   = ["ec2:DeleteNetworkInterface"]
    resources = ["${local.ec2_arn}:network-interface/*"]

    condition {
      test     = "ArnEquals"
      variable = "ec2:Subnet"
      values   = var.placement.subnet_arns
    }
  }

  # ForAllValues also matches a request without tag keys, which is harmless: it tags nothing.
  statement {
    sid       = "MarkNetworkInterfaces"
    actions   = ["ec2:CreateTags", "ec2:DeleteTags"]
    resources = ["${local.ec2_arn}:network-interface/*"]

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "aws:TagKeys"
      values   = ["aws-glue-service-resource"]
    }
  }
}

# A managed policy for both roles: it grows with the subnets, and IAM limits the inline policies of a role to 10,240
# characters in total.
resource "aws_iam_policy" "network" {
  count = var.placement == null ? 0 : 1

  name        = "${var.name}-glue-network${var.global_suffix}"
  path        = var.path
  description = "Glue places the jobs of ${var.name} into their subnets."
  policy      = data.aws_iam_policy_document.network[0].json
  tags        = var.tags
}

resource "aws_iam_role_policy_attachment" "network" {
  for_each = var.placement == null || var.existing_roles != null ? {} : { jobs = aws_iam_role.jobs[0].name, forget = aws_iam_role.forget[0].name }

  role       = each.value
  policy_arn = aws_iam_policy.network[0].arn
}
