output "secret_arn" {
  description = "ARN of the secret that holds the key."
  value       = aws_secretsmanager_secret.this.arn

  # Who reads a secret without a version gets ResourceNotFoundException.
  depends_on = [aws_secretsmanager_secret_version.this]
}
