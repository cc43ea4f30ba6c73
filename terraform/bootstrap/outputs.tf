output "state_bucket" {
  description = "Name of the bucket that holds states, locks and plans."
  value       = aws_s3_bucket.state.bucket

  # Ensures that the bucket is private, versioned and encrypted before anything is written to it.
  depends_on = [
    aws_s3_bucket_ownership_controls.state,
    aws_s3_bucket_policy.state,
    aws_s3_bucket_public_access_block.state,
    aws_s3_bucket_server_side_encryption_configuration.state,
    aws_s3_bucket_versioning.state,
  ]
}

output "plan_role_arn" {
  description = "ARN of the read-only role for pull requests and the drift check."
  value       = aws_iam_role.plan.arn
}

output "apply_role_arns" {
  description = "ARN of the apply role, by environment."
  value       = { for environment, role in aws_iam_role.apply : environment => role.arn }
}

output "permissions_boundary_arns" {
  description = "ARN of the permissions boundary that every role of an environment must have, by environment."
  value       = { for environment, policy in aws_iam_policy.boundary : environment => policy.arn }
}

output "backend_hcl" {
  description = "Content of terraform/environments/<environment>/backend.hcl."
  value       = <<-EOT
    bucket = "${aws_s3_bucket.state.bucket}"
    region = "${var.region}"
  EOT
}

output "bootstrap_backend_tf" {
  description = "Content of terraform/bootstrap/backend.tf, which moves the bootstrap's own state into the bucket."
  value       = <<-EOT
    terraform {
      backend "s3" {
        bucket       = "${aws_s3_bucket.state.bucket}"
        key          = "stedi-lakehouse/bootstrap/terraform.tfstate"
        region       = "${var.region}"
        encrypt      = true
        use_lockfile = true
      }
    }
  EOT
}

output "github_variables" {
  description = "Repository variables that the workflows read, by name."
  value = merge([
    for environment in keys(var.environments) : {
      "${upper(environment)}_AWS_REGION"               = var.region
      "${upper(environment)}_STATE_BUCKET"             = aws_s3_bucket.state.bucket
      "${upper(environment)}_PLAN_ROLE_ARN"            = aws_iam_role.plan.arn
      "${upper(environment)}_APPLY_ROLE_ARN"           = aws_iam_role.apply[environment].arn
      "${upper(environment)}_PERMISSIONS_BOUNDARY_ARN" = aws_iam_policy.boundary[environment].arn
    }
  ]...)
}
