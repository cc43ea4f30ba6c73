# The monthly cost of all resources with the lakehouse's tag. AWS counts a tag's costs only from the day on which it is
# activated as a cost allocation tag in the billing console, once per organisation.
resource "aws_budgets_budget" "this" {
  count = var.budget == null ? 0 : 1

  name         = "${var.name}-monthly${var.global_suffix}"
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = tostring(var.budget.monthly_limit)
  limit_unit   = var.budget.currency
  tags         = var.tags

  cost_filter {
    name   = "TagKeyValue"
    values = [format("user:Lakehouse$%s", var.name)]
  }

  # The tag is the same in each region of an environment.
  dynamic "cost_filter" {
    for_each = var.global_suffix == "" ? [] : [var.region]

    content {
      name   = "Region"
      values = [cost_filter.value]
    }
  }

  dynamic "notification" {
    for_each = var.budget.alert_percent

    content {
      comparison_operator        = "GREATER_THAN"
      notification_type          = "ACTUAL"
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
      subscriber_email_addresses = var.budget.emails
      subscriber_sns_topic_arns  = local.topic_arns
    }
  }

  # A forecast leaves time to react.
  notification {
    comparison_operator        = "GREATER_THAN"
    notification_type          = "FORECASTED"
    threshold                  = 100
    threshold_type             = "PERCENTAGE"
    subscriber_email_addresses = var.budget.emails
    subscriber_sns_topic_arns  = local.topic_arns
  }

  # AWS Budgets validates the topic's policy.
  depends_on = [aws_sns_topic_policy.job_failures]
}
