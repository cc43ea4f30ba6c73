variable "name" {
  description = "Prefix of every name, and value of the tag Lakehouse."
  type        = string
}

variable "region" {
  description = "Region whose metrics and logs the dashboard shows."
  type        = string
}

variable "jobs" {
  description = "Names of the Glue jobs to watch, by script name."
  type        = map(string)
}

variable "last_job" {
  description = "Name of the Glue job whose success completes a run."
  type        = string
}

variable "bucket" {
  description = "Name of the bucket whose size the dashboard shows."
  type        = string
}

variable "workgroup" {
  description = "Name of the Athena workgroup whose scans the dashboard shows."
  type        = string
}

variable "error_log_groups" {
  description = "Log groups in which the dashboard looks for errors."
  type        = list(string)
}

variable "max_retries" {
  description = "Largest number of times that Glue repeats a failed run."
  type        = number
}

variable "events_enabled" {
  description = "Whether failed and slow jobs are announced, with the alarms that watch over it."
  type        = bool
}

variable "email" {
  description = "Address that gets a message for each failure; null sends none."
  type        = string
}

variable "stale_after_hours" {
  description = "Hours without a completed run after which an alarm goes off; null is never."
  type        = number
}

variable "dashboard_enabled" {
  description = "Whether there is a dashboard."
  type        = bool
}

variable "metrics_enabled" {
  description = "Whether jobs and queries publish the metrics of their own that the dashboard shows."
  type        = bool
}

variable "budget" {
  description = "Monthly budget and who hears of it, beside the topic; null is none."
  type = object({
    monthly_limit = number
    currency      = string
    alert_percent = set(number)
    emails        = set(string)
  })
}

variable "kms_key_arn" {
  description = "Key that encrypts the topic; null is none."
  type        = string
}

variable "tags" {
  description = "Tags of topic, rules, alarms and budget."
  type        = map(string)
}
