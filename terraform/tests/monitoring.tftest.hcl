mock_provider "aws" {
  source = "./tests/mocks"

  mock_resource "aws_sns_topic" {
    defaults = {
      arn = "arn:aws:sns:eu-central-1:111122223333:failures"
    }
  }

  override_resource {
    target = aws_cloudwatch_event_rule.jobs["failed"]
    values = {
      arn = "arn:aws:events:eu-central-1:111122223333:rule/failed"
    }
  }

  override_resource {
    target = aws_cloudwatch_event_rule.jobs["slow"]
    values = {
      arn = "arn:aws:events:eu-central-1:111122223333:rule/slow"
    }
  }

  mock_resource "aws_cloudwatch_metric_alarm" {
    defaults = {
      arn = "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:alarm"
    }
  }
}

variables {
  global_suffix     = ""
  topic             = null
  name              = "stedi-test"
  region            = "eu-central-1"
  jobs              = { customer_landing_to_trusted = "stedi-test-customer-landing-to-trusted", machine_learning_curated = "stedi-test-machine-learning-curated" }
  last_job          = "stedi-test-machine-learning-curated"
  bucket            = "our-data"
  workgroup         = "stedi-test"
  max_retries       = 0
  error_log_groups  = ["/aws-glue/jobs/stedi-test/error"]
  events_enabled    = true
  email             = null
  stale_after_hours = null
  dashboard_enabled = true
  metrics_enabled   = false
  budget            = null
  kms_key_arn       = null
  tags              = {}
}

run "failed_and_slow_jobs_of_this_lakehouse_are_announced" {
  command = apply

  module {
    source = "./modules/monitoring"
  }

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.jobs["failed"].event_pattern) == {
      source      = ["aws.glue"]
      detail-type = ["Glue Job State Change"]
      detail = {
        jobName = ["stedi-test-customer-landing-to-trusted", "stedi-test-machine-learning-curated"]
        state   = ["FAILED", "TIMEOUT", "ERROR"]
      }
    }
    error_message = "Got ${aws_cloudwatch_event_rule.jobs["failed"].event_pattern}."
  }

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.jobs["slow"].event_pattern) == {
      source      = ["aws.glue"]
      detail-type = ["Glue Job Run Status"]
      detail = {
        jobName = ["stedi-test-customer-landing-to-trusted", "stedi-test-machine-learning-curated"]
        state   = ["STARTING", "RUNNING"]
      }
    }
    error_message = "Got ${aws_cloudwatch_event_rule.jobs["slow"].event_pattern}."
  }

  assert {
    condition = { for event, target in aws_cloudwatch_event_target.jobs : event => [target.rule, target.arn] } == {
      failed = ["stedi-test-job-failures", "arn:aws:sns:eu-central-1:111122223333:failures"]
      slow   = ["stedi-test-job-delays", "arn:aws:sns:eu-central-1:111122223333:failures"]
    }
    error_message = "Both go to the topic, and a completed run does not."
  }

  assert {
    condition = { for event, target in aws_cloudwatch_event_target.jobs : event => jsondecode(target.input_transformer[0].input_template) } == {
      failed = "Glue job <job> of stedi-test, run <run>: <state>. Look at it: aws glue get-job-run --region eu-central-1 --job-name <job> --run-id <run>"
      slow   = "Glue job <job> of stedi-test, run <run>: <state>. It has used four fifths of its timeout and still runs. Look at it: aws glue get-job-run --region eu-central-1 --job-name <job> --run-id <run>"
    }
    error_message = "A message says what happened and where to look; got ${jsonencode(values(aws_cloudwatch_event_target.jobs)[*].input_transformer)}."
  }

  assert {
    condition     = alltrue([for target in aws_cloudwatch_event_target.jobs : target.input_transformer[0].input_paths == tomap({ job = "$.detail.jobName", run = "$.detail.jobRunId", state = "$.detail.state" })])
    error_message = "What a message says is taken from the event."
  }

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.publish[0].statement :
      one(one(statement.principals).identifiers) => { key = one(statement.condition).variable, values = toset(one(statement.condition).values) }
      } == {
      "events.amazonaws.com"     = { key = "aws:SourceArn", values = toset(["arn:aws:events:eu-central-1:111122223333:rule/failed", "arn:aws:events:eu-central-1:111122223333:rule/slow"]) }
      "cloudwatch.amazonaws.com" = { key = "aws:SourceArn", values = toset(["arn:aws:cloudwatch:eu-central-1:111122223333:alarm:alarm"]) }
    }
    error_message = "Only these rules and alarms may publish; got ${jsonencode(data.aws_iam_policy_document.publish[0].statement)}."
  }

  assert {
    condition     = aws_sns_topic_policy.job_failures[0].policy == data.aws_iam_policy_document.publish[0].json
    error_message = "The topic carries that policy."
  }

  assert {
    condition = {
      for alarm in aws_cloudwatch_metric_alarm.undelivered : alarm.dimensions["RuleName"] => [alarm.namespace, alarm.metric_name, one(alarm.alarm_actions)]
      } == {
      stedi-test-job-failures = ["AWS/Events", "FailedInvocations", "arn:aws:sns:eu-central-1:111122223333:failures"]
      stedi-test-job-delays   = ["AWS/Events", "FailedInvocations", "arn:aws:sns:eu-central-1:111122223333:failures"]
    }
    error_message = "An undelivered announcement triggers an alarm."
  }

  assert {
    condition     = length(aws_sns_topic_subscription.email) + length(aws_cloudwatch_metric_alarm.stale) + length(aws_budgets_budget.this) == 0
    error_message = "There is no subscription, alarm on missing runs or budget unless configured."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets[*].properties.title == ["Runs completed, jobs failed, jobs slow (per hour)", "Alarms", "Bytes in the bucket, noncurrent versions included", "Errors of the jobs"]
    error_message = "Got ${aws_cloudwatch_dashboard.this[0].dashboard_body}."
  }
}

