variable "name" {
  description = "Prefix of every resource name, and value of the tag Lakehouse."
  type        = string
}

variable "global_suffix" {
  description = "Last part of the budget's name, which is unique in the account; may be empty."
  type        = string
}

variable "region" {
  description = "Region of the metrics and logs on the dashboard."
  type        = string
}

variable "jobs" {
  description = "Names of the Glue jobs to monitor, by script name."
  type        = map(string)
}

variable "last_job" {
  description = "Name of the workflow's last Glue job, whose success completes a run."
  type        = string
}

variable "bucket" {
  description = "Name of the bucket, for the size on the dashboard."
  type        = string
}

variable "workgroup" {
  description = "Name of the Athena workgroup, for the scanned bytes on the dashboard."
  type        = string
}

variable "error_log_groups" {
  description = "Log groups that the dashboard searches for errors."
  type        = list(string)
}

variable "max_retries" {
  description = "Highest number of retries of any job."
  type        = number
}

variable "events_enabled" {
  description = "Whether to announce failed and slow job runs, with alarms for undelivered announcements."
  type        = bool
}

variable "topic" {
  description = "ARN of an existing topic, with a policy of its owner; null creates one."
  type        = object({ arn = string })
}

variable "email" {
  description = "E-mail address that is notified; null means none."
  type        = string
}

variable "stale_after_hours" {
  description = "Hours without a completed run after which an alarm fires; null means no alarm."
  type        = number
}

variable "dashboard_enabled" {
  description = "Whether to create a dashboard."
  type        = bool
}

variable "metrics_enabled" {
  description = "Whether jobs and queries publish metrics, which the dashboard then shows."
  type        = bool
}

variable "budget" {
  description = "Monthly budget, and the addresses that are notified in addition to the topic; null means none."
  type = object({
    monthly_limit = number
    currency      = string
    alert_percent = set(number)
    emails        = set(string)
  })
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the topic; null leaves it unencrypted."
  type        = string
}

variable "tags" {
  description = "Tags of topic, rules, alarms and budget."
  type        = map(string)
}
