locals {
  # Per hour, elapsedTime is the time for which the job ran; JobRunId ALL is the sum over its runs.
  job_minutes = concat(
    [for job, name in var.jobs : ["Glue", "glue.driver.aggregate.elapsedTime", "JobName", name, "JobRunId", "ALL", "Type", "count", { id = job, visible = false }]],
    [for job, name in var.jobs : [{ expression = "${job} / 60000", label = job }]],
  )

  widgets = {
    runs = {
      shown = var.events_enabled
      type  = "metric"
      properties = {
        title   = "Runs completed, jobs failed, jobs slow (per hour)"
        region  = var.region
        view    = "timeSeries"
        stat    = "Sum"
        period  = 3600
        metrics = [for event, rule in aws_cloudwatch_event_rule.jobs : ["AWS/Events", "MatchedEvents", "RuleName", rule.name, { label = event }]]
      }
    }
    alarms = {
      shown = var.events_enabled
      type  = "alarm"
      properties = {
        title  = "Alarms"
        alarms = concat(values(aws_cloudwatch_metric_alarm.undelivered)[*].arn, aws_cloudwatch_metric_alarm.stale[*].arn)
      }
    }
    duration = {
      shown = var.metrics_enabled
      type  = "metric"
      properties = {
        title   = "Minutes per job"
        region  = var.region
        view    = "timeSeries"
        stat    = "Sum"
        period  = 3600
        metrics = local.job_minutes
      }
    }
    queries = {
      shown = var.metrics_enabled
      type  = "metric"
      properties = {
        title   = "Bytes scanned by Athena (per hour)"
        region  = var.region
        view    = "timeSeries"
        stat    = "Sum"
        period  = 3600
        metrics = [["AWS/Athena", "ProcessedBytes", "WorkGroup", var.workgroup]]
      }
    }
    storage = {
      shown = true
      type  = "metric"
      properties = {
        title   = "Bytes in the bucket, noncurrent versions included"
        region  = var.region
        view    = "timeSeries"
        stat    = "Average"
        period  = 86400 # S3 reports once a day
        metrics = [["AWS/S3", "BucketSizeBytes", "BucketName", var.bucket, "StorageType", "StandardStorage"]]
      }
    }
    errors = {
      shown = true
      type  = "log"
      properties = {
        title  = "Errors of the jobs"
        region = var.region
        view   = "table"
        query  = "${join(" | ", [for group in var.error_log_groups : "SOURCE '${group}'"])} | fields @timestamp, @logStream, @message | filter @message like /ERROR|Traceback/ | sort @timestamp desc | limit 50"
      }
    }
  }
}

resource "aws_cloudwatch_dashboard" "this" {
  count = var.dashboard_enabled ? 1 : 0

  dashboard_name = var.name
  dashboard_body = jsonencode({
    widgets = [
      for name in ["runs", "alarms", "duration", "queries", "storage", "errors"] : {
        type       = local.widgets[name].type
        width      = name == "errors" ? 24 : 12
        height     = 6
        properties = local.widgets[name].properties
      } if local.widgets[name].shown
    ]
  })
}