run "with_key_address_expected_runs_metrics_and_budget" {
  command = apply

  module {
    source = "./modules/monitoring"
  }

  variables {
    email             = "ops@example.org"
    stale_after_hours = 26
    metrics_enabled   = true
    max_retries       = 2
    error_log_groups  = ["/aws-glue/jobs/stedi-test/jobs/error", "/aws-glue/jobs/stedi-test/forget/error"]
    kms_key_arn       = "arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"

    budget = {
      monthly_limit = 50
      currency      = "EUR"
      alert_percent = [80]
      emails        = ["boss@example.org"]
    }
  }

  assert {
    condition     = strcontains(jsondecode(aws_cloudwatch_event_target.jobs["failed"].input_transformer[0].input_template), "Glue repeats a FAILED run up to 2 times, as <run>_attempt_1 and so on: no message about the next attempt means that it succeeded.")
    error_message = "A message about a failure that is retried says so; got ${aws_cloudwatch_event_target.jobs["failed"].input_transformer[0].input_template}."
  }

  assert {
    condition     = strcontains(aws_cloudwatch_dashboard.this[0].dashboard_body, "SOURCE '/aws-glue/jobs/stedi-test/jobs/error' | SOURCE '/aws-glue/jobs/stedi-test/forget/error' | fields")
    error_message = "The dashboard looks into every group of errors; got ${aws_cloudwatch_dashboard.this[0].dashboard_body}."
  }

  assert {
    condition     = aws_sns_topic_subscription.email[0].protocol == "email" && aws_sns_topic_subscription.email[0].endpoint == "ops@example.org"
    error_message = "The address is subscribed by e-mail."
  }

  assert {
    condition     = aws_sns_topic.job_failures[0].kms_master_key_id == var.kms_key_arn
    error_message = "The topic is encrypted with the key."
  }

  assert {
    condition = (
      jsondecode(aws_cloudwatch_event_rule.jobs["completed"].event_pattern).detail == { jobName = ["stedi-test-machine-learning-curated"], state = ["SUCCEEDED"] } &&
      aws_cloudwatch_metric_alarm.stale[0].metric_name == "MatchedEvents" &&
      aws_cloudwatch_metric_alarm.stale[0].dimensions == tomap({ RuleName = "stedi-test-completed-runs" }) &&
      aws_cloudwatch_metric_alarm.stale[0].period * aws_cloudwatch_metric_alarm.stale[0].evaluation_periods == 26 * 3600 &&
      aws_cloudwatch_metric_alarm.stale[0].treat_missing_data == "breaching" &&
      aws_cloudwatch_metric_alarm.stale[0].alarm_actions == toset(["arn:aws:sns:eu-central-1:111122223333:failures"])
    )
    error_message = "26 hours without a completed run set off the alarm."
  }

  assert {
    condition     = length(setintersection(jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets[*].properties.title, ["Minutes per job", "Bytes scanned by Athena (per hour)"])) == 2
    error_message = "What metrics_enabled pays for is shown; got ${aws_cloudwatch_dashboard.this[0].dashboard_body}."
  }

  assert {
    condition     = aws_budgets_budget.this[0].limit_amount == "50" && aws_budgets_budget.this[0].limit_unit == "EUR" && one(aws_budgets_budget.this[0].cost_filter).values == tolist(["user:Lakehouse$stedi-test"])
    error_message = "The budget counts what carries this lakehouse's tag."
  }

  assert {
    condition = {
      for notification in aws_budgets_budget.this[0].notification : "${notification.notification_type} ${notification.threshold}" =>
      [one(notification.subscriber_email_addresses), one(notification.subscriber_sns_topic_arns)]
      } == {
      "ACTUAL 80"      = ["boss@example.org", "arn:aws:sns:eu-central-1:111122223333:failures"]
      "FORECASTED 100" = ["boss@example.org", "arn:aws:sns:eu-central-1:111122223333:failures"]
    }
    error_message = "Address and topic hear of what is spent and of what will be."
  }

  assert {
    condition = [
      for statement in data.aws_iam_policy_document.publish[0].statement : one(statement.condition).values
      if one(one(statement.principals).identifiers) == "budgets.amazonaws.com"
    ] == [tolist(["111122223333"])]
    error_message = "Only this account's budgets may publish."
  }
}
