# ARN patterns of each environment's resources, for the policies of the roles and of the boundary: every name that the module
# creates starts with stedi-<environment> or stedi_<environment>.

locals {
  ec2 = "arn:${local.partition}:ec2:${var.region}:${local.account}"

  arns = {
    for environment, name in local.names : environment => {
      bucket     = "arn:${local.partition}:s3:::${name}-*"
      catalog    = "arn:${local.partition}:glue:${var.region}:${local.account}:catalog"
      databases  = [for suffix in ["", "_audit"] : "arn:${local.partition}:glue:${var.region}:${local.account}:database/${replace(name, "-", "_")}${suffix}"]
      tables     = [for suffix in ["", "_audit"] : "arn:${local.partition}:glue:${var.region}:${local.account}:table/${replace(name, "-", "_")}${suffix}/*"]
      functions  = [for suffix in ["", "_audit"] : "arn:${local.partition}:glue:${var.region}:${local.account}:userDefinedFunction/${replace(name, "-", "_")}${suffix}/*"]
      job        = "arn:${local.partition}:glue:${var.region}:${local.account}:job/${name}-*"
      trigger    = "arn:${local.partition}:glue:${var.region}:${local.account}:trigger/${name}-*"
      workflow   = "arn:${local.partition}:glue:${var.region}:${local.account}:workflow/${name}-*"
      connection = "arn:${local.partition}:glue:${var.region}:${local.account}:connection/${name}-*"
      workgroups = [for suffix in ["", "-*"] : "arn:${local.partition}:athena:${var.region}:${local.account}:workgroup/${name}${suffix}"]
      # With and without the ":*" of a group's streams: the actions differ in which of the two they name.
      log_groups = [for suffix in ["", ":*"] : "arn:${local.partition}:logs:${var.region}:${local.account}:log-group:/aws-glue/jobs/${name}/*${suffix}"]
      rule       = "arn:${local.partition}:events:${var.region}:${local.account}:rule/${name}-*"
      topic      = "arn:${local.partition}:sns:${var.region}:${local.account}:${name}-*"
      alarm      = "arn:${local.partition}:cloudwatch:${var.region}:${local.account}:alarm:${name}-*"
      dashboards = [for suffix in ["", "-*"] : "arn:${local.partition}:cloudwatch::${local.account}:dashboard/${name}${suffix}"]
      secret     = "arn:${local.partition}:secretsmanager:${var.region}:${local.account}:secret:${name}-*"
      budget     = "arn:${local.partition}:budgets::${local.account}:budget/${name}-*"
      role       = "arn:${local.partition}:iam::${local.account}:role/${name}-*"
      policy     = "arn:${local.partition}:iam::${local.account}:policy/${name}-*"
      boundary   = "arn:${local.partition}:iam::${local.account}:policy/ci/${name}-boundary"
    }
  }
}
