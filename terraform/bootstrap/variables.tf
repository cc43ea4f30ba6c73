variable "repository" {
  description = "GitHub repository that may deploy, as in the subject of its OIDC tokens: owner@id/name@id, or owner/name if it was created before July 2026."
  type        = string
  nullable    = false

  validation {
    # No wildcard characters: the trust policies compare it for equality.
    condition     = can(regex("^([A-Za-z0-9-]+/[A-Za-z0-9._-]+|[A-Za-z0-9-]+@[0-9]+/[A-Za-z0-9._-]+@[0-9]+)$", var.repository))
    error_message = "repository must be owner/name or owner@id/name@id, without wildcards; got \"${var.repository}\"."
  }
}

variable "branch" {
  description = "Branch whose commits are applied."
  type        = string
  default     = "main"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._/-]*$", var.branch))
    error_message = "branch must be the name of one branch, without refs/heads/ or wildcards; got \"${var.branch}\"."
  }

  validation {
    condition     = !startswith(var.branch, "refs/")
    error_message = "branch must not start with refs/; got \"${var.branch}\"."
  }
}

variable "environments" {
  description = "Environments of this account. Gated ones are deployed by jobs in the GitHub environment of the same name, which can require an approval."
  type        = map(object({ gated = optional(bool, false) }))
  default     = { dev = {}, prod = { gated = true } }
  nullable    = false

  validation {
    # With a hyphen, one environment's names (stedi-dev-eu-*) would be in reach of another's roles (stedi-dev-*).
    condition     = length(var.environments) > 0 && alltrue([for name in keys(var.environments) : can(regex("^[a-z][a-z0-9]{1,14}$", name))])
    error_message = "environments must have names of 2 to 15 lower-case letters and digits, starting with a letter; got ${jsonencode(keys(var.environments))}."
  }

  validation {
    condition     = !contains(keys(var.environments), "terraform")
    error_message = "environments must not contain \"terraform\", which is part of the name of the state bucket."
  }
}

variable "name_prefix" {
  description = "First part of every resource name, as in the lakehouse module."
  type        = string
  default     = "stedi"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,18}[a-z0-9]$", var.name_prefix))
    error_message = "name_prefix must be 2 to 20 lower-case letters, digits and hyphens, starting with a letter and not ending in a hyphen; got \"${var.name_prefix}\"."
  }
}

variable "region" {
  description = "AWS region of the state bucket and of every environment of this account."
  type        = string
  default     = "us-east-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be a region like us-east-1; got \"${var.region}\"."
  }
}

variable "state_bucket_name" {
  description = "Name of the state bucket; null means <name_prefix>-terraform-state-<account id>."
  type        = string
  default     = null

  validation {
    condition     = var.state_bucket_name == null || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.state_bucket_name))
    error_message = "state_bucket_name must be 3 to 63 lower-case letters, digits and hyphens, starting and ending with a letter or digit; got ${jsonencode(var.state_bucket_name)}."
  }

  validation {
    condition     = var.state_bucket_name == null || alltrue([for name in keys(var.environments) : !startswith(coalesce(var.state_bucket_name, "-"), "${var.name_prefix}-${name}-")])
    error_message = "state_bucket_name must not have the name prefix of an environment, whose apply role could manage the bucket; got ${jsonencode(var.state_bucket_name)}."
  }
}

variable "oidc_provider_arn" {
  description = "ARN of the account's IAM OIDC provider for token.actions.githubusercontent.com, if it exists already (an account can have only one); null creates it."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_provider_arn == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.oidc_provider_arn))
    error_message = "oidc_provider_arn must be arn:aws:iam::<account id>:oidc-provider/token.actions.githubusercontent.com; got ${jsonencode(var.oidc_provider_arn)}."
  }
}

variable "kms_key_arns" {
  description = "ARNs of the KMS keys that encrypt the lakehouses; empty if they use SSE-S3."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.kms_key_arns : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))])
    error_message = "kms_key_arns must be ARNs of keys, not of aliases; got ${jsonencode(var.kms_key_arns)}."
  }
}

variable "retention_days" {
  description = "Days to keep plans and replaced versions of states in the state bucket."
  type = object({
    plans  = optional(number, 30)
    states = optional(number, 365)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for days in [var.retention_days.plans, var.retention_days.states] : days >= 1 && floor(days) == days])
    error_message = "retention_days must be whole numbers of days, at least 1; got ${jsonencode(var.retention_days)}."
  }
}

variable "require_tls" {
  description = "Whether the state bucket refuses plain HTTP. Set it to false only for an emulator without TLS."
  type        = bool
  default     = true
  nullable    = false
}

variable "tags" {
  description = "Tags of every resource, in addition to Project and ManagedBy."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = !anytrue([for key in keys(var.tags) : startswith(lower(key), "aws:")])
    error_message = "tags must not have keys that start with \"aws:\", which AWS reserves; got ${jsonencode(keys(var.tags))}."
  }
}
