locals {
  start_type = var.start.on_arrival != null ? "EVENT" : var.schedule != null ? "SCHEDULED" : "ON_DEMAND"
  starts_by = {
    EVENT     = "Starts the workflow when files have arrived in the landing zone."
    SCHEDULED = "Starts the workflow on its schedule."
    ON_DEMAND = "Starts the workflow on demand."
  }

  # Every job replaces its whole table, so the lease admits one run at a time. Files that arrive during a run start a second
  # one, which waits for the lease in its first job; a third is not needed, since the second has not read anything yet.
  concurrent_runs = var.start.on_arrival == null ? 1 : 2
}

resource "aws_glue_workflow" "this" {
  name                = var.workflow
  description         = var.orchestration == "workflow" ? "Landing to trusted to curated: ${length(local.workflow_jobs)} jobs, each after the one before it." : local.all_steps.description
  max_concurrent_runs = local.concurrent_runs
  tags                = var.tags
}

# A workflow has one start trigger. Whatever it is, StartWorkflowRun works: the workflow can always be started on demand.
resource "aws_glue_trigger" "start" {
  name              = "${var.name}-start"
  description       = local.starts_by[local.start_type]
  type              = local.start_type
  schedule          = var.schedule
  workflow_name     = aws_glue_workflow.this.name
  enabled           = var.schedule != null # an enabled ON_DEMAND trigger starts a run on every apply that creates it (terraform-provider-aws#38222); an EVENT trigger cannot be enabled (#28630)
  start_on_creation = var.schedule == null ? null : true
  tags              = var.tags

  dynamic "event_batching_condition" {
    for_each = var.start.on_arrival == null ? [] : [var.start.on_arrival]

    content {
      batch_size   = event_batching_condition.value.files
      batch_window = event_batching_condition.value.minutes * 60
    }
  }

  dynamic "actions" {
    for_each = { for job, spec in local.workflow_jobs : job => spec if spec.after == null }

    content {
      job_name = aws_glue_job.this[actions.key].name
    }
  }
}

resource "aws_glue_trigger" "after" {
  for_each = { for job, spec in local.workflow_jobs : job => spec if spec.after != null }

  name              = "${var.name}-start-${replace(each.key, "_", "-")}"
  description       = "Starts ${each.key} when ${each.value.after} has succeeded."
  type              = "CONDITIONAL"
  workflow_name     = aws_glue_workflow.this.name
  start_on_creation = true
  tags              = var.tags

  predicate {
    conditions {
      job_name = aws_glue_job.this[each.value.after].name
      state    = "SUCCEEDED"
    }
  }

  actions {
    job_name = aws_glue_job.this[each.key].name
  }
}
