# What an apply changes in its environment: jobs, logs, alarms, secrets and budget; and the run of the pipeline after it.

data "aws_iam_policy_document" "deploy_runtime" {
  for_each = local.arns

  statement {
    sid = "ManageJobs"
    actions = [
      "glue:CreateJob",
      "glue:CreateTrigger",
      "glue:CreateWorkflow",
      "glue:DeleteJob",
      "glue:DeleteTrigger",
      "glue:DeleteWorkflow",
      "glue:StartTrigger",
      "glue:StopTrigger",
      "glue:TagResource",
      "glue:UntagResource",
      "glue:UpdateJob",
      "glue:UpdateTrigger",
      "glue:UpdateWorkflow",
    ]
    resources = [each.value.job, each.value.trigger, each.value.workflow]
  }

  statement {
    sid       = "RunPipeline"
    actions   = ["glue:GetJobRun", "glue:GetWorkflowRun", "glue:GetWorkflowRuns", "glue:StartWorkflowRun"]
    resources = [each.value.job, each.value.workflow]
  }

  statement {
    sid = "ManageConnections"
    actions = [
      "glue:CreateConnection",
      "glue:DeleteConnection",
      "glue:PassConnection",
      "glue:TagResource",
      "glue:UntagResource",
      "glue:UpdateConnection",
    ]
    resources = [each.value.catalog, each.value.connection]
  }

  statement {
    sid = "ManageLogGroups"
    actions = [
      "logs:AssociateKmsKey",
      "logs:CreateLogGroup",
      "logs:DeleteLogGroup",
      "logs:DeleteRetentionPolicy",
      "logs:DisassociateKmsKey",
      "logs:PutRetentionPolicy",
      "logs:TagResource",
      "logs:UntagResource",
    ]
    resources = each.value.log_groups
  }

  statement {
    sid = "ManageFailureEvents"
    actions = [
      "events:DeleteRule",
      "events:DisableRule",
      "events:EnableRule",
      "events:PutRule",
      "events:PutTargets",
      "events:RemoveTargets",
      "events:TagResource",
      "events:UntagResource",
    ]
    resources = [each.value.rule]
  }

  statement {
    sid       = "ManageTopics"
    actions   = ["sns:CreateTopic", "sns:DeleteTopic", "sns:SetTopicAttributes", "sns:Subscribe", "sns:TagResource", "sns:UntagResource"]
    resources = [each.value.topic]
  }

  statement {
    sid       = "ManageAlarms"
    actions   = ["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource"]
    resources = [each.value.alarm]
  }

  statement {
    sid       = "ManageDashboards"
    actions   = ["cloudwatch:DeleteDashboards", "cloudwatch:PutDashboard"]
    resources = each.value.dashboards
  }

  statement {
    sid = "ManageSubjectKey"
    actions = [
      "secretsmanager:CreateSecret",
      "secretsmanager:DeleteSecret",
      "secretsmanager:PutSecretValue",
      "secretsmanager:TagResource",
      "secretsmanager:UntagResource",
      "secretsmanager:UpdateSecret",
      "secretsmanager:UpdateSecretVersionStage",
    ]
    resources = [each.value.secret]
  }

  statement {
    sid       = "ManageBudgets"
    actions   = ["budgets:ModifyBudget", "budgets:TagResource", "budgets:UntagResource"]
    resources = [each.value.budget]
  }

  # "*" because subscriptions and security configurations have no ARN for a policy to name.
  statement {
    sid = "ManageWhatHasNoArn"
    actions = [
      "glue:CreateSecurityConfiguration",
      "glue:DeleteSecurityConfiguration",
      "sns:SetSubscriptionAttributes",
      "sns:Unsubscribe",
    ]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "deploy_runtime" {
  for_each = local.names

  name        = "${each.value}-deploy-runtime"
  path        = "/ci/"
  description = "Change jobs, logs and alarms of ${each.value}, and run its pipeline."
  policy      = data.aws_iam_policy_document.deploy_runtime[each.key].json
}

resource "aws_iam_role_policy_attachment" "deploy_runtime" {
  for_each = aws_iam_policy.deploy_runtime

  role       = aws_iam_role.apply[each.key].name
  policy_arn = each.value.arn
}
