# The key of the pseudonyms: with it an e-mail address has always the same, without it nobody finds the address to one.

resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV_AWS_149:Encrypted with kms_key_arn where it is given, otherwise with Secrets Manager's own key.
  #checkov:skip=CKV2_AWS_57:A new key gives everybody a new pseudonym, so it is made when somebody decides so, by key_version.
  name                    = "${var.name}-subject-key"
  description             = "Key of the pseudonyms of ${var.name}: HMAC-SHA256 of the e-mail address."
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
