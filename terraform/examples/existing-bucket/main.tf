# Region, credentials and endpoint come from the AWS_* environment variables, so the same code runs on AWS and on the
# embedded AWS.
provider "aws" {}

module "lakehouse" {
  # From another repository: "git::https://<host>/<owner>/<repository>.git//terraform?ref=<tag or commit>"
  source = "../.."

  environment   = "shared"
  force_destroy = true # examples are meant to be destroyed

  start = { on_arrival = { files = 100, minutes = 5 } }

  existing_bucket    = { name = aws_s3_bucket.shared.bucket, prefix = local.prefix }
  existing_database  = { name = aws_glue_catalog_database.analytics.name }
  existing_roles     = { jobs_arn = aws_iam_role.this["jobs"].arn, forget_arn = aws_iam_role.this["forget"].arn }
  existing_topic     = { arn = aws_sns_topic.alerts.arn }
  existing_workgroup = { name = aws_athena_workgroup.engineers.name }
  existing_secrets   = { subject_key_arn = aws_secretsmanager_secret.key["subject"].arn, refusal_key_arn = aws_secretsmanager_secret.key["refusal"].arn }
}
