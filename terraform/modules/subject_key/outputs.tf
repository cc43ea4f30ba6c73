output "secret_arn" {
  description = "ARN of the secret that holds the key."
  value       = aws_secretsmanager_secret.this.arn

  # Reading a secret that has no version fails with ResourceNotFoundException.
  depends_on = [aws_secretsmanager_secret_version.this]
}
