# Stands for what else the platform team has: a database with tables of other teams, a topic for alerts, a workgroup, and
# secrets. Where they exist, delete this file, and give their names in main.tf.
resource "aws_glue_catalog_database" "analytics" {
  name = "analytics"
}

resource "aws_glue_catalog_table" "orders" {
  database_name = aws_glue_catalog_database.analytics.name
  name          = "orders"
  table_type    = "EXTERNAL_TABLE"

  storage_descriptor {
    location      = "s3://${aws_s3_bucket.shared.bucket}/teams/sales/orders/"
    input_format  = "org.apache.hadoop.mapred.TextInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"

    ser_de_info {
      serialization_library = "org.openx.data.jsonserde.JsonSerDe"
    }

    columns {
      name = "email"
      type = "string"
    }
  }
}

resource "aws_sns_topic" "alerts" {
  #checkov:skip=CKV_AWS_26:EventBridge cannot publish to a topic under the AWS managed key; examples/complete has a KMS key.
  name = "alerts"
}

# With the statements of other publishers, if the topic has some: source_policy_documents takes several.
data "aws_iam_policy_document" "alerts" {
  source_policy_documents = [module.lakehouse.failure_topic_policy]
}

resource "aws_sns_topic_policy" "alerts" {
  arn    = aws_sns_topic.alerts.arn
  policy = data.aws_iam_policy_document.alerts.json
}

resource "aws_athena_workgroup" "engineers" {
  #checkov:skip=CKV_AWS_159:Encrypted by S3's own key; examples/complete has a KMS key.
  name          = "engineers"
  force_destroy = true

  configuration {
    result_configuration {
      # Below the lakehouse's prefix, so that `make forget` reaches the results.
      output_location = "s3://${aws_s3_bucket.shared.bucket}/${local.prefix}/athena-results/engineers/"

      encryption_configuration {
        encryption_option = "SSE_S3"
      }
    }
  }
}

resource "aws_secretsmanager_secret" "key" {
  #checkov:skip=CKV_AWS_149:Encrypted by Secrets Manager's own key; examples/complete has a KMS key.
  #checkov:skip=CKV2_AWS_57:A new key changes every pseudonym, so rotation is a deliberate decision, not a schedule.
  for_each = toset(["subject", "refusal"])

  name                    = "privacy-${each.key}-key"
  recovery_window_in_days = 0
}

# In no plan and no state: write-only.
resource "aws_secretsmanager_secret_version" "key" {
  for_each = aws_secretsmanager_secret.key

  secret_id                = each.value.id
  secret_string_wo         = sha256(join("", [uuid(), uuid(), uuid()]))
  secret_string_wo_version = 1
}
