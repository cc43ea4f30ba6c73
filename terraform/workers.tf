# What Glue accepts for a job. Both the settings of every job (worker_type and those below it in variables.tf) and the
# exceptions for single jobs (job_settings) are checked against these values.

locals {
  worker_type_pattern = "^[GR]\\.[1-9][0-9]*X$"
  flex_worker_types   = ["G.1X", "G.2X"]
  execution_classes   = ["STANDARD", "FLEX"]

  job_ranges = {
    number_of_workers = { min = 2, max = 299 } # the driver and at least one executor
    timeout           = { min = 1, max = 10080 }
    max_retries       = { min = 0, max = 10 }
  }
}
