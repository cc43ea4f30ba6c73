resource "aws_glue_workflow" "this" {
  name                = var.workflow
  description         = var.orchestration == "workflow" ? "Landing to trusted to curated: ${length(local.workflow_jobs)} jobs, each after the one before it." : local.all_steps.description
  max_concurrent_runs = 1 # every job replaces its whole table: two runs at once would overwrite each other
  tags                = var.tags
}

# A workflow has one start trigger. If that is a schedule, StartWorkflowRun still works: the workflow can always be started on
# demand.
resource "aws_glue_trigger" "start" {
  name              = "${var.name}-start"
  description       = var.schedule == null ? "Starts the workflow on demand." : "Starts the workflow on its schedule."
  type              = var.schedule == null ? "ON_DEMAND" : "SCHEDULED"
  schedule          = var.schedule
  workflow_name     = aws_glue_workflow.this.name
  enabled           = var.schedule != null # an enabled ON_DEMAND trigger starts a run on every apply that creates it (terraform-provider-aws#38222)
  start_on_creation = var.schedule == null ? null : true
  tags              = var.tags

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
