output "lakehouses" {
  description = "Names for the next steps, by environment."
  value = {
    for environment, lakehouse in module.lakehouse : environment => {
      bucket           = lakehouse.bucket
      landing_uris     = lakehouse.landing_uris
      workflow         = lakehouse.workflow
      database         = lakehouse.database
      athena_workgroup = lakehouse.athena_workgroup
      job_role_arn     = lakehouse.job_role_arn
      forget_role_arn  = lakehouse.forget_role_arn
    }
  }
}
