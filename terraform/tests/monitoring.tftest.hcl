mock_provider "aws" {
  source = "./tests/mocks"

  mock_resource "aws_sns_topic" {
    defaults = {
      arn = "arn:aws:sns:eu-central-1:111122223333:failures"
    }
  }

  mock_resource "aws_cloudwatch_event_rule" {
    defaults = {
      arn = "arn:aws:events:eu-central-1:111122223333:rule/failures"
    }
  }
}

variables {
  name      = "stedi-test"
  job_names = ["stedi-test-machine-learning-curated"]
  email     = null
  tags      = {}
}

run "failed_jobs_of_this_lakehouse_are_announced" {
  command = apply

  module {
    source = "./modules/monitoring"
  }

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.job_failures.event_pattern) == {
      source      = ["aws.glue"]
      detail-type = ["Glue Job State Change"]
      detail = {
        jobName = ["stedi-test-machine-learning-curated"]
        state   = ["FAILED", "TIMEOUT", "ERROR"]
      }
    }
    error_message = "Got ${aws_cloudwatch_event_rule.job_failures.event_pattern}."
  }

  assert {
    condition     = aws_cloudwatch_event_target.job_failures.arn == "arn:aws:sns:eu-central-1:111122223333:failures"
    error_message = "Got ${aws_cloudwatch_event_target.job_failures.arn}."
  }

  assert {
    condition = (
      data.aws_iam_policy_document.publish.statement[0].principals == toset([{ type = "Service", identifiers = toset(["events.amazonaws.com"]) }]) &&
      one(data.aws_iam_policy_document.publish.statement[0].condition).values == tolist(["arn:aws:events:eu-central-1:111122223333:rule/failures"])
    )
    error_message = "Only this rule may publish; got ${jsonencode(data.aws_iam_policy_document.publish.statement)}."
  }

  assert {
    condition     = length(aws_sns_topic_subscription.email) == 0
    error_message = "Nobody is subscribed unless named."
  }
}

run "a_named_address_is_subscribed" {
  command = plan

  module {
    source = "./modules/monitoring"
  }

  variables {
    email = "ops@example.org"
  }

  assert {
    condition     = aws_sns_topic_subscription.email[0].protocol == "email" && aws_sns_topic_subscription.email[0].endpoint == "ops@example.org"
    error_message = "The address is subscribed by e-mail."
  }
}
