output "lakehouse" {
  description = "Names for the next steps: which workflow to start, what to query."
  value = {
    landing_uris     = module.lakehouse.landing_uris
    workflow         = module.lakehouse.workflow
    database         = module.lakehouse.database
    athena_workgroup = module.lakehouse.athena_workgroup
  }
}
