# An HMAC key for pseudonyms: under one key a value always has the same pseudonym, and without the key a pseudonym cannot be
# traced to its value.

resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV_AWS_149:Encrypted with kms_key_arn if given, otherwise with Secrets Manager's own key.
  #checkov:skip=CKV2_AWS_57:A new key changes every pseudonym, so rotation is a deliberate decision (key_version), not a schedule.
  name                    = var.name
  description             = var.description
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.force_destroy ? 0 : 30
  tags                    = var.tags
}

# 64 hexadecimal digits from 366 random bits. They appear in no plan and no state: Terraform calls uuid() at apply time and
# does not store the result. Not ephemeral.aws_secretsmanager_random_password: "The provider mocking mechanism does not yet
# support ephemeral resource types", so a module that contains one could not be tested.
resource "aws_secretsmanager_secret_version" "this" {
  secret_id                = aws_secretsmanager_secret.this.id
  secret_string_wo         = sha256(join("", [uuid(), uuid(), uuid()]))
  secret_string_wo_version = var.key_version
}
