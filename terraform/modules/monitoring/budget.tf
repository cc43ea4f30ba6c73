# What carries the lakehouse's tag, in a month. AWS counts a tag's costs from the day on which it is activated as a cost
# allocation tag in the billing console, once per organisation.
resource "aws_budgets_budget" "this" {
  count = var.budget == null ? 0 : 1

  name         = "${var.name}-monthly"
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = tostring(var.budget.monthly_limit)
  limit_unit   = var.budget.currency
  tags         = var.tags

  cost_filter {
    name   = "TagKeyValue"
    values = [format("user:Lakehouse$%s", var.name)]
  }

  dynamic "notification" {
    for_each = var.budget.alert_percent

    content {
      comparison_operator        = "GREATER_THAN"
      notification_type          = "ACTUAL"
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
      subscriber_email_addresses = var.budget.emails
      subscriber_sns_topic_arns  = aws_sns_topic.job_failures[*].arn
    }
  }

  # While there is still time to do something about it.
  notification {
    comparison_operator        = "GREATER_THAN"
    notification_type          = "FORECASTED"
    threshold                  = 100
    threshold_type             = "PERCENTAGE"
    subscriber_email_addresses = var.budget.emails
    subscriber_sns_topic_arns  = aws_sns_topic.job_failures[*].arn
  }

  # AWS Budgets tries the topic.
  depends_on = [aws_sns_topic_policy.job_failures]
}
