# A key of pseudonyms: with it a value has always the same one, without it nobody finds the value to one.

resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV_AWS_149:Encrypted with kms_key_arn where it is given, otherwise with Secrets Manager's own key.
  #checkov:skip=CKV2_AWS_57:A new key makes all pseudonyms new ones, so it is made when somebody decides so, by key_version.
  name                    = var.name
  description             = var.description
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.force_destroy ? 0 : 30
  tags                    = var.tags
}

# 64 hexadecimal digits from 366 random bits. They are in no plan and in no state: Terraform calls uuid() when it applies,
# and forgets what it wrote. Why not ephemeral.aws_secretsmanager_random_password: "The provider mocking mechanism does
# not yet support ephemeral resource types", so no module that contains one could be tested.
resource "aws_secretsmanager_secret_version" "this" {
  secret_id                = aws_secretsmanager_secret.this.id
  secret_string_wo         = sha256(join("", [uuid(), uuid(), uuid()]))
  secret_string_wo_version = var.key_version
}
