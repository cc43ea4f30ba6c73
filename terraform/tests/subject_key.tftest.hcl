mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name          = "stedi-test-subject-key"
  description   = "Key of the pseudonyms."
  key_version   = 1
  kms_key_arn   = null
  force_destroy = false
  tags          = {}
}

run "the_key_is_kept_out_of_plan_and_state_and_can_be_brought_back" {
  command = apply

  module {
    source = "./modules/subject_key"
  }

  assert {
    condition     = aws_secretsmanager_secret.this.name == "stedi-test-subject-key" && aws_secretsmanager_secret.this.kms_key_id == null && aws_secretsmanager_secret.this.recovery_window_in_days == 30
    error_message = "Got ${jsonencode(aws_secretsmanager_secret.this)}."
  }

  assert {
    condition     = aws_secretsmanager_secret_version.this.secret_string == null && aws_secretsmanager_secret_version.this.secret_string_wo == null
    error_message = "The state must not hold the key."
  }
}

run "another_number_makes_another_key" {
  command = plan

  module {
    source = "./modules/subject_key"
  }

  variables {
    key_version = 2
  }

  assert {
    condition     = aws_secretsmanager_secret_version.this.secret_string_wo_version == 2
    error_message = "Got ${aws_secretsmanager_secret_version.this.secret_string_wo_version}."
  }
}

run "the_given_key_encrypts_the_secret_and_what_is_to_be_thrown_away_goes_at_once" {
  command = plan

  module {
    source = "./modules/subject_key"
  }

  variables {
    kms_key_arn   = "arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"
    force_destroy = true
  }

  assert {
    condition     = aws_secretsmanager_secret.this.kms_key_id == var.kms_key_arn && aws_secretsmanager_secret.this.recovery_window_in_days == 0
    error_message = "Got ${jsonencode(aws_secretsmanager_secret.this)}."
  }
}
