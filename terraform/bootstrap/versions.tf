terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }

  # No backend: this root creates the bucket for the states. Its own state moves there once the bucket exists: see docs/ci.md.
}
